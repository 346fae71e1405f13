//! GPUs and their driver.

use nvml_standin::{Code, Mig};

use super::{KERNEL_LOG, Trouble, and, trouble};
use crate::{diagnosis::Expected, units::Units};

/// What depends on NVML, when it did not answer.
const WITHOUT_NVML: [Expected; 3] = [
    ("gpus", "skipped", "NVML did not answer", None),
    ("mig", "skipped", "no GPU was read", None),
    ("persistence-mode", "skipped", "NVML did not answer", None),
];

pub(crate) fn of_gpus() -> Vec<Trouble> {
    vec![
        trouble(
            "the library is gone",
            |host| host.remove("nvml/libnvidia-ml.so.1"),
            &and(("nvml", "failed", "missing: [dir]/nvml", Some("ldconfig -p | grep libnvidia-ml")), &WITHOUT_NVML),
        ),
        trouble(
            "the library is none",
            |host| host.write("nvml/libnvidia-ml.so.1", "not a library"),
            &and(("nvml", "failed", "[dir]/nvml/libnvidia-ml.so.1: ", KERNEL_LOG), &WITHOUT_NVML),
        ),
        trouble(
            "the driver was upgraded under the kernel's module",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlInit", Code::LibRmVersionMismatch)),
            &and(("nvml", "failed", "module 550.54.15; it works again once the host is rebooted", None), &WITHOUT_NVML),
        ),
        trouble(
            "the module is not loaded",
            |host| {
                host.remove("sys/module/nvidia");
                host.driver_tells(&host.gpus.clone().fault("nvmlInit", Code::DriverNotLoaded));
            },
            &and(("nvml", "failed", "the kernel has no module of it", Some("sudo modprobe nvidia")), &WITHOUT_NVML),
        ),
        trouble(
            "NVML may not be used",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlInit", Code::NoPermission)),
            &and(("nvml", "failed", "permission denied", Some("sudo ds01-detect doctor")), &WITHOUT_NVML),
        ),
        trouble(
            "NVML errs",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlInit", Code::Unknown)),
            &and(("nvml", "failed", "nvmlInit_v2", KERNEL_LOG), &WITHOUT_NVML),
        ),
        trouble(
            "a GPU is lost",
            |host| {
                host.gpus.gpus[0].faults.insert("*".to_owned(), Code::GpuIsLost.into());
                host.driver_tells(&host.gpus);
            },
            &[("gpus", "failed", "GPU 0: lost: ", KERNEL_LOG)],
        ),
        trouble(
            "who uses a GPU can't be told",
            |host| {
                let call = "nvmlDeviceGetComputeRunningProcesses".to_owned();
                host.gpus.gpus[0].faults.insert(call, Code::Unknown.into());
                host.driver_tells(&host.gpus);
            },
            &[("gpus", "failed", "GPU 0: failed: nvmlDeviceGetComputeRunningProcesses", KERNEL_LOG)],
        ),
        trouble(
            "the driver has no GPU",
            |host| {
                host.gpus.gpus.clear();
                host.driver_tells(&host.gpus);
            },
            &[
                ("nvml", "ok", "0 GPUs", None),
                ("gpus", "warning", "the driver has none", Some("lspci -d 10de: -nn")),
                ("mig", "skipped", "no GPU was read", None),
                ("persistence-mode", "skipped", "there is no GPU", None),
            ],
        ),
        trouble(
            "persistence mode is off",
            |host| {
                host.gpus.gpus[1].persistence_mode = Some(false);
                host.driver_tells(&host.gpus);
            },
            &[(
                "persistence-mode",
                "warning",
                "off on GPU 1: each scan wakes the driver",
                Some("sudo systemctl enable --now --no-reload nvidia-persistenced"),
            )],
        ),
        trouble(
            "persistence mode is off, and there is no daemon for it",
            |host| {
                host.systemd_tells(&Units::sound().without("nvidia-persistenced.service"));
                for gpu in &mut host.gpus.gpus {
                    gpu.persistence_mode = Some(false);
                }
                host.driver_tells(&host.gpus);
            },
            &[("persistence-mode", "warning", "off on GPU 0 and 1", Some("sudo nvidia-smi -pm 1"))],
        ),
        trouble(
            "the driver knows no persistence mode",
            |host| {
                for gpu in &mut host.gpus.gpus {
                    gpu.persistence_mode = None;
                }
                host.driver_tells(&host.gpus);
            },
            &[("persistence-mode", "skipped", "not supported", None)],
        ),
        trouble(
            "MIG is on, and nobody can use it",
            |host| {
                host.gpus.gpus[0].mig = Some(Mig::default());
                host.driver_tells(&host.gpus);
            },
            &[("mig", "warning", "on without an instance: GPU 0", Some("sudo nvidia-smi mig -i 0 -lgip"))],
        ),
        trouble(
            "MIG is off everywhere",
            |host| {
                host.gpus.gpus[1].mig = None;
                host.driver_tells(&host.gpus);
            },
            &[("mig", "ok", "off", None)],
        ),
        trouble(
            "there are no nodes",
            |host| host.remove("dev"),
            &[
                ("dev-char-links", "skipped", "[dir]/dev: ", None),
                ("notices", "ok", "wall: not known ([dir]/dev: ", None),
            ],
        ),
    ]
}

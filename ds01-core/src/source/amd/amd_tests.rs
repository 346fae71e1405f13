use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use super::*;

const CAPTURED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/amd/two-mi210/sys");

/// A copy of the captured tree, and an empty `/proc`.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        fn copy(from: &Path, to: &Path) {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                let to = to.join(entry.file_name());
                if entry.path().is_dir() {
                    copy(&entry.path(), &to);
                } else {
                    fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        let host = Self(tempfile::tempdir().unwrap());
        copy(Path::new(CAPTURED), &host.sys(""));
        fs::create_dir(host.0.path().join("proc")).unwrap();
        host
    }

    fn sys(&self, path: &str) -> PathBuf {
        self.0.path().join("sys").join(path)
    }

    /// A process with one render node open, of which the driver tells this.
    fn opens(&self, pid: u32, fdinfo: &str) {
        let folder = self.0.path().join("proc").join(pid.to_string());
        fs::create_dir_all(folder.join("fd")).unwrap();
        fs::create_dir_all(folder.join("fdinfo")).unwrap();
        for file in ["7", "8"] {
            symlink("/dev/dri/renderD129", folder.join("fd").join(file)).unwrap();
            fs::write(folder.join("fdinfo").join(file), fdinfo).unwrap();
        }
    }

    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        Amd::new(self.sys(""), self.0.path().join("proc")).snapshot()
    }

    fn gpus(&self) -> Vec<Reading<Gpu>> {
        self.snapshot().unwrap().gpus.into_iter().map(|reading| reading.gpu).collect()
    }

    fn gpu(&self, index: usize) -> Gpu {
        self.gpus()[index].clone().into_known().unwrap()
    }
}

fn holders(gpu: &Gpu) -> Vec<(u32, Option<u64>)> {
    gpu.processes.known().unwrap().iter().map(|process| (process.pid, process.memory_mb.known().copied())).collect()
}

#[test]
fn two_gpus_and_who_computes_on_them() {
    let host = Host::new();
    let first = host.gpu(0);
    assert_eq!(first.uuid, "GPU-4fd3d0e445b9207e");
    assert_eq!(first.name, Reading::Known("AMD Instinct MI210".to_owned()));
    assert_eq!((first.minor_number.known(), first.pci_bus_id.known()), (Some(&128), Some(&"0000:43:00.0".to_owned())));
    assert_eq!((first.memory_total_mb.known(), first.memory_used_mb.known()), (Some(&65_520), Some(&20_489)));
    assert_eq!(first.power_watts, Reading::Known(261.0));
    let busy = first.utilization.known().unwrap();
    assert_eq!((busy.percent, busy.over_ms, busy.source), (93.0, None, UtilizationSource::Busy));
    assert_eq!(holders(&first), [(4242, Some(20_480))], "who opened KFD and uses nothing holds nothing");
    assert_eq!(first.activity.unknown().unwrap().kind, UnknownKind::NotSupported);

    let second = host.gpu(1);
    assert_eq!((second.uuid.as_str(), &second.name), ("GPU-6c62a3758b84fd47", &Reading::Known("aldebaran".to_owned())));
    assert_eq!(holders(&second), [(4343, Some(0))], "a queue is a hold");
    assert_eq!(host.snapshot().unwrap().problems(), [""; 0]);
}

#[test]
fn a_host_without_them_has_no_such_source_and_one_that_can_not_be_read_has() {
    let host = Host::new();
    let absent = |host: &Host| matches!(host.snapshot(), Err(SourceError::Absent { source_name: SourceName::Amd, .. }));
    let nodes = host.sys("class/kfd/kfd/topology/nodes");
    for node in ["1", "2"] {
        fs::remove_dir_all(nodes.join(node)).unwrap();
    }
    assert!(absent(&host), "processors alone");
    fs::remove_dir_all(&nodes).unwrap();
    fs::write(&nodes, "").unwrap();
    let Err(SourceError::Failed { detail, .. }) = host.snapshot() else { panic!("no directory") };
    assert!(detail.contains("topology/nodes"), "{detail}");
    fs::remove_file(&nodes).unwrap();
    assert!(absent(&host));
}

#[test]
fn what_one_gpu_does_not_tell_is_unknown_and_never_zero() {
    let host = Host::new();
    let device = host.sys("class/drm/renderD128/device");
    fs::write(device.join("gpu_busy_percent"), "4294967295\n").unwrap();
    fs::write(device.join("mem_info_vram_used"), "much\n").unwrap();
    fs::remove_dir_all(device.join("hwmon")).unwrap();
    let gpu = host.gpu(0);
    assert!(gpu.utilization.unknown().unwrap().detail.contains("4294967295"));
    assert_eq!(gpu.memory_used_mb.unknown().unwrap().kind, UnknownKind::Failed);
    assert_eq!(gpu.power_watts.unknown().unwrap().kind, UnknownKind::NotSupported);

    fs::write(host.sys("class/kfd/kfd/topology/nodes/1/gpu_id"), "x\n").unwrap();
    let gpus = host.gpus();
    assert_eq!((gpus.len(), gpus[0].unknown().unwrap().kind), (2, UnknownKind::Failed), "it keeps its place");
    assert!(gpus[1].known().is_some());

    fs::remove_dir_all(host.sys("class/kfd/kfd/proc")).unwrap();
    assert!(host.gpu(1).processes.unknown().is_some());
    assert_eq!(host.snapshot().unwrap().problems().len(), 2);
}

#[test]
fn parts_of_one_gpu_and_gpus_without_a_number_have_ids_of_their_own() {
    let host = Host::new();
    let properties = |node: u32| host.sys(&format!("class/kfd/kfd/topology/nodes/{node}/properties"));
    let text = fs::read_to_string(properties(2)).unwrap();
    fs::write(properties(2), text.replace("7809984429061111111", "5752170827923136638")).unwrap();
    assert_eq!(host.gpu(1).uuid, "GPU-4fd3d0e445b9207e-renderD129");
    fs::write(properties(2), text.replace("7809984429061111111", "0")).unwrap();
    fs::write(host.sys("class/drm/renderD129/device/unique_id"), "0\n").unwrap();
    assert_eq!(host.gpu(1).uuid, "GPU-0000:83:00.0");
}

#[test]
fn who_computes_without_kfd_is_seen_by_the_open_files() {
    let host = Host::new();
    let computes = "drm-driver:\tamdgpu\ndrm-client-id:\t9\ndrm-pdev:\t0000:83:00.0\n\
        drm-memory-vram:\t2097152 KiB\ndrm-engine-compute:\t5 ns\n";
    host.opens(77, computes);
    host.opens(78, &computes.replace("drm-engine-compute", "drm-engine-gfx"));
    host.opens(4343, computes);
    host.opens(79, &computes.replace("0000:83", "0000:84"));
    assert_eq!(holders(&host.gpu(1)), [(77, Some(2048)), (4343, Some(0))], "each client once; KFD knows its own");
}

#[test]
fn a_tree_that_may_not_be_read_is_denied() {
    if rustix::process::geteuid().is_root() {
        // Root may read everything; what the kernel refuses a service, no test can make a file refuse root.
        return;
    }
    let host = Host::new();
    let node = host.sys("class/kfd/kfd/topology/nodes/1/gpu_id");
    fs::set_permissions(node, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(host.gpus()[0].unknown().unwrap().kind, UnknownKind::Denied);
}

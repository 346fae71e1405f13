//! The timers, and whoever tells of them.

use super::{Trouble, trouble};
use crate::{
    host::Host,
    units::{DETECTOR, IDLE, SAMPLER, Units, seconds_ago},
};

pub(crate) fn of_timers() -> Vec<Trouble> {
    fn change(host: &Host, unit: &str, changes: &[(&'static str, &str)]) {
        let sound = Units::sound();
        host.systemd_tells(&changes.iter().fold(sound, |units, (property, value)| units.with(unit, property, *value)));
    }
    const TIMER: &str = "ds01-workload-detector.timer";
    const SERVICE: &str = "ds01-workload-detector.service";
    const IDLE_TIMER: &str = "ds01-idle-checker.timer";
    const IDLE_SERVICE: &str = "ds01-idle-checker.service";
    let journal = Some("sudo journalctl -u ds01-workload-detector.service -n 20");
    let idle_journal = Some("sudo journalctl -u ds01-idle-checker.service -n 20");
    let status = Some("systemctl status ds01-workload-detector.timer");
    let notify_status = Some("systemctl status ds01-notify.path");
    let deliver = Some("sudo ds01-idle deliver");
    let idle_status = Some("systemctl status ds01-idle-checker.timer");
    let ledger_status = Some("systemctl status ds01-ledger.timer");
    vec![
        trouble(
            "the detector's timer is not installed",
            |host| host.systemd_tells(&Units::sound().without(&format!("{DETECTOR}.timer"))),
            &[("detector-timer", "warning", "not installed: nothing scans by itself", None)],
        ),
        trouble(
            "the detector's timer is not started",
            |host| {
                change(
                    host,
                    TIMER,
                    &[("ActiveState", "inactive"), ("UnitFileState", "disabled"), ("LastTriggerUSec", "")],
                )
            },
            &[(
                "detector-timer",
                "failed",
                "inactive, disabled: nothing scans by itself",
                Some("sudo systemctl enable --now --no-reload ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the detector's timer is not enabled",
            |host| change(host, TIMER, &[("UnitFileState", "disabled")]),
            &[(
                "detector-timer",
                "warning",
                "gone with the next boot",
                Some("sudo systemctl enable --no-reload ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the detector's timer is masked",
            |host| change(host, TIMER, &[("LoadState", "masked"), ("ActiveState", "inactive")]),
            &[(
                "detector-timer",
                "failed",
                "masked",
                Some("sudo systemctl unmask --no-reload ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the detector's timer can't be loaded",
            |host| change(host, TIMER, &[("LoadState", "error"), ("ActiveState", "inactive")]),
            &[(
                "detector-timer",
                "failed",
                "can't load it (error)",
                Some("systemd-analyze verify ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the last scan failed",
            |host| {
                change(host, SERVICE, &[("Result", "exit-code"), ("ExecMainStatus", "75"), ("ActiveState", "failed")])
            },
            &[("detector-timer", "failed", "its last run ended [age] ago with status 75 (exit-code)", journal)],
        ),
        trouble(
            "the last scan took too long",
            |host| change(host, SERVICE, &[("Result", "timeout"), ("ActiveState", "failed")]),
            &[("detector-timer", "failed", "its last run ended [age] ago (timeout)", journal)],
        ),
        trouble(
            "the timer does not elapse",
            |host| change(host, TIMER, &[("LastTriggerUSec", &seconds_ago(3600))]),
            &[("detector-timer", "failed", "its last run was 1h ago, and none since", journal)],
        ),
        trouble(
            "a scan is under way, and takes its time",
            |host| {
                host.systemd_tells(&Units::sound().with(TIMER, "LastTriggerUSec", seconds_ago(3600)).with(
                    SERVICE,
                    "ActiveState",
                    "activating",
                ));
            },
            &[("detector-timer", "ok", "last run 1h ago", None)],
        ),
        trouble(
            "the timer has run nothing yet",
            |host| change(host, TIMER, &[("LastTriggerUSec", "")]),
            &[("detector-timer", "warning", "has run nothing yet", status)],
        ),
        trouble(
            "the reaper is not installed",
            |host| host.systemd_tells(&Units::sound().without(&format!("{IDLE}.timer"))),
            &[("idle-timer", "skipped", "not installed: no idle container is stopped", None)],
        ),
        trouble(
            "the reaper is off, as it comes",
            |host| change(host, IDLE_TIMER, &[("ActiveState", "inactive"), ("UnitFileState", "disabled")]),
            &[("idle-timer", "ok", "inactive, disabled: no idle container is stopped", None)],
        ),
        trouble(
            "the reaper is enabled, and was stopped",
            |host| change(host, IDLE_TIMER, &[("ActiveState", "inactive")]),
            &[(
                "idle-timer",
                "warning",
                "inactive, enabled: no idle container is stopped",
                Some("sudo systemctl start ds01-idle-checker.timer"),
            )],
        ),
        trouble(
            "the reaper's timer failed",
            |host| change(host, IDLE_TIMER, &[("ActiveState", "failed"), ("UnitFileState", "disabled")]),
            &[(
                "idle-timer",
                "failed",
                "failed, disabled: no idle container is stopped",
                Some("sudo systemctl enable --now --no-reload ds01-idle-checker.timer"),
            )],
        ),
        trouble(
            "the reaper is masked",
            |host| change(host, IDLE_TIMER, &[("LoadState", "masked"), ("ActiveState", "inactive")]),
            &[("idle-timer", "ok", "masked: no idle container is stopped", None)],
        ),
        trouble(
            "the detector is enabled, and was stopped",
            |host| change(host, TIMER, &[("ActiveState", "inactive")]),
            &[(
                "detector-timer",
                "failed",
                "inactive, enabled: nothing scans by itself",
                Some("sudo systemctl start ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the reaper failed",
            |host| change(host, IDLE_SERVICE, &[("Result", "exit-code"), ("ExecMainStatus", "1")]),
            &[("idle-timer", "failed", "with status 1 (exit-code)", idle_journal)],
        ),
        trouble(
            "the reaper is late",
            |host| change(host, IDLE_TIMER, &[("LastTriggerUSec", &seconds_ago(7200))]),
            &[("idle-timer", "failed", "its last run was 2h ago, and none since", idle_journal)],
        ),
        trouble(
            "nothing samples, and a GPU is in MIG mode",
            |host| {
                host.remove("samples");
                host.systemd_tells(&Units::sound().with(SAMPLER, "ActiveState", "inactive").with(
                    SAMPLER,
                    "UnitFileState",
                    "disabled",
                ));
            },
            &[(
                "gpu-sampler",
                "warning",
                "inactive, disabled, no sample since the last boot: on GPU 1 (MIG mode), idle time counts only",
                Some("sudo systemctl enable --now --no-reload ds01-gpu-sampler.service"),
            )],
        ),
        trouble(
            "nothing samples, and no GPU is shared",
            |host| {
                host.remove("samples");
                host.systemd_tells(&Units::sound().without(SAMPLER));
                host.gpus.gpus[1].mig = None;
                host.driver_tells(&host.gpus);
            },
            &[
                ("gpu-sampler", "ok", "not installed: no GPU is shared or in MIG mode", None),
                ("mig", "ok", "off", None),
            ],
        ),
        trouble(
            "the last sample is of another boot",
            |host| {
                host.remove("samples");
                let boot = "proc/sys/kernel/random/boot_id";
                host.write(boot, "11111111-5f0d-4d5e-9a52-0e4d7c1c2a10\n");
                host.sample(0);
                host.write(boot, "4cf8b3e6-5f0d-4d5e-9a52-0e4d7c1c2a10\n");
            },
            &[(
                "gpu-sampler",
                "warning",
                "active, no sample since the last boot",
                Some("sudo journalctl -u ds01-gpu-sampler.service -n 20"),
            )],
        ),
        trouble(
            "others can write where the sampler does",
            |host| host.mode("samples", 0o777),
            &[("gpu-sampler", "warning", "others than its owner can write", Some("ls -la [dir]/samples"))],
        ),
        trouble(
            "nothing adds up who used what",
            |host| host.systemd_tells(&Units::sound().without("ds01-ledger.timer")),
            &[("ledger-timer", "warning", "not installed: nothing adds up who used what, and the journal grows", None)],
        ),
        trouble(
            "nothing added it up for hours",
            |host| change(host, "ds01-ledger.timer", &[("LastTriggerUSec", &seconds_ago(5 * 3600))]),
            &[(
                "ledger-timer",
                "failed",
                "its last run was 5h ago, and none since",
                Some("sudo journalctl -u ds01-ledger.service -n 20"),
            )],
        ),
        trouble(
            "systemd does not answer",
            |host| {
                host.remove("systemctl.stdout");
                host.write("systemctl.stderr", "Failed to connect to bus: Connection refused\n");
            },
            &[
                ("detector-timer", "warning", "Failed to connect to bus", status),
                ("idle-timer", "warning", "Failed to connect to bus", idle_status),
                ("ledger-timer", "warning", "Failed to connect to bus", ledger_status),
                ("hooks", "warning", "ds01-notify.path: systemctl: ", notify_status),
            ],
        ),
        trouble(
            "systemd tells nothing",
            |host| host.write("systemctl.stdout", ""),
            &[
                ("detector-timer", "warning", "systemctl told of no unit", status),
                ("idle-timer", "warning", "systemctl told of no unit", idle_status),
                ("ledger-timer", "warning", "systemctl told of no unit", ledger_status),
                ("hooks", "warning", "ds01-notify.path: systemctl told of no unit", notify_status),
            ],
        ),
        trouble(
            "systemd does not run this host",
            |host| {
                host.remove("systemctl.stdout");
                let words = "System has not been booted with systemd as init system (PID 1). Can't operate.\n";
                host.write("systemctl.stderr", words);
            },
            &[
                ("detector-timer", "skipped", "systemd is not process 1", None),
                ("idle-timer", "skipped", "systemd is not process 1", None),
                ("ledger-timer", "skipped", "systemd is not process 1", None),
                ("hooks", "warning", "systemd is not process 1: nothing hands notices to mail", deliver),
            ],
        ),
        trouble(
            "there is no systemd",
            |host| host.remove("systemctl"),
            &[
                ("detector-timer", "skipped", "no systemctl", None),
                ("idle-timer", "skipped", "no systemctl", None),
                ("ledger-timer", "skipped", "no systemctl", None),
                ("hooks", "warning", "no systemctl: nothing hands notices to mail", deliver),
            ],
        ),
    ]
}

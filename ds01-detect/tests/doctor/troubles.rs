//! Everything that can be wrong with a host without stopping time: how to break it, and which rows then say what.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    os::unix::net::UnixListener,
};

use docker_rig::fake_daemon::Answer;
use jiff::{Timestamp, ToSpan};
use nvml_standin::{Code, Mig};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::json;

use crate::{
    diagnosis::Expected,
    host::{Host, daemon_answer},
    units::{DETECTOR, IDLE, Units, seconds_ago},
};

/// One thing that is wrong.
pub(crate) struct Trouble {
    pub(crate) what: &'static str,
    pub(crate) does: fn(&mut Host),
    pub(crate) shows: Vec<Expected>,
}

const SCAN: &str = "sudo ds01-detect --state-dir [dir]/state --events-file [dir]/log/events.jsonl \
                    --docker-host unix://[socket] --nvml-library [dir]/nvml/libnvidia-ml.so.1 --proc-root [dir]/proc";
const DOCKER_JOURNAL: Option<&str> = Some("sudo journalctl -u docker -n 50");
const KERNEL_LOG: Option<&str> = Some("sudo journalctl -k --grep NVRM");
const LINKS: Option<&str> = Some("sudo nvidia-ctk system create-dev-char-symlinks --create-all");

/// What depends on Docker, when it was not reached.
const WITHOUT_DOCKER: [Expected; 3] = [
    ("docker-api", "skipped", "Docker was not reached", None),
    ("docker-runtime", "skipped", "Docker did not answer", None),
    ("cgroups", "ok", "Docker did not tell its driver", None),
];

/// What depends on NVML, when it did not answer.
const WITHOUT_NVML: [Expected; 3] = [
    ("gpus", "skipped", "NVML did not answer", None),
    ("mig", "skipped", "no GPU was read", None),
    ("persistence-mode", "skipped", "NVML did not answer", None),
];

fn trouble(what: &'static str, does: fn(&mut Host), shows: &[Expected]) -> Trouble {
    Trouble { what, does, shows: shows.to_vec() }
}

fn and(first: Expected, others: &[Expected]) -> Vec<Expected> {
    [&[first], others].concat()
}

/// With Docker, whose daemon is another one for each.
pub(crate) fn of_docker() -> Vec<Trouble> {
    let start = Some("sudo systemctl start docker");
    vec![
        trouble(
            "the socket is gone",
            |host| host.socket = host.path("docker.sock"),
            &and(("docker-socket", "failed", "[dir]/docker.sock is not there, and was named", start), &WITHOUT_DOCKER),
        ),
        trouble(
            "nobody listens",
            |host| {
                host.socket = host.path("docker.sock");
                drop(UnixListener::bind(&host.socket).unwrap());
            },
            &and(("docker-socket", "failed", "connection refused", start), &WITHOUT_DOCKER),
        ),
        trouble(
            "nobody listens, and Docker is not a service of this host",
            |host| {
                host.systemd_tells(&Units::sound().without("docker.service"));
                host.socket = host.path("docker.sock");
                drop(UnixListener::bind(&host.socket).unwrap());
            },
            &and(("docker-socket", "failed", "connection refused", DOCKER_JOURNAL), &WITHOUT_DOCKER),
        ),
        trouble(
            "everyone may use the socket",
            |host| fs::set_permissions(&host.socket, fs::Permissions::from_mode(0o777)).unwrap(),
            &[("docker-socket", "failed", "every user can be root through it", Some("sudo chmod o-rwx [socket]"))],
        ),
        trouble(
            "the socket is a user's",
            |host| chown(&host.socket, Some(54_321), None).unwrap(),
            &[("docker-socket", "warning", "user id 54321:root", Some("sudo chown root [socket]"))],
        ),
        trouble(
            "a group may use Docker, and not read what is kept",
            |host| chown(&host.socket, None, Some(54_321)).unwrap(),
            &[
                ("docker-socket", "ok", "root:54321", None),
                (
                    "state-dir",
                    "warning",
                    "group 54321, which may use Docker, can't read it",
                    Some("sudo chown root:54321 [dir]/state && sudo chmod 0750 [dir]/state"),
                ),
                (
                    "log-dir",
                    "warning",
                    "group 54321, which may use Docker, can't read it",
                    Some("sudo chown root:54321 [dir]/log && sudo chmod 0750 [dir]/log"),
                ),
            ],
        ),
        trouble(
            "every request is answered with 500",
            |host| host.daemon(|_| Answer::Error(500, "database is locked".to_owned())),
            &[
                ("docker-api", "failed", "database is locked", DOCKER_JOURNAL),
                ("docker-runtime", "skipped", "Docker did not answer", None),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "the daemon is of another age",
            |host| host.daemon(|_| Answer::Json(r#"{"ApiVersion":"9.1","MinAPIVersion":"9.0"}"#.to_owned())),
            &[
                ("docker-api", "failed", "no API version older than 9.0", DOCKER_JOURNAL),
                ("docker-runtime", "skipped", "Docker did not answer", None),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "it does not tell of itself",
            |host| {
                host.daemon(|request| match request {
                    "/v1.41/info" => Answer::Error(500, "no info".to_owned()),
                    other => daemon_answer(other),
                });
            },
            &[
                ("docker-runtime", "failed", "/v1.41/info", DOCKER_JOURNAL),
                ("cgroups", "ok", "Docker did not tell its driver", None),
            ],
        ),
        trouble(
            "containers have kernels of their own",
            |host| host.daemon_informs("DefaultRuntime", "runsc"),
            &[("docker-runtime", "warning", "not seen", Some("docker info --format '{{.DefaultRuntime}}'"))],
        ),
        trouble(
            "nvidia is the default",
            |host| host.daemon_informs("DefaultRuntime", "nvidia"),
            &[("docker-runtime", "ok", "nvidia by default", None)],
        ),
        trouble(
            "containers have no groups",
            |host| host.daemon_informs("CgroupDriver", "none"),
            &[("cgroups", "warning", "no driver", Some("docker info --format '{{.CgroupDriver}}'"))],
        ),
        trouble(
            "links are missing where systemd keeps the groups",
            |host| {
                host.daemon_informs("CgroupDriver", "systemd");
                host.remove("dev/char");
            },
            &[("dev-char-links", "failed", "takes GPUs from running containers", LINKS)],
        ),
        trouble(
            "links are missing, and what else is wrong has to be mended without a reload",
            |host| {
                host.daemon_informs("CgroupDriver", "systemd");
                host.remove("dev/char");
                host.gpus.gpus[0].persistence_mode = Some(false);
                host.driver_tells(&host.gpus);
                host.systemd_tells(
                    &Units::sound().with("ds01-workload-detector.timer", "ActiveState", "inactive").with(
                        "ds01-workload-detector.timer",
                        "UnitFileState",
                        "disabled",
                    ),
                );
            },
            &[
                ("dev-char-links", "failed", "and so does `systemctl enable`", LINKS),
                (
                    "persistence-mode",
                    "warning",
                    "off on GPU 0",
                    Some("sudo systemctl enable --now --no-reload nvidia-persistenced"),
                ),
                (
                    "detector-timer",
                    "failed",
                    "inactive, disabled",
                    Some("sudo systemctl enable --now --no-reload ds01-workload-detector.timer"),
                ),
            ],
        ),
        trouble(
            "links are missing, and nobody says who keeps the groups",
            |host| {
                host.socket = host.path("docker.sock");
                host.remove("dev/char");
            },
            &[
                &and(("docker-socket", "failed", "is not there", start), &WITHOUT_DOCKER)[..],
                &[("dev-char-links", "warning", "nvidia-caps/nvidia-cap1, nvidia0, nvidia1 and 1 more", LINKS)],
            ]
            .concat(),
        ),
    ]
}

/// With GPUs and their driver.
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
                Some("sudo systemctl enable --now nvidia-persistenced"),
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
        trouble("there are no nodes", |host| host.remove("dev"), &[("dev-char-links", "skipped", "[dir]/dev: ", None)]),
    ]
}

/// With the kernel's side, users and programs.
pub(crate) fn of_the_system() -> Vec<Trouble> {
    vec![
        trouble(
            "that is no proc",
            |host| host.remove("proc/1"),
            &[("hidepid", "failed", "shows no process 1", Some("findmnt --types proc"))],
        ),
        trouble(
            "somebody who is logged in has no name",
            |host| host.write("proc/77/loginuid", "54321\n"),
            &[("users", "warning", "no name for user id 54321", Some("getent passwd 54321"))],
        ),
        trouble(
            "no control groups are mounted",
            |host| host.remove("sys/fs/cgroup"),
            &[("cgroups", "warning", "none below [dir]/sys/fs/cgroup", Some("findmnt --types cgroup,cgroup2"))],
        ),
        trouble(
            "there is no wall",
            |host| host.remove("wall"),
            &[("wall", "warning", "not warned on their terminals", Some("sudo apt-get install bsdutils"))],
        ),
        trouble(
            "wall is no program",
            |host| host.mode("wall", 0o644),
            &[("wall", "warning", "not warned on their terminals", Some("sudo apt-get install bsdutils"))],
        ),
    ]
}

/// With what ds01 keeps.
pub(crate) fn of_files() -> Vec<Trouble> {
    fn make_fifo(host: &Host, name: &str) {
        mkfifoat(CWD, host.path(name), Mode::from_raw_mode(0o644)).unwrap();
    }
    let repair_state = Some("sudo chown root[group] [dir]/state && sudo chmod 0750 [dir]/state");
    let repair_log = Some("sudo chown root[group] [dir]/log && sudo chmod 0750 [dir]/log");
    let make_state = "sudo install -d -m 0750[-g group] [dir]/state";
    let no_inventory = ("last-scan", "skipped", "no inventory to read", None);
    let missing = ("inventory", "failed", "no [dir]/state/workload-inventory.json", Some(SCAN));
    let move_inventory = Some("sudo mv [dir]/state/workload-inventory.json [dir]/state/workload-inventory.json.odd");
    let move_log = Some("sudo mv [dir]/log/events.jsonl [dir]/log/events.jsonl.odd");
    vec![
        trouble(
            "the state directory is another user's",
            |host| chown(host.path("state"), Some(54_321), None).unwrap(),
            &[("state-dir", "failed", "belongs neither to root nor to you; no inventory is saved", repair_state)],
        ),
        trouble(
            "its group can write to the state directory",
            |host| host.mode("state", 0o770),
            &[("state-dir", "failed", "mode 0770: its group can write to it", repair_state)],
        ),
        trouble(
            "everyone can write to the state directory",
            |host| host.mode("state", 0o777),
            &[("state-dir", "failed", "its group can write to it, everyone can write to it", repair_state)],
        ),
        trouble(
            "everyone can look into the state directory",
            |host| host.mode("state", 0o755),
            &[("state-dir", "warning", "everyone can look into it", repair_state)],
        ),
        trouble(
            "the state directory is a link",
            |host| host.link("state"),
            &[(
                "state-dir",
                "failed",
                "is a link, and not followed",
                Some("sudo mv [dir]/state [dir]/state.odd && sudo install -d -m 0750[-g group] [dir]/state"),
            )],
        ),
        trouble(
            "the state directory is a file",
            |host| {
                host.remove("state");
                host.write("state", "");
            },
            &[
                (
                    "state-dir",
                    "failed",
                    "is no directory",
                    Some("sudo mv [dir]/state [dir]/state.odd && sudo install -d -m 0750[-g group] [dir]/state"),
                ),
                (
                    "inventory",
                    "failed",
                    "can't be read: Not a directory",
                    Some("ls -l [dir]/state/workload-inventory.json"),
                ),
                no_inventory,
            ],
        ),
        trouble(
            "there is no state directory",
            |host| host.remove("state"),
            &[("state-dir", "warning", "a scan makes it, for root alone", Some(make_state)), missing, no_inventory],
        ),
        trouble("there is no inventory", |host| host.remove("state/workload-inventory.json"), &[missing, no_inventory]),
        trouble(
            "there is no inventory, and no timer to make one",
            |host| {
                host.systemd_tells(&Units::sound().without("ds01-workload-detector.timer"));
                host.remove("state/workload-inventory.json");
            },
            &[
                ("detector-timer", "warning", "not installed: nothing scans by itself", None),
                ("inventory", "warning", "no scan was saved yet", Some(SCAN)),
                no_inventory,
            ],
        ),
        trouble(
            "the inventory is old",
            |host| host.inventory(|inventory| inventory["last_scan"] = json!(Timestamp::now() - 20.minutes())),
            &[("inventory", "failed", "20m old: nothing has scanned since", Some(SCAN))],
        ),
        trouble(
            "the inventory is of tomorrow",
            |host| host.inventory(|inventory| inventory["last_scan"] = json!(Timestamp::now() + 20.hours())),
            &[("inventory", "failed", "in the future: the clock was set", Some(SCAN))],
        ),
        trouble(
            "the inventory is of no scan",
            |host| host.inventory(|inventory| inventory["last_scan"] = json!(null)),
            &[("inventory", "failed", "is of no scan", Some(SCAN))],
        ),
        trouble(
            "the inventory is corrupt",
            |host| host.write("state/workload-inventory.json", "{"),
            &[("inventory", "failed", "is corrupt: ", Some(SCAN)), no_inventory],
        ),
        trouble(
            "the inventory is of another version",
            |host| host.inventory(|inventory| inventory["schema_version"] = json!("7")),
            &[("inventory", "failed", "written by another version", Some("ds01-detect --version")), no_inventory],
        ),
        trouble(
            "the inventory is a link",
            |host| host.link("state/workload-inventory.json"),
            &[("inventory", "failed", "is no regular file", move_inventory), no_inventory],
        ),
        trouble(
            "the inventory is a FIFO",
            |host| {
                host.remove("state/workload-inventory.json");
                make_fifo(host, "state/workload-inventory.json");
            },
            &[("inventory", "failed", "is no regular file", move_inventory), no_inventory],
        ),
        trouble(
            "a source failed at the last scan",
            |host| {
                host.inventory(|inventory| {
                    let docker = &mut inventory["sources"]["docker"];
                    docker["state"] = json!("failed");
                    docker["error"] = json!("docker: timed out\u{1b}[2J");
                    docker["since"] = json!(Timestamp::now() - 3.hours());
                });
            },
            &[("last-scan", "failed", "docker: timed out\u{1b}[2J (for 3h)", DOCKER_JOURNAL)],
        ),
        trouble(
            "NVML failed at the last scan",
            |host| host.inventory(|inventory| inventory["sources"]["nvml"]["state"] = json!("failed")),
            &[("last-scan", "failed", "nvml (for [age])", KERNEL_LOG)],
        ),
        trouble(
            "the log directory is another user's",
            |host| chown(host.path("log"), Some(54_321), None).unwrap(),
            &[("log-dir", "failed", "belongs neither to root nor to you; no event is logged", repair_log)],
        ),
        trouble(
            "its group can write to the log directory",
            |host| host.mode("log", 0o770),
            &[("log-dir", "failed", "its group can write to it; no event is logged", repair_log)],
        ),
        trouble(
            "there is no log directory",
            |host| host.remove("log"),
            &[("log-dir", "warning", "is not there yet", Some("sudo install -d -m 0750[-g group] [dir]/log"))],
        ),
        trouble(
            "the event log is a link",
            |host| {
                host.write("elsewhere", "");
                // What the scan logged there is in the way.
                let _ = fs::remove_file(host.path("log/events.jsonl"));
                symlink(host.path("elsewhere"), host.path("log/events.jsonl")).unwrap();
            },
            &[("log-dir", "failed", "is a link, and not followed: no event is logged", move_log)],
        ),
        trouble(
            "the event log has a second name",
            |host| {
                host.write("log/events.jsonl", "");
                fs::hard_link(host.path("log/events.jsonl"), host.path("elsewhere")).unwrap();
            },
            &[("log-dir", "failed", "has a second name (a hard link)", move_log)],
        ),
        trouble(
            "the event log is a FIFO",
            |host| {
                let _ = fs::remove_file(host.path("log/events.jsonl"));
                make_fifo(host, "log/events.jsonl");
            },
            &[("log-dir", "failed", "is no regular file: no event is logged", move_log)],
        ),
    ]
}

/// With the timers.
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
    let idle_status = Some("systemctl status ds01-idle-checker.timer");
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
                Some("sudo systemctl enable --now ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the detector's timer is not enabled",
            |host| change(host, TIMER, &[("UnitFileState", "disabled")]),
            &[(
                "detector-timer",
                "warning",
                "gone with the next boot",
                Some("sudo systemctl enable ds01-workload-detector.timer"),
            )],
        ),
        trouble(
            "the detector's timer is masked",
            |host| change(host, TIMER, &[("LoadState", "masked"), ("ActiveState", "inactive")]),
            &[("detector-timer", "failed", "masked", Some("sudo systemctl unmask ds01-workload-detector.timer"))],
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
                Some("sudo systemctl enable --now ds01-idle-checker.timer"),
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
            "systemd does not answer",
            |host| {
                host.remove("systemctl.stdout");
                host.write("systemctl.stderr", "Failed to connect to bus: Connection refused\n");
            },
            &[
                ("detector-timer", "warning", "Failed to connect to bus", status),
                ("idle-timer", "warning", "Failed to connect to bus", idle_status),
            ],
        ),
        trouble(
            "systemd tells nothing",
            |host| host.write("systemctl.stdout", ""),
            &[
                ("detector-timer", "warning", "systemctl told of no unit", status),
                ("idle-timer", "warning", "systemctl told of no unit", idle_status),
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
            ],
        ),
        trouble(
            "there is no systemd",
            |host| host.remove("systemctl"),
            &[("detector-timer", "skipped", "no systemctl", None), ("idle-timer", "skipped", "no systemctl", None)],
        ),
    ]
}

//! What hangs costs its own rows and no others.

use std::{
    thread,
    time::{Duration, Instant},
};

use docker_rig::fake_daemon::{Answer, DeafDaemon};
use nvml_standin::Fault;

use crate::{
    as_root,
    diagnosis::Expected,
    host::{Host, daemon_answer},
};

/// The deadline where something hangs, in seconds: what does not hang answers within it on a busy machine.
const DEADLINE: &str = "5";
/// What a run may take beyond its deadlines on a busy machine before it counts as hung.
const MARGIN: Duration = Duration::from_secs(60);
const FOREVER: Fault = Fault::Hang { hang_seconds: 86_400.0 };

struct Hang {
    what: &'static str,
    does: fn(&mut Host),
    shows: Vec<Expected>,
}

fn hangs() -> Vec<Hang> {
    let journal = Some("sudo journalctl -u docker -n 50");
    let kernel_log = Some("sudo journalctl -k --grep NVRM");
    let no_driver = ("cgroups", "ok", "Docker did not tell its driver", None);
    let no_runtime = ("docker-runtime", "skipped", "Docker did not answer", None);
    let no_persistence = ("persistence-mode", "skipped", "NVML did not answer", None);
    let hang = |what, does, shows: &[Expected]| Hang { what, does, shows: shows.to_vec() };
    vec![
        hang(
            "Docker answers nothing",
            |host| host.daemon(|_| Answer::silence()),
            &[("docker-api", "failed", "timed out: GET /version", journal), no_runtime, no_driver],
        ),
        hang(
            "Docker tells nothing of itself",
            |host| {
                host.daemon(|request| match request {
                    "/v1.41/info" => Answer::silence(),
                    other => daemon_answer(other),
                });
            },
            &[("docker-runtime", "failed", "timed out: GET /v1.41/info", journal), no_driver],
        ),
        hang(
            "NVML can't be initialised",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlInit", FOREVER)),
            &[
                ("nvml", "failed", "no answer within [age]", kernel_log),
                ("gpus", "skipped", "NVML did not answer", None),
                ("mig", "skipped", "no GPU was read", None),
                no_persistence,
            ],
        ),
        hang(
            "NVML does not say who uses a GPU",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlDeviceGetComputeRunningProcesses", FOREVER)),
            &[("gpus", "failed", "no answer within [age]", kernel_log), ("mig", "skipped", "no GPU was read", None)],
        ),
        hang(
            "NVML does not say whether the driver sleeps",
            |host| host.driver_tells(&host.gpus.clone().fault("nvmlDeviceGetPersistenceMode", FOREVER)),
            &[("nvml", "failed", "no answer within [age]", kernel_log), no_persistence],
        ),
        hang(
            "systemctl hangs",
            |host| host.write("systemctl.hangs", ""),
            &[
                (
                    "detector-timer",
                    "warning",
                    "systemctl: no answer within [age]",
                    Some("systemctl status ds01-workload-detector.timer"),
                ),
                (
                    "idle-timer",
                    "warning",
                    "systemctl: no answer within [age]",
                    Some("systemctl status ds01-idle-checker.timer"),
                ),
                (
                    "ledger-timer",
                    "warning",
                    "systemctl: no answer within [age]",
                    Some("systemctl status ds01-ledger.timer"),
                ),
                (
                    "hooks",
                    "warning",
                    "ds01-notify.path: systemctl: no answer within [age]",
                    Some("systemctl status ds01-notify.path"),
                ),
            ],
        ),
    ]
}

#[test]
fn what_hangs_costs_itself_only() {
    if !as_root("device nodes") {
        return;
    }
    thread::scope(|scope| {
        for Hang { what, does, shows } in hangs() {
            scope.spawn(move || {
                let mut host = Host::new();
                let sound = host.diagnosis();
                does(&mut host);
                host.flags = ["--deadline", DEADLINE].map(str::to_owned).to_vec();
                let start = Instant::now();
                let hung = host.diagnosis();
                assert!(start.elapsed() < MARGIN, "{what}: {:?}", start.elapsed());
                // What the daemon's silence is called has its socket in it, which is another one.
                hung.differs(what, &sound_behind(sound, &hung), &shows);
            });
        }
    });
}

/// The sound rows, with the socket of the other host.
fn sound_behind(
    mut sound: crate::diagnosis::Diagnosis,
    hung: &crate::diagnosis::Diagnosis,
) -> crate::diagnosis::Diagnosis {
    sound.rows.insert("docker-socket".to_owned(), hung.row("docker-socket").clone());
    sound
}

#[test]
fn a_daemon_that_accepts_nobody() {
    if !as_root("device nodes") {
        return;
    }
    let mut host = Host::new();
    let sound = host.diagnosis();
    let deaf = DeafDaemon::start().unwrap();
    host.socket = deaf.socket().to_owned();
    host.diagnosis().differs(
        "deaf",
        &sound,
        &[
            ("docker-socket", "failed", "accepted no connection", Some("sudo journalctl -u docker -n 50")),
            ("docker-api", "skipped", "Docker was not reached", None),
            ("docker-runtime", "skipped", "Docker did not answer", None),
            ("cgroups", "ok", "Docker did not tell its driver", None),
        ],
    );
}

//! Run by somebody who is not root.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
};

use crate::{as_root, host::Host};

const OTHER_UID: u32 = 65_534;
/// One without a name.
const OTHER_GID: u32 = 54_321;
const AS_ROOT: Option<&str> = Some("sudo ds01-detect doctor");

/// A host on which this user is in the group that may use Docker, and read what is kept.
fn host() -> Host {
    let mut host = Host::new();
    fs::set_permissions(&host.socket, fs::Permissions::from_mode(0o660)).unwrap();
    chown(&host.socket, None, Some(OTHER_GID)).unwrap();
    for name in
        ["state", "log", "samples", "state/workload-inventory.json", "log/events.jsonl", "samples/gpu-samples.jsonl"]
    {
        chown(host.path(name), None, Some(OTHER_GID)).unwrap();
    }
    for name in ["state", "log", "samples"] {
        host.mode(name, 0o2750);
    }
    // It writes what it was asked.
    chown(host.path(""), Some(OTHER_UID), None).unwrap();
    host.wrapper = ["setpriv", "--reuid=65534", "--regid=54321", "--clear-groups"].map(str::to_owned).to_vec();
    host
}

#[test]
fn a_user_of_the_docker_group_sees_all_but_what_is_roots() {
    if !as_root("another user") {
        return;
    }
    let host = host();
    let diagnosis = host.diagnosis();
    let not_ok: Vec<_> = diagnosis.rows.iter().filter(|(_, row)| row.verdict != "ok").collect();
    assert_eq!(not_ok.len(), 1, "{not_ok:#?}");
    let rights = diagnosis.row("rights");
    assert_eq!((rights.verdict.as_str(), rights.command.as_deref()), ("warning", AS_ROOT));
}

#[test]
fn what_is_not_for_this_user_is_said() {
    if !as_root("another user") {
        return;
    }
    let host = host();
    let sound = host.diagnosis();
    fs::set_permissions(&host.socket, fs::Permissions::from_mode(0o600)).unwrap();
    host.diagnosis().differs(
        "a socket that is root's",
        &sound,
        &[
            ("docker-socket", "failed", "is not for user id 65534: permission denied", AS_ROOT),
            ("docker-api", "skipped", "Docker was not reached", None),
            ("docker-runtime", "skipped", "Docker did not answer", None),
            ("cgroups", "ok", "Docker did not tell its driver", None),
        ],
    );
    fs::set_permissions(&host.socket, fs::Permissions::from_mode(0o660)).unwrap();

    host.mode("state/workload-inventory.json", 0o600);
    host.diagnosis().differs(
        "an inventory that is root's",
        &sound,
        &[
            (
                "state-dir",
                "warning",
                "group 54321, which may use Docker, can't read [dir]/state/workload-inventory.json",
                Some(
                    "sudo chgrp 54321 [dir]/state/workload-inventory.json && \
                     sudo chmod 0640 [dir]/state/workload-inventory.json",
                ),
            ),
            ("inventory", "warning", "is not for user id 65534", AS_ROOT),
            ("last-scan", "skipped", "no inventory to read", None),
            ("dead-processes", "skipped", "no inventory to read", None),
            ("notices", "skipped", "no inventory to read", None),
        ],
    );
    host.mode("state/workload-inventory.json", 0o640);

    for (file, mode) in [("samples", 0o2750), ("samples/gpu-samples.jsonl", 0o640)] {
        host.mode(file, 0o700);
        let shows = ("gpu-sampler", "warning", "[dir]/samples is not for user id 65534", AS_ROOT);
        host.diagnosis().differs("samples that are root's", &sound, &[shows]);
        host.mode(file, mode);
    }

    host.mode("nvml/libnvidia-ml.so.1", 0o600);
    let denied = host.diagnosis();
    assert_eq!(denied.row("nvml").command.as_deref(), AS_ROOT, "{denied:#?}");
}

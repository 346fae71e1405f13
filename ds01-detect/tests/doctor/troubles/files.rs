//! What ds01 keeps.

use std::{
    fs,
    os::unix::fs::{chown, symlink},
};

use jiff::{Timestamp, ToSpan};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::json;

use super::{DOCKER_JOURNAL, KERNEL_LOG, Trouble, trouble};
use crate::{host::Host, units::Units};

const SCAN: &str = "sudo ds01-detect --state-dir [dir]/state --events-file [dir]/log/events.jsonl \
                    --docker-host unix://[socket] --nvml-library [dir]/nvml/libnvidia-ml.so.1 --proc-root [dir]/proc \
                    --sys-root [dir]/sys --samples-dir [dir]/samples";

pub(crate) fn of_files() -> Vec<Trouble> {
    fn make_fifo(host: &Host, name: &str) {
        mkfifoat(CWD, host.path(name), Mode::from_raw_mode(0o644)).unwrap();
    }
    let repair_state = Some("sudo chown root[group] [dir]/state && sudo chmod [mode] [dir]/state");
    let repair_activity = Some("sudo chown root[group] [dir]/state/activity && sudo chmod [mode] [dir]/state/activity");
    let repair_log = Some("sudo chown root[group] [dir]/log && sudo chmod [mode] [dir]/log");
    let make_state = "sudo install -d -m [mode][-g group] [dir]/state";
    let no_inventory = ("last-scan", "skipped", "no inventory to read", None);
    let no_dead = ("dead-processes", "skipped", "no inventory to read", None);
    let nobody = ("notices", "skipped", "no inventory to read", None);
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
                Some("sudo mv [dir]/state [dir]/state.odd && sudo install -d -m [mode][-g group] [dir]/state"),
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
                    Some("sudo mv [dir]/state [dir]/state.odd && sudo install -d -m [mode][-g group] [dir]/state"),
                ),
                (
                    "inventory",
                    "failed",
                    "can't be read: Not a directory",
                    Some("ls -l [dir]/state/workload-inventory.json"),
                ),
                no_inventory,
                no_dead,
                nobody,
            ],
        ),
        trouble(
            "there is no state directory",
            |host| host.remove("state"),
            &[
                ("state-dir", "warning", "a scan makes it, for root alone", Some(make_state)),
                missing,
                no_inventory,
                no_dead,
                nobody,
            ],
        ),
        trouble(
            "the activity directory is a link",
            |host| host.link("state/activity"),
            &[(
                "state-dir",
                "failed",
                "[dir]/state/activity is a link, and not followed: the activity journal is not written",
                Some(
                    "sudo mv [dir]/state/activity [dir]/state/activity.odd && \
                     sudo install -d -m [mode][-g group] [dir]/state/activity",
                ),
            )],
        ),
        trouble(
            "the activity directory is another user's",
            |host| chown(host.path("state/activity"), Some(54_321), None).unwrap(),
            &[("state-dir", "failed", "neither to root nor to you; the activity journal is not", repair_activity)],
        ),
        trouble(
            "its group can write to the activity directory",
            |host| host.mode("state/activity", 0o770),
            &[("state-dir", "failed", "mode 0770: its group can write to it; the activity journal", repair_activity)],
        ),
        trouble("there is no activity directory yet", |host| host.remove("state/activity"), &[]),
        trouble(
            "there is no inventory",
            |host| host.remove("state/workload-inventory.json"),
            &[missing, no_inventory, no_dead, nobody],
        ),
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
                no_dead,
                nobody,
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
            &[("inventory", "failed", "is corrupt: ", Some(SCAN)), no_inventory, no_dead, nobody],
        ),
        trouble(
            "the inventory is of another version",
            |host| host.inventory(|inventory| inventory["schema_version"] = json!("7")),
            &[
                ("inventory", "failed", "written by another version", Some("ds01-detect --version")),
                no_inventory,
                no_dead,
                nobody,
            ],
        ),
        trouble(
            "the inventory is a link",
            |host| host.link("state/workload-inventory.json"),
            &[("inventory", "failed", "is no regular file", move_inventory), no_inventory, no_dead, nobody],
        ),
        trouble(
            "the inventory is a FIFO",
            |host| {
                host.remove("state/workload-inventory.json");
                make_fifo(host, "state/workload-inventory.json");
            },
            &[("inventory", "failed", "is no regular file", move_inventory), no_inventory, no_dead, nobody],
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
            &[("log-dir", "warning", "is not there yet", Some("sudo install -d -m [mode][-g group] [dir]/log"))],
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

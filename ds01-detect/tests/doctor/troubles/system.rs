//! The kernel's side, users and programs.

use std::os::unix::fs::chown;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};

use super::{Trouble, trouble};
use crate::{
    host::Host,
    units::{NOTIFY, Units},
};

const EXAMPLE: &str = include_str!("../../../../fixtures/inventory-example.json");

/// A user whom every host has owns a GPU container that runs, and is logged in at a console of this mode.
fn owner_at_console(host: &mut Host, mode: u32) {
    const DAEMON: u32 = 1;
    host.inventory(|inventory| {
        let containers = inventory["containers"].as_object_mut().unwrap();
        // A daemon of the rig's has none.
        if containers.is_empty() {
            let example: Value = serde_json::from_str(EXAMPLE).unwrap();
            containers.clone_from(example["containers"].as_object().unwrap());
            containers.retain(|_, container| container["pid"].is_number());
        }
        let (_, container) = containers.iter_mut().next().unwrap();
        (container["user"], container["has_gpu"], container["status"]) =
            (json!("daemon"), json!(true), json!("running"));
    });
    let console = host.path("dev/tty1");
    mknodat(CWD, &console, FileType::CharacterDevice, Mode::from(mode), makedev(4, 1)).unwrap();
    host.mode("dev/tty1", mode);
    chown(console, Some(DAEMON), None).unwrap();
}

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
            "there is no hook",
            |host| host.remove("etc/notify.d/mail"),
            &[("hooks", "skipped", "no program in [dir]/etc/notify.d", None)],
        ),
        trouble(
            "others can write to a hook",
            |host| host.mode("etc/notify.d/mail", 0o775),
            &[("hooks", "warning", "others than its owner can write to it", Some("ls -la [dir]/etc/notify.d"))],
        ),
        trouble(
            "a hook is a link",
            |host| host.link("etc/notify.d/mail"),
            &[("hooks", "warning", "a link is not followed", Some("ls -la [dir]/etc/notify.d"))],
        ),
        trouble(
            "nothing runs hooks",
            |host| {
                let sound = Units::sound().with(NOTIFY, "ActiveState", "inactive");
                host.systemd_tells(&sound.with(NOTIFY, "UnitFileState", "disabled"));
            },
            &[(
                "hooks",
                "failed",
                "ds01-notify.path: inactive, disabled: nothing hands notices to mail",
                Some("sudo systemctl enable --now --no-reload ds01-notify.path"),
            )],
        ),
        trouble(
            "there is no policy",
            |host| host.remove("etc/resource-limits.yaml"),
            &[("notices", "skipped", "no policy [dir]/etc/resource-limits.yaml: nobody is warned", None)],
        ),
        trouble(
            "the policy is not sound",
            |host| host.write("etc/resource-limits.yaml", "defaults: {idle_timeout: 30}\n"),
            &[(
                "notices",
                "failed",
                "is not sound, so there is no check: ",
                Some("ds01-idle check-config --config [dir]/etc/resource-limits.yaml"),
            )],
        ),
        trouble(
            "a logged-in owner is reached",
            |host| owner_at_console(host, 0o620),
            &[("notices", "ok", "daemon: 1 terminal, hook mail; wall: 1 terminal", None)],
        ),
        trouble(
            "a logged-in owner is reached by nothing",
            |host| {
                owner_at_console(host, 0o600);
                host.remove("etc/notify.d/mail");
            },
            &[
                ("hooks", "skipped", "no program in [dir]/etc/notify.d", None),
                (
                    "notices",
                    "warning",
                    "daemon is logged in, and nothing reaches him now, as 1 terminal takes no messages (mesg n); \
                     wall: nobody is at a terminal",
                    Some("sudo cp /usr/share/doc/ds01/examples/notify.d/mail [dir]/etc/notify.d"),
                ),
            ],
        ),
    ]
}

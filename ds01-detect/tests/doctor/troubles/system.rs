//! The kernel's side, users and programs.

use super::{Trouble, trouble};

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

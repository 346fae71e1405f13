//! Whose slice a process runs in, and which other user ids are his: what proves that a process is a certain user's.

use std::ops::RangeInclusive;

/// The user below whose slice a process runs, from the text of its `/proc/PID/cgroup`.
///
/// systemd puts what a user starts below `user.slice/user-UID.slice`, in its own hierarchy: version 2, or the one named
/// `systemd` of version 1. Nobody but root can put a process there that did not begin there. A container of root's does
/// not run there, whatever the user calls the groups that he makes further down.
///
/// `None` for a process elsewhere, and where the two hierarchies contradict each other.
pub(super) fn user_slice_of(text: &str) -> Option<u32> {
    let mut found = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        // Version 2 names no controller. On a hybrid host only one of the two hierarchies may be in use.
        (matches!(controllers, "" | "name=systemd") && path != "/").then(|| slice_in(path))
    });
    let first = found.next()?;
    if found.all(|other| other == first) { first } else { None }
}

fn slice_in(path: &str) -> Option<u32> {
    let slice = path.strip_prefix("/user.slice/user-")?;
    slice.split('/').next()?.strip_suffix(".slice")?.parse().ok()
}

/// The ranges that a user may use inside his own containers, from the text of `/etc/subuid`: lines `NAME:FIRST:COUNT`, where
/// a user id can stand in place of the name.
pub(super) fn subordinate(text: &str, uid: u32, name: Option<&str>) -> Vec<RangeInclusive<u32>> {
    let uid = uid.to_string();
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let whose = fields.next().filter(|whose| *whose == uid || Some(*whose) == name);
        let (_, first, count) = (whose?, fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
        Some(first..=first.checked_add(count.checked_sub(1)?)?)
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_is_read_from_the_hierarchy_of_systemd() {
        let own = "/user.slice/user-1001.slice/user@1001.service/user.slice/libpod-x.scope";
        assert_eq!(user_slice_of(&format!("0::{own}\n")), Some(1001));
        assert_eq!(user_slice_of(&format!("3:cpu:/\n1:name=systemd:{own}\n0::/\n")), Some(1001), "version 1");
        assert_eq!(user_slice_of(&format!("1:name=systemd:{own}\n0::{own}\n")), Some(1001), "hybrid");
        assert_eq!(user_slice_of(&format!("1:name=systemd:{own}\n0::/system.slice/x.service\n")), None);
        for elsewhere in [
            "0::/system.slice/docker-x.scope\n",
            "0::/\n",
            "",
            "0::/user.slice/user-.slice/x\n",
            "0::/user.slice\n",
            "0::/docker/user.slice/user-1001.slice\n",
            "3:cpu:/user.slice/user-1001.slice/x\n0::/\n",
        ] {
            assert_eq!(user_slice_of(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn ranges_are_found_by_name_and_by_number() {
        let text =
            "alice:100000:65536\nbob:165536:65536\n1001:300000:1\nbad\nalice:1:0\nalice:4294967295:2\nalice:x:1\n";
        assert_eq!(subordinate(text, 1001, Some("alice")), [100_000..=165_535, 300_000..=300_000]);
        assert_eq!(subordinate(text, 1002, Some("bob")), [165_536..=231_071]);
        assert_eq!(subordinate(text, 1003, None), []);
    }
}

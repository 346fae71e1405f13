//! The formats of the files in `/proc`, from bytes to plain data. No I/O.

use std::{borrow::Cow, ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use procfs::{FromBufRead, FromRead, net::InterfaceDeviceStatus, process};

/// The most that is read of a command line, in bytes: the kernel's own limit before Linux 4.2.
///
/// A process can have a command line of megabytes, and one scan holds those of all GPU processes at once.
pub(super) const CMDLINE_LIMIT: usize = 4096;

/// What stands for the part of a command line beyond [`CMDLINE_LIMIT`].
const CUT: char = '…';

/// What is used of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    /// Field 2, decoded lossily. It may hold spaces, parentheses and line ends.
    pub(super) comm: String,
    /// Field 3 says that it has ended, and that nobody has asked how: a zombie.
    pub(super) ended: bool,
    /// Field 4: its parent.
    pub(super) parent: u32,
    /// Field 22, in clock ticks since boot.
    pub(super) start_ticks: u64,
}

/// What is used of `/proc/PID/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// The process that the task belongs to. `/proc/N` answers for the ids of threads too, though it does not list them.
    pub(super) tgid: u32,
    /// The second figure of `Uid:`: real, effective, saved, file system.
    pub(super) effective_uid: u32,
}

/// Reads `/proc/PID/stat`; `None` if it is not one.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    // The parser slices around the parentheses without looking, and panics where they are missing.
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let has_frame = bytes.first()?.is_ascii_digit()
        && bytes[open - 1] == b' '
        && open < close
        && bytes.get(close + 1) == Some(&b' ')
        && bytes.get(close + 2)?.is_ascii_alphabetic();
    if !has_frame {
        return None;
    }
    let stat = process::Stat::from_read(bytes).ok()?;
    Some(Stat {
        comm: stat.comm,
        ended: matches!(stat.state, 'Z' | 'X' | 'x'),
        parent: u32::try_from(stat.ppid).ok()?,
        start_ticks: stat.starttime,
    })
}

/// Reads `/proc/PID/status`; `None` if one of its fields is missing.
///
/// The kernel escapes line ends in the `Name:` line, so that a hostile name can't pass for another field.
pub(super) fn status(bytes: &[u8]) -> Option<Status> {
    let figure = |field: &[u8], nth| {
        let line = bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(field))?;
        std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(nth)?.parse().ok()
    };
    Some(Status { tgid: figure(b"Tgid:", 0)?, effective_uid: figure(b"Uid:", 1)? })
}

/// Reads `/proc/PID/cmdline`: arguments that end in NUL, made one line.
///
/// Trailing NULs are dropped, as a process that writes a shorter title over its arguments leaves many. What is longer
/// than [`CMDLINE_LIMIT`] is cut there and ends in `…`.
pub(super) fn cmdline(bytes: &[u8]) -> String {
    let cut = bytes.len() > CMDLINE_LIMIT;
    let bytes = &bytes[..bytes.len().min(CMDLINE_LIMIT)];
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    // NUL is ASCII, so that the lossy decoding leaves it alone.
    let mut line = String::from_utf8_lossy(&bytes[..end]).replace('\0', " ");
    if cut {
        // The limit may have split a character.
        line.truncate(line.trim_end_matches('\u{fffd}').len());
        line.push(CUT);
    }
    line
}

/// Reads `/proc/PID/cmdline` as the arguments it is made of.
pub(super) fn arguments(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.strip_suffix('\0').unwrap_or(&text).split('\0').map(ToOwned::to_owned).collect()
}

/// Reads `/proc/PID/net/dev`: bytes received and sent by all interfaces but loopback; `None` if it is not one.
pub(super) fn net_bytes(bytes: &[u8]) -> Option<u64> {
    // The parser skips two lines, whatever they are: a table without any would be no bytes.
    if !bytes.starts_with(b"Inter-|") {
        return None;
    }
    let InterfaceDeviceStatus(interfaces) = InterfaceDeviceStatus::from_buf_read(bytes).ok()?;
    let used = interfaces.iter().filter(|(name, _)| *name != "lo");
    Some(used.map(|(_, status)| status.recv_bytes.saturating_add(status.sent_bytes)).fold(0, u64::saturating_add))
}

/// Reads `/proc/PID/loginuid`: `Some(None)` for a process that no login began, `None` if it is not a number.
pub(super) fn login_uid(bytes: &[u8]) -> Option<Option<u32>> {
    let uid: u32 = std::str::from_utf8(bytes).ok()?.trim().parse().ok()?;
    Some((uid != u32::MAX).then_some(uid))
}

/// The file name in the target of `/proc/PID/exe`; `None` if it has none.
pub(super) fn exe_name(target: &Path) -> Option<String> {
    let bytes = target.as_os_str().as_bytes();
    let path = bytes.strip_suffix(b" (deleted)").unwrap_or(bytes);
    Path::new(OsStr::from_bytes(path)).file_name().map(|name| name.to_string_lossy().into_owned())
}

/// `btime` of `/proc/stat`: the boot in seconds since the epoch. It moves when the wall clock is set.
pub(super) fn boot_time(bytes: &[u8]) -> Option<i64> {
    let line = bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The name that a file in the format of `/etc/passwd` gives to `uid`.
pub(super) fn passwd_name(bytes: &[u8], uid: u32) -> Option<Cow<'_, str>> {
    bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let id: u32 = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
        (id == uid).then(|| String::from_utf8_lossy(name))
    })
}

/// The user id that belongs to a name in a file in the format of `/etc/passwd`.
pub(super) fn passwd_id(bytes: &[u8], name: &str) -> Option<u32> {
    bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        fields.next().filter(|found| !found.is_empty() && *found == name.as_bytes())?;
        std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    macro_rules! captured {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/proc/process/", $name))
        };
    }

    #[test]
    fn captured_stat() {
        let stat_of = |comm: &str, start_ticks| {
            let (ended, parent) = (comm == "sh", if start_ticks == 24 { 0 } else { 14_770 });
            Some(Stat { comm: comm.to_owned(), ended, parent, start_ticks })
        };
        assert_eq!(stat(captured!("kthread.stat")), stat_of("kthreadd", 24));
        assert_eq!(stat(captured!("parens.stat")), stat_of("a) (b\nR 1 2", 354_948));
        assert_eq!(stat(captured!("not-utf8.stat")), stat_of("caf\u{fffd} (x", 354_949));
        assert_eq!(stat(captured!("zombie.stat")), stat_of("sh", 354_950));
    }

    #[test]
    fn arguments_keep_their_ends_and_their_blanks() {
        assert_eq!(arguments(b"sh\0-c\0a b\0"), ["sh", "-c", "a b"]);
        assert_eq!(arguments(b"a\0\0"), ["a", ""]);
        assert_eq!(arguments(b""), [""]);
    }

    #[test]
    fn bytes_of_all_interfaces_but_loopback() {
        let table = b"Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
            lo: 5000000      10    0    0    0     0          0         0  5000000      10    0    0    0     0       0          0\n  \
            eth0:    1200      10    0    0    0     0          0         0       34       1    0    0    0     0       0          0\n  \
            eth1:       1       1    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n";
        assert_eq!(net_bytes(table), Some(1235));
        let none = table.split_inclusive(|byte| *byte == b'\n').take(3).flatten().copied().collect::<Vec<_>>();
        assert_eq!(net_bytes(&none), Some(0), "no network is no bytes");
        for nonsense in [&b""[..], b"a\n", b"a\nb\n", b"a\nb\nc\n", b"Inter-|\n face |\nc\n"] {
            assert_eq!(net_bytes(nonsense), None);
        }
    }

    #[test]
    fn captured_status() {
        assert_eq!(status(captured!("kthread.status")), Some(Status { tgid: 2, effective_uid: 0 }));
        // Named `x`, line end, `Uid:	1	1	1	1` by its user, and run through a set-uid program.
        assert_eq!(status(captured!("hostile.status")), Some(Status { tgid: 14_813, effective_uid: 1001 }));
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        for bytes in [
            "",
            "(",
            ")",
            "()",
            "(a) S",
            "1(a) S",
            "1é(a) S 1",
            "1 (a)",
            "1 (a) ",
            "1 (a)  ",
            "1 (a)S",
            "1 ) S (",
            "1 (a) S 1",
        ] {
            assert_eq!(stat(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_status_without_its_fields_is_refused() {
        for bytes in ["", "Tgid:\t1\n", "Uid:\t0\t0\t0\t0\n", "Tgid:\t1\nUid:\t0\n", "Tgid:\tx\nUid:\t0\t0\n"] {
            assert_eq!(status(bytes.as_bytes()), None, "{bytes:?}");
        }
    }

    #[test]
    fn command_lines() {
        for (bytes, line) in [
            (&b""[..], ""),
            (b"\0\0\0", ""),
            (b"python\0train.py\0--lr\x000.1\0", "python train.py --lr 0.1"),
            (b"sh\0-c\0\0x\0", "sh -c  x"),
            (b"\0-x\0", " -x"),
            (b"caf\xff\0\xfe\0", "caf\u{fffd} \u{fffd}"),
            (b"nginx: master process", "nginx: master process"),
            (b"postgres: idle\0\0\0\0\0\0", "postgres: idle"),
        ] {
            assert_eq!(cmdline(bytes), line);
        }
    }

    #[test]
    fn a_long_command_line_is_cut_and_says_so() {
        assert_eq!(cmdline(&[b'a'; CMDLINE_LIMIT]), "a".repeat(CMDLINE_LIMIT));
        assert_eq!(cmdline(&[b'a'; CMDLINE_LIMIT + 1]), "a".repeat(CMDLINE_LIMIT) + "…");
        let split = [vec![b'a'; CMDLINE_LIMIT - 1], "é".into()].concat();
        assert_eq!(cmdline(&split), "a".repeat(CMDLINE_LIMIT - 1) + "…");
    }

    #[test]
    fn login_uids() {
        assert_eq!(login_uid(b"4294967295"), Some(None));
        assert_eq!(login_uid(b"0\n"), Some(Some(0)));
        assert_eq!(login_uid(b"1000"), Some(Some(1000)));
        assert_eq!(login_uid(b""), None);
        assert_eq!(login_uid(b"-1"), None);
    }

    #[test]
    fn exe_names() {
        for (target, name) in [
            (&b"/usr/bin/python3.11"[..], Some("python3.11")),
            (b"/home/a/x (deleted)", Some("x")),
            (b"/memfd:jit (deleted)", Some("memfd:jit")),
            (b"/opt/caf\xff", Some("caf\u{fffd}")),
            (b"/", None),
            (b"", None),
        ] {
            assert_eq!(exe_name(Path::new(OsStr::from_bytes(target))).as_deref(), name);
        }
    }

    #[test]
    fn boot_times() {
        assert_eq!(boot_time(b"cpu  1 2\nbtime 1795233054\nprocesses 9\n"), Some(1_795_233_054));
        assert_eq!(boot_time(b"cpu  1 2\n"), None);
        assert_eq!(boot_time(b"btime soon\n"), None);
    }

    #[test]
    fn passwd_lines() {
        let file =
            b"root:x:0:0::/root:/bin/sh\n# note\n+::::::\n\n:x:7::::\ncaf\xe9:x:1000:1000::/:/bin/sh\nlate:x:1000:::\n";
        assert_eq!(passwd_name(file, 0).as_deref(), Some("root"));
        assert_eq!(passwd_name(file, 1000).as_deref(), Some("caf\u{fffd}"));
        assert_eq!(passwd_name(file, 7), None);
        assert_eq!(passwd_name(file, 9), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            stat(&bytes);
            status(&bytes);
            login_uid(&bytes);
            boot_time(&bytes);
            passwd_name(&bytes, 0);
            exe_name(Path::new(OsStr::from_bytes(&bytes)));
            prop_assert!(!cmdline(&bytes).contains('\0'));
        }

        #[test]
        fn what_looks_like_a_stat_is_survived(text in "[0-9]{0,2}[ (]{0,3}[a-zé() \n]{0,9}[) ]{0,3}[A-Zé]?( -?[0-9]{1,25}){0,45}") {
            stat(text.as_bytes());
        }

        #[test]
        fn any_name_leaves_the_start_time_alone(comm in prop::collection::vec(any::<u8>(), 0..16), ticks in any::<u64>()) {
            let mut line = b"42 (".to_vec();
            line.extend(&comm);
            line.extend(format!(") S{} {ticks}{}\n", " 1".repeat(18), " 0".repeat(30)).as_bytes());
            prop_assert_eq!(
                stat(&line),
                Some(Stat {
                    comm: String::from_utf8_lossy(&comm).into_owned(),
                    ended: false,
                    parent: 1,
                    start_ticks: ticks,
                })
            );
        }
    }
}

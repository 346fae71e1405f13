//! Users' text, wherever it can come from: notices, log lines and tables stay plain.

use std::fs;

use docker_rig::wait_until;

use crate::{
    reaper::Run,
    story::{DEADLINE, Story, main_pid},
    told::{STOPPED, unboxed},
};

/// A user who would like to clear screens, forge lines, move the box, and write from right to left.
const USER: &str = "\u{1b}[2J\u{7}mal\u{202e}lory\n+----+\n| all GPUs are free |\r\u{9b}31mß\u{0}";

/// Docker takes no NUL in a label.
fn hostile_user() -> String {
    format!("--label=ds01.user={}", USER.trim_end_matches('\0'))
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}'))
}

#[test]
fn a_hostile_user_name_comes_out_as_plain_text() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[&hostile_user(), "--label=a\u{1b}[31m=b\u{1b}[0m\n"]);
    for minute in [2, 6, 10, 14] {
        let ran = story.check(minute).stderr();
        assert!(is_plain(&ran), "{ran:?}");
        if minute < 14 {
            for mut command in [story.command("status", minute), {
                let mut command = story.command("explain", minute);
                command.arg(idle.id());
                command
            }] {
                let run = Run::of(&mut command).ends_with(0);
                assert!(is_plain(&(run.stdout() + &run.stderr())), "{run:?}");
                assert!(run.stdout().contains("all GPUs are free"), "{run:?}");
            }
        }
    }
    assert_eq!(story.done_to(&idle), STOPPED);
    // Each is checked to be one box of one width, in ASCII.
    let told: Vec<Vec<String>> = story.reaper.notices().iter().map(|notice| unboxed(notice)).collect();
    assert_eq!(told.len(), 2);
    for lines in told {
        let forged = |line: &String| line.starts_with("+--") || line.trim_start().starts_with("| all");
        assert!(!lines.iter().any(forged), "{lines:?}");
        let text = lines.join(" ");
        assert!(text.contains(r"\x1b[2J\x07mal") && text.contains(r"\u{202e}lory\n"), "{text}");
    }
    // The log keeps it as it is, as JSON.
    let users = story.reaper.events().into_iter().map(|event| event["user"].as_str().map(ToOwned::to_owned));
    assert_eq!(users.collect::<Vec<_>>(), vec![Some(USER.trim_end_matches('\0').trim().to_owned()); 3]);
    let log = fs::read_to_string(story.reaper.events_file()).unwrap();
    assert!(is_plain(&log), "{log:?}");
}

/// A program can call itself anything.
#[test]
fn a_hostile_program_name_comes_out_as_plain_text() {
    const SCRIPT: &str = "
        trap 'exit 0' TERM
        program=/tmp/busybox$(printf '\\033[31m\\n')x
        cp /bin/busybox \"$program\"
        until [ -e /from-outside/now ]; do usleep 20000; done
        \"$program\" sleep 100000 & wait";
    let Some(story) = Story::begin() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mount = format!("--volume={}:/from-outside", dir.path().display());
    let hostile = story.with_gpu("hostile", &[&mount], &["sh", "-c", SCRIPT]);
    // By clocks that are not moved, so that what starts now starts after the check.
    story.check(0);
    fs::write(dir.path().join("now"), "").unwrap();
    let children = format!("/proc/{0}/task/{0}/children", main_pid(&hostile));
    let is_it =
        |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.contains("busybox\u{1b}"));
    wait_until("it has started", DEADLINE, || {
        fs::read_to_string(&children).is_ok_and(|pids| pids.split_whitespace().any(is_it))
    });
    let ran = Run::of(story.command("explain", 4).arg(hostile.id())).ends_with(0).stdout();
    assert!(is_plain(&ran) && ran.contains(r"started busybox\x1b[31m"), "{ran:?}");
    assert_eq!((story.events(), story.done_to(&hostile)), (vec![], vec![]));
}

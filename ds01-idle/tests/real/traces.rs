//! What a check leaves behind, and where: nothing but in its own two directories, and nothing at all when it is dry.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use docker_rig::wait_until;

use crate::{
    reaper::Run,
    story::{DEADLINE, Story, runs},
    told::{STOPPED, strings},
    witness::Witness,
};

/// Runs the rest of its arguments where everything is read-only but the first two, and says `read-only` when that is so.
const ALL_ELSE_READ_ONLY: &str = r#"
    set -eu
    state=$1 log=$2
    shift 2
    mount --make-rprivate /
    mount --bind "$state" "$state"
    mount --bind "$log" "$log"
    mounts=$(while read -r _ _ _ _ at _; do echo "$at"; done </proc/self/mountinfo)
    for at in $mounts; do
        case $at in
        "$state" | "$log") ;;
        # One that is mounted over can't be reached, by nobody.
        *) mount -o remount,bind,ro "$at" 2>/dev/null || ! touch "$at/.ds01-test" 2>/dev/null ;;
        esac
    done
    for dir in / /tmp /var /etc /run /dev/shm /sys/fs/cgroup "${state%/*}"; do
        if [ -d "$dir" ] && touch "$dir/.ds01-test" 2>/dev/null; then
            rm "$dir/.ds01-test"
            echo "$dir can be written to" >&2
            exit 99
        fi
    done
    echo read-only >&2
    exec "$@"
"#;

/// The same command where nothing but these two directories can be written to.
fn confined(command: &Command, state: &Path, log: &Path) -> Command {
    let mut confined = Command::new("unshare");
    confined.args(["--mount", "sh", "-c", ALL_ELSE_READ_ONLY, "confined"]).arg(state).arg(log);
    confined.arg(command.get_program()).args(command.get_args());
    confined
}

#[test]
fn a_check_that_stops_and_removes_writes_to_state_and_log_alone() {
    let Some(story) = Story::begin() else { return };
    let (state, log) = (story.reaper.state_dir(), story.reaper.log_dir());
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o750)).unwrap();
    let (idle, managed) = (story.sitter("idle", &[]), story.create("made", &["--label=ds01.managed=true"]));
    for minute in [2, 6, 10, 14, 27, 33] {
        let run = Run::of(&mut confined(&story.check_command(minute), &state, &log)).ends_with(0);
        assert!(run.stderr().starts_with("read-only\n"), "{}", run.stderr());
        assert!(!run.stderr().contains("WARN"), "{}", run.stderr());
    }
    let events = [
        "idle_warning idle",
        "idle_kill idle",
        "gpu_released idle",
        "removal_warning made",
        "created_cleanup made",
        "gpu_released made",
    ];
    assert_eq!(story.events(), events);
    assert_eq!((story.done_to(&idle), story.notices().len()), (strings(&STOPPED), 4));
    drop(managed);

    // The story may go on over midnight.
    let is_day = |path: &str| {
        let day = path.strip_prefix("activity/").and_then(|name| name.strip_suffix(".jsonl"));
        day.is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok())
    };
    let found: Vec<String> = files(&state).into_keys().map(|path| path.display().to_string()).collect();
    let (days, others): (Vec<_>, Vec<_>) = found.iter().map(String::as_str).partition(|path| is_day(path));
    assert_eq!((others, days.is_empty()), (vec!["activity", "idle-state.json", "idle-state.lock"], false));
    for (path, file) in files(&state) {
        assert_eq!(file.mode & 0o027, 0, "{} has mode {:o}", path.display(), file.mode);
    }
    let found = files(&log).into_keys().filter(|path| !path.starts_with("notices"));
    assert_eq!(found.collect::<Vec<_>>(), [PathBuf::from("events.jsonl")]);
}

/// All there is to know about a file.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    inode: u64,
    mode: u32,
    changed: (i64, i64),
    bytes: Option<Vec<u8>>,
}

/// Everything below a directory, by the path in it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Known> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).unwrap().map(Result::unwrap) {
            let (path, meta) = (entry.path(), entry.metadata().unwrap());
            let known = Known {
                inode: meta.ino(),
                mode: meta.mode() & 0o7777,
                changed: (meta.ctime(), meta.ctime_nsec()),
                bytes: meta.is_file().then(|| fs::read(&path).unwrap()),
            };
            found.insert(path.strip_prefix(dir).unwrap().to_owned(), known);
            if meta.is_dir() {
                left.push(path);
            }
        }
    }
    found
}

/// At every point of the story: a dry check says what would happen, and the next real one does it.
#[test]
fn a_dry_run_changes_nothing_at_all() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &["--label=ds01.user=ann"]);
    let made = story.create("made", &["--label=ds01.managed=true"]);
    let state = story.reaper.state_dir();
    let dry = |minute: u64| {
        let all = state.parent().unwrap();
        let (before, done) = (files(all), [story.done_to(&idle), story.done_to(&made)]);
        let run = Run::of(story.check_command(minute).arg("--dry-run")).ends_with(0);
        for looks in ["status", "explain"] {
            let mut command = story.command(looks, minute);
            if looks == "explain" {
                command.arg(idle.id());
            }
            Run::of(&mut command).ends_with(0);
        }
        assert_eq!(files(all), before, "at minute {minute}");
        assert_eq!([story.done_to(&idle), story.done_to(&made)], done, "at minute {minute}");
        story.plain(&run.stdout())
    };
    assert_eq!(dry(2), "");
    assert!(!state.exists());
    story.checks([2, 6]);
    assert_eq!(dry(8), "");
    // Twice: the first of them has changed nothing.
    for told in [dry(10), dry(10)] {
        assert!(told.starts_with("idle ([id]) of ann: would warn, stop in ") && told.lines().count() == 1, "{told}");
    }
    story.check(10);
    let told = dry(14);
    assert!(told.starts_with("idle ([id]) of ann: would stop for idleness, with 2s of grace (GPU 0 %, "), "{told}");
    assert!(runs(&idle));
    story.check(14);
    let told = dry(27);
    assert!(told.starts_with("made ([id]): would warn of its removal in ") && told.lines().count() == 1, "{told}");
    story.check(27);
    let told = dry(33);
    assert_eq!(told, "made ([id]): would remove: it was never started\n");
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle", "removal_warning made"]);
}

/// What no story may show can be seen.
#[test]
fn whatever_is_run_inside_of_a_container_is_witnessed() {
    let Some(rig) = docker_rig::Rig::from_env() else { return };
    let witness = Witness::new(&rig);
    let container = rig.run_sleeper(&[]);
    rig.docker(&["exec", container.id(), "true"]);
    let seen = || witness.actions(container.id());
    wait_until("the end of what was run", DEADLINE, || seen().iter().any(|action| action.starts_with("exec_die")));
    assert_eq!(seen(), ["exec_create: true ", "exec_start: true ", "exec_die 0"]);
}

//! A host whose detector runs and whose reaper's timer is off, as shipped: looking first shows what would have been done, and
//! switching it on stops nobody unwarned.

use std::time::Duration;

use crate::{
    reaper::Run,
    story::{Story, main_pid},
    told::{STOPPED, WARNING},
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Twelve minutes of scans, 30 seconds apart.
fn scanned(story: &Story) {
    (0..=24).for_each(|n| story.scan(seconds(60 + 30 * n)));
}

#[test]
fn looking_first_shows_what_would_have_been_done() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &["--label=ds01.user=ann"]);
    let train = story.run("train", &[&story.gpus_option(&[1])], &[]);
    story.gpus.work(&story.gpu(1), main_pid(&train), 90);
    scanned(&story);
    let now = seconds(60 + 725);

    let status = Run::of(&mut story.command("status", now)).ends_with(0);
    let row = |alias: &str, name: &str| {
        let text = status.stdout();
        let row = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{alias}: {text}"));
        story.plain(row).split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>().join(" ")
    };
    let said = row("idle", idle.name());
    assert!(said.ends_with(" 9m would be stopped now"), "{said}");
    // On a slow machine, a little of the time falls between two looks.
    let said = row("train", train.name());
    assert!([" - 100% 9m works", " - 99% 9m works", " - 98% 9m works"].iter().any(|end| said.ends_with(end)), "{said}");
    let warning = "no check was made since the host was booted: nobody is warned or stopped";
    assert!(status.stderr().contains(warning), "{}", status.stderr());

    let json = Run::of(story.command("status", now).arg("--json")).ends_with(0).stdout();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["overdue"], true);
    let containers = json["containers"].as_array().unwrap();
    let observed = containers.iter().find(|entry| entry["id"] == idle.id()).unwrap()["idle_seconds"].as_u64().unwrap();
    assert!((700..=730).contains(&observed), "{observed}");

    let explained = Run::of(story.command("explain", now).arg(idle.name())).ends_with(0).stdout();
    let answer =
        "Nothing happens, because the timer is off. If it were on, it would have been stopped for idleness by now.";
    assert!(explained.contains(answer), "{explained}");

    // What the next check would do is less: it warns, and stops nobody.
    let dry = Run::of(story.check_command(now).arg("--dry-run")).ends_with(0).stdout();
    assert!(story.plain(&dry).starts_with("idle ([id]) of ann: would warn, stop in 1m48s"), "{dry}");
    assert_eq!((story.events_about("idle").len(), story.done_to(&idle)), (0, vec![]));
}

#[test]
fn switched_on_it_stops_nobody_whom_it_has_not_warned() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    scanned(&story);
    story.check(14);
    assert_eq!((story.events_about("idle"), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
    assert_eq!(story.notices(), [format!("{WARNING}: idle")]);
    story.check(18);
    assert_eq!(story.done_to(&idle), Vec::<String>::new(), "two idle checks of three");
    story.check(22);
    assert_eq!(story.events_about("idle"), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);

    // And it tells afterwards what was done.
    let explained = Run::of(story.command("explain", 23).arg(idle.name())).ends_with(0).stdout();
    let told = story.plain(&explained);
    for part in [
        "ds01 stopped it for idleness, ",
        "What was seen: GPU 0 %, ",
        "idle_timeout = 9m (container type docker, ",
        "  warned: idle for 1",
        "It was last seen running at ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    idle.docker(&["rm"]);
    let gone = Run::of(story.command("explain", 24).arg(idle.name())).ends_with(0).stdout();
    let gone = story.plain(&gone);
    assert!(gone.contains(", is gone\n") && gone.contains("ds01 stopped it for idleness, "), "{gone}");
    let never = Run::of(story.command("explain", 24).arg("never-was")).ends_with(1).stderr();
    assert!(never.starts_with("ds01-idle: there is no container never-was\n  ds01-idle lists "), "{never}");
}

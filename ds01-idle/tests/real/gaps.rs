//! Time that nobody observed, and clocks that were set: nobody is stopped who was not seen idle for the whole timeout.

use nvml_standin::Code;

use crate::{
    reaper::POLICY,
    story::{Story, main_pid},
    told::STOPPED,
};

const HOUR: u64 = 60;
const DAY_SECONDS: i64 = 24 * 3600;

/// What was observed in 9 minutes and more is a stop; here it takes another night.
#[test]
fn a_night_without_checks_is_no_idle_time() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6]);
    let morning = 9 * HOUR;
    story.checks([morning, morning + 2]);
    assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]), "four minutes and two were seen");
    story.check(morning + 4);
    assert_eq!(story.events(), ["idle_warning idle"], "eight were");
    story.check(morning + 20 * HOUR);
    assert_eq!((story.events().len(), story.done_to(&idle)), (1, vec![]), "another night");
    story.checks([morning + 20 * HOUR + 3, morning + 20 * HOUR + 6]);
    assert_eq!((story.events().len(), story.done_to(&idle)), (1, vec![]), "three idle checks in a row are needed anew");
    story.check(morning + 20 * HOUR + 9);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);
    let idle_seconds = story.reaper.events()[1]["details"]["idle_seconds"].as_u64().unwrap();
    assert!((16 * 60..18 * 60).contains(&idle_seconds), "{idle_seconds}");
}

/// A gap that is a little too long, and one that is not.
#[test]
fn ten_minutes_are_the_longest_that_counts() {
    let Some(story) = Story::begin() else { return };
    story.reaper.set_policy(&POLICY.replace("idle_timeout: 9m", "idle_timeout: 20m"));
    let idle = story.sitter("idle", &[]);
    story.checks([2, 13, 24, 35, 46, 57]);
    assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]));
    story.checks([66, 75]);
    assert_eq!(story.events(), ["idle_warning idle"]);
    story.checks([84]);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&idle), STOPPED);
}

#[test]
fn a_wall_clock_that_is_set_changes_nobodys_idle_time() {
    for by in [DAY_SECONDS, -DAY_SECONDS] {
        let Some(story) = Story::begin() else { return };
        let (idle, busy) = (story.sitter("idle", &[]), story.run("busy", &[&story.gpus_option(&[1])], &[]));
        story.gpus.work(&story.gpu(1), main_pid(&busy), 70);
        story.checks([2, 5]);
        story.set_wall_clock(by);
        story.check(8);
        assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]), "set by {by}");
        story.check(10);
        assert_eq!((story.events(), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
        // And back again.
        story.set_wall_clock(-by);
        story.check(12);
        assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"], "set by {by}");
        story.checks([18, 22, 26, 30, 34]);
        assert_eq!((story.events().len(), story.done_to(&busy)), (3, vec![]), "set by {by}");
    }
}

/// The detector's last picture is from before the clock was set back, so from the future, and there is none any more.
#[test]
fn with_the_clock_set_back_and_no_detector_a_busy_gpu_is_still_seen() {
    let Some(story) = Story::begin() else { return };
    let (idle, busy) = (story.sitter("idle", &[]), story.run("busy", &[&story.gpus_option(&[1])], &[]));
    story.gpus.work(&story.gpu(1), main_pid(&busy), 70);
    story.check(2);
    story.leave_an_inventory();
    story.set_wall_clock(-DAY_SECONDS);
    story.checks([6, 10, 14, 18, 22, 26]);
    assert_eq!(story.events_about("busy"), [""; 0]);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!((story.done_to(&idle), story.done_to(&busy)), (STOPPED.map(String::from).to_vec(), vec![]));
}

/// A driver that is loaded anew.
#[test]
fn without_nvml_nobody_is_judged_and_the_time_does_not_count() {
    let Some(story) = Story::begin() else { return };
    let (idle, busy) = (story.sitter("idle", &[]), story.run("busy", &[&story.gpus_option(&[1])], &[]));
    story.gpus.work(&story.gpu(1), main_pid(&busy), 70);
    story.checks([2, 6]);
    let state = story.reaper.state();
    let gone = || {
        story.gpus.change(|scenario| *scenario = scenario.clone().fault("nvmlInit", Code::DriverNotLoaded));
    };
    gone();
    for minute in [10, 14, 18] {
        story.check_ends(minute, 1);
    }
    assert_eq!(story.reaper.state(), state, "nothing was learned");
    story.gpus.change(|scenario| scenario.faults.clear());
    story.check(22);
    assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]));
    story.check(24);
    assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]), "four minutes and two were seen");
    story.check(26);
    assert_eq!((story.events(), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
    // It goes again between the warning and the stop.
    gone();
    story.check_ends(30, 1);
    assert_eq!((story.events().len(), story.done_to(&idle)), (1, vec![]));
    story.gpus.change(|scenario| scenario.faults.clear());
    story.check(34);
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!(story.done_to(&busy), [""; 0]);
}

/// What was written in another boot says nothing about this one: its clock began anew.
#[test]
fn after_a_reboot_all_begins_anew() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    assert_eq!(story.events(), ["idle_warning idle"]);
    story.reaper.was_in_another_boot();
    story.checks([14, 18]);
    assert_eq!((story.events().len(), story.done_to(&idle)), (1, vec![]));
    story.check(22);
    assert_eq!(story.events(), ["idle_warning idle", "idle_warning idle"]);
    assert_eq!(story.done_to(&idle), [""; 0]);
    story.check(26);
    assert_eq!(story.done_to(&idle), STOPPED);
}

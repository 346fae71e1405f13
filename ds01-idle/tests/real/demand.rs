//! When most GPUs are given away, idle time is shorter.

use crate::{
    reaper::POLICY,
    story::{Story, main_pid, runs},
    told::STOPPED,
};

#[test]
fn in_high_demand_the_timeout_is_shorter_and_entering_and_leaving_are_events() {
    let Some(story) = Story::begin() else { return };
    story.reaper.set_policy(&POLICY.replace("high_demand_threshold: null", "high_demand_threshold: 0.8"));
    let idle = story.sitter("idle", &[]);
    // One of two is given away: 9 minutes as ever, and a warning after 7.
    story.checks([2, 7]);
    assert_eq!((story.events(), story.done_to(&idle)), (vec![], vec![]));
    let other = story.run("other", &[&story.gpus_option(&[1])], &[]);
    story.gpus.work(&story.gpu(1), main_pid(&other), 80);
    // Two of two: half of it. It has been idle for 5 minutes and more, and nobody is stopped without a warning.
    story.check(8);
    assert_eq!(
        (story.events(), story.done_to(&idle)),
        (vec!["high_demand true".into(), "idle_warning idle".into()], vec![])
    );
    let demand = &story.reaper.events()[0]["details"];
    assert_eq!((&demand["assigned"], &demand["total"]), (&2.into(), &2.into()));
    story.checks([10]);
    assert_eq!(story.events()[2..], ["idle_kill idle", "gpu_released idle"]);
    assert_eq!((story.done_to(&idle), runs(&other)), (STOPPED.map(String::from).to_vec(), true));
    story.check(12);
    assert_eq!(story.events()[4..], ["high_demand false"]);
    story.check(14);
    assert_eq!(story.events().len(), 5, "{:?}", story.events());
    assert_eq!((story.notices().len(), story.done_to(&other)), (2, vec![]));
}

//! What the real reaper did, done again by `ds01-idle replay` from the journal that it left.

use std::time::Duration;

use serde_json::Value;

use crate::{
    private::Private,
    proxy::{Proxy, Then},
    reaper::{POLICY, Reaper, Run},
    story::{Story, main_pid},
    told::STOPPED,
};

/// What the replay says, as data.
fn replayed(story: &Story, more: &[&str]) -> Value {
    // The story's clock is ahead.
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let mut command = Reaper::bare();
    command.args(["replay", "--json", "--since", "1h", "--until", &until.to_string()]);
    command.arg("--in-force").arg(story.reaper.policy()).arg("--state-dir").arg(story.reaper.state_dir());
    let run = Run::of(command.args(more)).ends_with(0);
    serde_json::from_str(&run.stdout()).unwrap()
}

/// Names, causes and checks of stops.
fn stops(of: &Value) -> Vec<String> {
    let list = of["stops"].as_array().unwrap();
    let one = |stop: &Value| {
        format!("{} {} {}", stop["name"].as_str().unwrap(), stop["cause"].as_str().unwrap(), stop["check"])
    };
    list.iter().map(one).collect()
}

#[test]
fn the_same_policy_makes_the_stops_that_the_reaper_made() {
    let Some(private) = Private::start() else { return };
    let mut story = Story::alone_on(private.rig());
    story.reaper.set_policy(
        &POLICY.replace("docker: {idle_timeout: 9m, max_runtime: 48h}", "docker: {idle_timeout: 9m, max_runtime: 30m}"),
    );
    let idle = story.sitter("idle", &["--label=ds01.user=ann"]);
    let train = story.run("train", &[&story.gpus_option(&[1])], &[]);
    let kept = story.run(
        "kept",
        &[&story.gpus_option(&[1])],
        &["sh", "-c", "mkdir -p /workspace && touch /workspace/.keep-alive && exec sleep 100000"],
    );
    let pid = main_pid(&train);
    story.gpus.work(&story.gpu(1), pid, 90);
    let (gpus, id) = (story.gpus.clone(), train.id().to_owned());
    // What ends lets go of the GPU.
    let proxy = Proxy::new(story.rig.socket(), move |request| {
        if request.contains(&format!("/{id}/stop")) {
            gpus.leave(pid);
        }
        Then::Forward
    });
    story.behind(proxy.socket());
    let moment = |n: u64| Duration::from_secs(60 + 30 * n);
    // The detector looks every half minute, the reaper every fourth minute.
    for n in 0..=64 {
        story.scan(moment(n));
        if n.is_multiple_of(8) {
            story.check(moment(n) + Duration::from_secs(2));
        }
    }
    assert_eq!(story.done_to(&idle), STOPPED);
    assert_eq!(story.done_to(&train).first().map(String::as_str), STOPPED.first().copied(), "for its run time");
    let killed: Vec<String> = story.events().into_iter().filter(|event| event.contains("_kill ")).collect();
    assert_eq!(killed.len(), 3, "{killed:?}");

    let same = replayed(&story, &[]);
    let policy = &same["policies"][0];
    assert_eq!(stops(policy), stops(&same["really"]), "{same:#}");
    assert_eq!(stops(policy).len(), 3);
    assert!(policy["stops"].as_array().unwrap().iter().all(|stop| stop["real"] == true), "{policy:#}");
    assert_eq!(policy["warnings"], same["really"]["warnings"]);
    assert_eq!((same["unlike_really"].as_array().map(Vec::len), &same["supposed_checks"]), (Some(0), &0.into()));
    drop(kept);

    // Under a laxer one, each stop that is missing is explained.
    story.reaper.put_beside("lax.yaml", &POLICY.replace("9m", "5h"));
    let lax = story.reaper.policy().with_file_name("lax.yaml");
    let lax = replayed(&story, &["--config", lax.to_str().unwrap()]);
    assert_eq!(stops(&lax["policies"][0]), Vec::<String>::new(), "{lax:#}");
    let dropped = lax["differences"].as_array().unwrap();
    assert!(dropped.len() == 3 && dropped.iter().all(|one| one["change"] == "dropped"), "{lax:#}");
    let said = |name: &str| {
        let one = dropped.iter().find(|one| one["name"] == name).unwrap();
        one["settings"].as_array().unwrap().iter().map(|setting| setting["text"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(said("idle"), ["idle_timeout 5h, not 9m"]);
    assert_eq!(said("train"), ["max_runtime 2d, not 30m"]);
}

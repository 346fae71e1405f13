//! How the program is called, what it says about it, and how it ends.

use std::{fs, process::Command};

use crate::{
    proxy::{Proxy, Then},
    reaper::{Reaper, Run},
    story::{Story, runs},
    told::STOPPED,
};

/// What a command did.
fn shown(story: &Story, words: &str, command: &mut Command) -> String {
    let run = Run::of(command);
    let code = run.code().map_or("a signal".to_owned(), |code| code.to_string());
    let text = format!("$ {words}\nexit: {code}\n{}{}\n", run.stdout(), run.stderr());
    let socket = story.rig.socket().display().to_string();
    story.plain(&text).replace(&socket, "[socket]")
}

#[test]
fn the_help_lists_the_exit_codes() {
    let help = |words: &[&str]| Run::of(Reaper::bare().args(words)).ends_with(0).stdout();
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("help", help(&["--help"]));
        insta::assert_snapshot!("help_run", help(&["run", "--help"]));
    });
}

#[test]
fn wrong_usage_ends_with_2() {
    const WRONG: [&[&str]; 8] = [
        &["--frobnicate"],
        &["reap"],
        &["run", "train"],
        &["run", "--container"],
        &["run", "--docker-host", "tcp://10.0.0.7:2375"],
        &["run", "--deadline", "soon"],
        &["explain"],
        &["run", "--json"],
    ];
    let mut all = String::new();
    for words in WRONG {
        let run = Run::of(Reaper::bare().args(words)).ends_with(2);
        all.push_str(&format!("$ ds01-idle {}\n{}{}\n", words.join(" "), run.stdout(), run.stderr()));
    }
    for address in ["tcp://10.0.0.7:2375", "ssh://admin@gpu01"] {
        let run = Run::of(Reaper::bare().arg("run").env("DOCKER_HOST", address)).ends_with(2);
        all.push_str(&format!("$ DOCKER_HOST={address} ds01-idle run\n{}\n", run.stderr()));
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(all) });
}

#[test]
fn a_container_that_is_not_there_is_named_and_nobody_touched() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    story.checks([2, 6, 10]);
    let state = story.reaper.state();
    let unknown = |subcommand: &str| {
        let mut command = story.command(subcommand, 14);
        match subcommand {
            "run" => drop(command.args(["--container", idle.id(), "--container", "no-such-container"])),
            _ => drop(command.arg("no-such-container")),
        }
        shown(&story, &format!("ds01-idle {subcommand}"), &mut command)
    };
    let all = unknown("run") + &unknown("explain");
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(all) });
    assert_eq!((story.events(), story.done_to(&idle)), (vec!["idle_warning idle".to_owned()], vec![]));
    assert_eq!(story.reaper.state()["tracks"], state["tracks"]);

    // By its name, its id, and the beginning of its id it is found.
    for name in [idle.name(), idle.id(), &idle.id()[..12]] {
        let told = Run::of(story.command("explain", 11).arg(name)).ends_with(0).stdout();
        assert!(story.plain(&told).starts_with("idle ([id]), docker container of an unknown owner"), "{told}");
    }
}

#[test]
fn docker_host_names_the_daemon_and_an_option_wins_over_it() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    let proxy = Proxy::new(story.rig.socket(), |_| Then::Forward);
    let variable = format!("unix://{}", proxy.socket().display());
    let check = |with_option: bool| {
        let mut command = story.reaper.without_docker("run");
        command.env("DOCKER_HOST", &variable).args(["--container", idle.id()]);
        if with_option {
            command.args(["--docker-host", &story.reaper.address()]);
        }
        Run::of(&mut command).ends_with(0);
        proxy.seen().len()
    };
    let asked = check(false);
    assert!(asked > 1);
    assert_eq!(check(true), asked);
    assert!(runs(&idle));
}

/// A broadcast that can't be made stops nothing: what was to be told is logged.
#[test]
fn without_wall_the_notice_is_logged_and_the_work_goes_on() {
    let Some(story) = Story::begin() else { return };
    let idle = story.sitter("idle", &[]);
    fs::remove_file(story.reaper.wall()).unwrap();
    story.checks([2, 6]);
    let said = [story.check(10).stderr(), story.check(14).stderr()];
    for (said, title) in said.iter().zip([crate::told::WARNING, crate::told::STOP]) {
        assert!(
            said.contains("wall: everybody could not be told: ")
                && said.contains("nobody could be told; ")
                && said.contains(&format!("| {title} ")),
            "{said}"
        );
    }
    assert_eq!(story.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
    assert_eq!((story.done_to(&idle), story.notices()), (STOPPED.map(String::from).to_vec(), vec![]));
}

use proptest::prelude::*;

use super::*;
use crate::idle::{notice::frame::WIDTH, test_support::facts};

fn about(facts: &ContainerFacts) -> About<'_> {
    About {
        facts,
        gpu_unknown: false,
        removed_after: None,
        idle: Duration::from_secs(25 * 60),
        idle_limit: Some(Duration::from_secs(30 * 60)),
        ran_for: Duration::from_secs(7_200),
        keepalive_path: "/workspace/.keep-alive",
        keep_most: Some(Duration::from_secs(86_400)),
        keepalive_longest: Some(Duration::from_secs(86_400)),
    }
}

fn actions() -> Vec<Action> {
    let (left, grace) = (Duration::from_secs(300), Duration::from_secs(60));
    vec![
        Action::Warn { left, keep_alive_refused: None },
        Action::Warn { left, keep_alive_refused: Some("it is a symbolic link; make it a regular file") },
        Action::WarnOfRuntime { left },
        Action::Stop { cause: StopCause::Idle, grace },
        Action::Stop { cause: StopCause::Runtime, grace },
        Action::TellExempt(Enforcement::IdleTimeout),
        Action::TellExempt(Enforcement::MaxRuntime),
        Action::Remove(Removal::NeverStarted),
        Action::Remove(Removal::Held),
        Action::WarnOfRemoval { left, removal: Removal::NeverStarted },
        Action::WarnOfRemoval { left: Duration::ZERO, removal: Removal::Held },
    ]
}

fn check_form(text: &str) -> Result<(), TestCaseError> {
    let lines: Vec<&str> = text.lines().collect();
    prop_assert!(lines.len() >= 5 && lines.len() < 40);
    for line in &lines {
        prop_assert_eq!(line.len(), WIDTH, "{:?}", line);
        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", line);
    }
    let rule = format!("+{}+", "-".repeat(WIDTH - 2));
    prop_assert!(lines[0] == rule && lines[lines.len() - 1] == rule);
    prop_assert!(lines[1..lines.len() - 1].iter().all(|line| line.starts_with("| ") && line.ends_with(" |")));
    Ok(())
}

#[test]
fn a_warning_says_why_when_what_is_safe_and_how_to_keep_it() {
    let facts = facts();
    let text = notice(&about(&facts), &actions()[0]).unwrap();
    let expected = "\
+--------------------------------------------------------------------------+
| IDLE GPU CONTAINER: WILL BE STOPPED                                      |
|                                                                          |
| Container: train (abababababab), of alice                                |
| Why: it was idle for 25m (the limit is 30m). Neither its GPU nor         |
| anything else in it was at work.                                         |
| What happens: it is stopped if it stays idle for another 5m.             |
| Safe: volumes and mounted directories. What is stored only inside the    |
| container stays until it is removed.                                     |
| To keep it: run ds01-idle keep train 8h on the host, or use it, or run   |
| this in it: touch /workspace/.keep-alive. That keeps it for up to 1d.    |
+--------------------------------------------------------------------------+
";
    assert_eq!(text, expected);
}

/// The notice in one line, without its frame.
fn told(about: &About<'_>, action: &Action) -> String {
    let text = notice(about, action).unwrap();
    text.lines().map(|line| line.trim_matches(['|', ' '])).collect::<Vec<_>>().join(" ")
}

#[test]
fn of_one_that_docker_removes_at_its_end_no_notice_says_that_it_stays() {
    let with_rm = "It was started with --rm: when it stops, Docker removes it, with its unnamed volumes and everything that is \
        stored only inside it. Named volumes and mounted directories are safe.";
    let stays = "Safe: volumes and mounted directories.";
    for action in &actions()[..5] {
        let (plain, removed) = (facts(), ContainerFacts { auto_remove: true, ..facts() });
        let (plain, removed) = (told(&about(&plain), action), told(&about(&removed), action));
        assert!(plain.contains(stays) && !plain.contains("--rm"), "{plain}");
        assert!(removed.contains(with_rm) && !removed.contains(stays), "{removed}");
    }
}

#[test]
fn a_warning_says_nothing_of_a_gpu_that_nothing_is_known_of() {
    let facts = facts();
    let text = told(&About { gpu_unknown: true, ..about(&facts) }, &actions()[0]);
    assert!(text.contains("Its GPU could not be read; nothing else in it was at work."), "{text}");
    assert!(!text.contains("Neither its GPU"), "{text}");
}

#[test]
fn the_command_that_keeps_it_can_be_typed_and_is_named_only_where_it_works() {
    let odd = ContainerFacts { name: "a; rm -rf ~".to_owned(), ..facts() };
    let text = told(&about(&odd), &actions()[0]);
    assert!(text.contains("run ds01-idle keep abababababab 8h on the host"), "{text}");
    let facts = facts();
    let nobody = told(&About { keep_most: Some(Duration::ZERO), ..about(&facts) }, &actions()[0]);
    assert!(!nobody.contains("ds01-idle keep"), "{nobody}");
}

#[test]
fn a_stop_says_what_removal_follows() {
    let facts = facts();
    for stop in &actions()[3..5] {
        let held = told(&About { removed_after: Some(Duration::from_secs(1800)), ..about(&facts) }, stop);
        assert!(held.contains("it is removed after 30m"), "{held}");
        assert!(held.contains("docker start train") && held.contains("docker cp train:/path ."), "{held}");
        assert!(!told(&about(&facts), stop).contains("What follows"));
    }
}

#[test]
fn a_warning_of_removal_says_when_what_is_lost_and_how_to_keep_it() {
    let facts = facts();
    let text = notice(&about(&facts), &actions()[9]).unwrap();
    let expected = "\
+--------------------------------------------------------------------------+
| GPU CONTAINER WILL BE REMOVED                                            |
|                                                                          |
| Container: train (abababababab), of alice                                |
| Why: it was created, never started, and keeps its GPU.                   |
| What happens: it is removed in 5m, and its GPU is free for others.       |
| What is lost: what is stored only inside the container. Volumes and      |
| mounted directories are safe.                                            |
| To keep it: before then, docker start train keeps it, and docker cp      |
| train:/path . saves its files.                                           |
+--------------------------------------------------------------------------+
";
    assert_eq!(text, expected);
    assert!(told(&about(&facts), &actions()[10]).contains("it is removed at the next check"));
}

#[test]
fn every_action_but_nothing_has_a_notice() {
    let facts = facts();
    assert_eq!(notice(&about(&facts), &Action::Nothing), None);
    for action in actions() {
        check_form(&notice(&about(&facts), &action).unwrap()).unwrap();
    }
    let refused = notice(&about(&facts), &actions()[1]).unwrap();
    assert!(refused.contains("symbolic link"), "{refused}");
}

proptest! {
    #[test]
    fn no_name_moves_the_box(name in any::<String>(), user in ".{0,300}", path in any::<String>(), n in 0..11_usize) {
        let mut facts = facts();
        facts.name = name;
        facts.user = Some(user);
        let about = About { keepalive_path: &path, ..about(&facts) };
        check_form(&notice(&about, &actions()[n]).unwrap())?;
    }
}

use proptest::prelude::*;

use super::*;
use crate::idle::test_support::facts;

fn about(facts: &ContainerFacts) -> About<'_> {
    About {
        facts,
        idle: Duration::from_secs(25 * 60),
        idle_limit: Some(Duration::from_secs(30 * 60)),
        ran_for: Duration::from_secs(7_200),
        keepalive_path: "/workspace/.keep-alive",
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
        Action::TellExempt(Exempted::IdleTimeout),
        Action::TellExempt(Exempted::MaxRuntime),
        Action::Remove(Removal::NeverStarted),
        Action::Remove(Removal::Held),
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
| Why: idle for 25m, of 30m that it may be. Neither its GPU nor anything   |
| else in it was at work.                                                  |
| What happens: it is stopped after 5m more of idleness.                   |
| Safe: volumes and mounted directories. What is stored only inside the    |
| container stays until it is removed.                                     |
| To keep it: use it, or run in it: touch /workspace/.keep-alive - which   |
| holds it for up to 1d.                                                   |
+--------------------------------------------------------------------------+
";
    assert_eq!(text, expected);
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
    fn no_name_moves_the_box(name in any::<String>(), user in ".{0,300}", path in any::<String>(), n in 0..9_usize) {
        let mut facts = facts();
        facts.name = name;
        facts.user = Some(user);
        let about = About { keepalive_path: &path, ..about(&facts) };
        check_form(&notice(&about, &actions()[n]).unwrap())?;
    }
}

use super::*;

fn asked(input: &str, given: &[&str]) -> (Option<Vec<String>>, String) {
    let given: Vec<String> = given.iter().map(ToString::to_string).collect();
    let mut out = Vec::new();
    let arguments = ask(&mut input.as_bytes(), &mut out, &given).unwrap();
    (arguments, String::from_utf8(out).unwrap())
}

#[track_caller]
fn assert_command(input: &str, given: &[&str], command: &str) {
    let (arguments, out) = asked(input, given);
    assert!(out.ends_with(&format!("\n$ {command}\n\n")), "{out}");
    assert_eq!(out.matches('?').count(), 3, "three questions: {out}");
    assert!(arguments.is_some());
}

#[test]
fn answers_become_a_command() {
    assert_command("\n\n\n", &[], "ds01-workloads");
    assert_command("2\nalice\n3\n", &[], "ds01-workloads --gpu-only --user=alice --by-user");
    assert_command(
        "3\n\n2\n",
        &["--state-dir", "/x y"],
        "ds01-workloads --state-dir '/x y' --type host-process --wide",
    );
}

#[test]
fn every_choice_is_a_command_that_is_understood() {
    use clap::Parser;

    for what in 1..=WHAT.len() {
        for how in 1..=HOW.len() {
            let (arguments, _) = asked(&format!("{what}\nbob\n{how}\n"), &["--demo", "--wide", "--gpu-only"]);
            let program = std::iter::once("ds01-workloads".to_owned());
            crate::cli::Cli::try_parse_from(program.chain(arguments.unwrap())).unwrap();
        }
    }
}

#[test]
fn it_can_be_left_at_any_question() {
    for input in ["q\n", "1\nq\n", "1\n\nq\n", "", "1\n", "1\n\n", "9\nx\n"] {
        let (arguments, out) = asked(input, &[]);
        assert_eq!(arguments, None, "{input:?}");
        assert!(!out.contains('$'), "{out}");
    }
}

#[test]
fn what_is_no_answer_is_asked_again() {
    let (arguments, out) = asked("0\n99\nabc\n-1\n2\n\n1\n", &[]);
    assert_eq!(arguments.unwrap(), ["--gpu-only"]);
    assert_eq!(out.matches("A number from 1 to 5").count(), 4);
}

#[test]
fn a_name_is_shown_as_a_shell_takes_it_and_never_acts() {
    let (arguments, out) = asked("1\n--type o'brien \x1b[2J\n1\n", &[]);
    assert_eq!(arguments.unwrap(), ["--user=--type o'brien \x1b[2J"]);
    assert!(out.contains(r"'--user=--type o'\''brien \x1b[2J'"), "{out}");
    assert!(!out.contains('\x1b'));
}

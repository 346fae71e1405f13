//! `--guided`: at most three questions, answered by a command that is shown and run.

use std::io::{self, BufRead, Write};

use ds01_core::text::sanitize;

/// One answer to choose: what it says, and the arguments that it stands for.
type Choice = (&'static str, &'static [&'static str]);

const WHAT: &[Choice] = &[
    ("everything that runs", &[]),
    ("what has a GPU", &["--gpu-only"]),
    ("processes of the host, outside containers", &["--type", "host-process"]),
    ("containers that nobody manages", UNMANAGED),
    ("everything, stopped containers too", &["--all"]),
];

const UNMANAGED: &[&str] =
    &["--type", "devcontainer", "--type", "compose", "--type", "raw-docker", "--type", "unknown"];

const HOW: &[Choice] = &[
    ("a compact table", &[]),
    ("with CPU, memory, image and id", &["--wide"]),
    ("grouped by user, with each user's GPUs", &["--by-user"]),
    ("JSON, for scripts and jq", &["--json"]),
    ("a table that keeps itself up to date", &["--watch"]),
];

/// Asks, and returns the arguments of the command that answers, after showing it. `None` when the admin left.
///
/// Arguments that were `given` beside `--guided` (such as where the inventory is) are part of the command.
pub(crate) fn ask(input: &mut impl BufRead, out: &mut impl Write, given: &[String]) -> io::Result<Option<Vec<String>>> {
    let mut arguments = given.to_vec();
    writeln!(out, "Three questions; Enter takes the first answer, q leaves.")?;
    let Some(what) = choose(input, out, "What do you want to see?", WHAT)? else { return Ok(None) };
    arguments.extend(what.iter().map(ToString::to_string));
    writeln!(out, "\nWhose? A user name, or Enter for everybody.")?;
    match answer(input, out)?.as_deref() {
        None => return Ok(None),
        Some("") => {}
        Some(name) => arguments.push(format!("--user={name}")),
    }
    let Some(how) = choose(input, out, "\nHow?", HOW)? else { return Ok(None) };
    arguments.extend(how.iter().map(ToString::to_string));
    let shown: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    writeln!(out, "\n$ {}\n", ["ds01-workloads".to_owned()].into_iter().chain(shown).collect::<Vec<_>>().join(" "))?;
    Ok(Some(arguments))
}

/// Lets one of several answers be chosen by number; asks again when it was none of them.
fn choose(
    input: &mut impl BufRead,
    out: &mut impl Write,
    question: &str,
    choices: &[Choice],
) -> io::Result<Option<&'static [&'static str]>> {
    writeln!(out, "{question}")?;
    for (number, (text, _)) in (1..).zip(choices) {
        writeln!(out, "  {number}) {text}")?;
    }
    loop {
        let Some(line) = answer(input, out)? else { return Ok(None) };
        let number = if line.is_empty() { Ok(1) } else { line.parse::<usize>() };
        match number.ok().and_then(|number| choices.get(number.checked_sub(1)?)) {
            Some((_, arguments)) => return Ok(Some(arguments)),
            None => writeln!(out, "A number from 1 to {}, or q to leave.", choices.len())?,
        }
    }
}

/// One line of input; `None` when the admin leaves.
fn answer(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Option<String>> {
    write!(out, "> ")?;
    out.flush()?;
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        writeln!(out)?;
        return Ok(None);
    }
    let line = String::from_utf8_lossy(&line).trim().to_owned();
    Ok((line != "q").then_some(line))
}

/// An argument as a shell would take it back.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@,+%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", sanitize(&argument.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
#[path = "guided_tests.rs"]
mod tests;

//! Standard output, standard error and the log, as all programs use them.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
};

use clap::ColorChoice;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::tcgetwinsize,
};
use tracing::Level;

use crate::{
    table::{Medium, width, wrapped},
    text::sanitize,
};

/// Width and height of a terminal that does not know its own.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// Before what is said on from the line above.
const LITTLE: &str = "    ";

/// One program's way to the person or the journal that reads it.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    program: &'static str,
}

impl Console {
    /// That of `program`, whose name stands before what it says.
    pub const fn new(program: &'static str) -> Self {
        Self { program }
    }

    pub(super) fn name(self) -> &'static str {
        self.program
    }

    /// Says something on standard error, every line made safe: an error may quote users' text. Lines after the first are
    /// indented, and on a terminal long ones are broken. Where nobody reads that any more, nobody is told.
    pub fn say(self, message: impl fmt::Display) {
        let mut err = io::stderr().lock();
        let most = if err.is_terminal() { size_of(&err).0 } else { usize::MAX };
        let _ = err.write_all(self.said(&message.to_string(), most).as_bytes());
    }

    fn said(self, message: &str, most: usize) -> String {
        let mut text = String::new();
        for (at, line) in message.lines().enumerate() {
            let lead = if at == 0 { format!("{}: ", self.program) } else { "  ".to_owned() };
            let line = format!("{lead}{}", sanitize(line));
            if width(&line) <= most {
                text.push_str(&line);
                text.push('\n');
                continue;
            }
            let indent = &line[..line.len() - line.trim_start().len()];
            for (at, part) in wrapped("", &line, most.saturating_sub(LITTLE.len())).lines().enumerate() {
                text.push_str(if at == 0 { indent } else { LITTLE });
                text.push_str(part);
                text.push('\n');
            }
        }
        text
    }

    /// Says what somebody should know before believing what is printed.
    pub fn warn(self, warning: impl fmt::Display) {
        self.say(format_args!("warning: {warning}"));
    }
}

/// Prints to standard output, whole.
///
/// # Errors
///
/// The system's. A reader that closed the pipe has had enough: see [`has_enough`].
pub fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Whether somebody still reads standard output: a program that waits for something to print would not notice otherwise.
///
/// # Errors
///
/// That of a pipe which was closed: see [`has_enough`].
pub fn is_still_read() -> io::Result<()> {
    let out = io::stdout();
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default()))?;
    let closed = fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
    if closed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
}

/// Whether `error` says that whoever read the output closed it, which is no failure.
pub fn has_enough(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Log lines go to standard error without a time of their own: journald adds one.
pub fn start_logging(verbose: bool) {
    let level = if verbose { Level::DEBUG } else { Level::WARN };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .init();
}

/// Where a table on standard output is seen: a terminal's width and colours, or a pipe, which has neither unless `choice`
/// says so.
pub fn medium(choice: ColorChoice) -> Medium {
    Medium { width: io::stdout().is_terminal().then(|| terminal_size().0), color: colored(choice) }
}

/// Whether to colour: on a terminal, unless `NO_COLOR` is set or the terminal says that it can't.
pub fn colored(choice: ColorChoice) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            io::stdout().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Columns and lines of the terminal that is standard output; the usual ones where it says 0, as some do of either.
pub fn terminal_size() -> (usize, usize) {
    size_of(io::stdout())
}

fn size_of(terminal: impl AsFd) -> (usize, usize) {
    let (columns, lines) = tcgetwinsize(terminal).map_or((0, 0), |size| (size.ws_col.into(), size.ws_row.into()));
    let or_usual = |said, usual| if said > 0 { said } else { usual };
    (or_usual(columns, USUAL_SIZE.0), or_usual(lines, USUAL_SIZE.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_the_terminal_and_its_lines_stay_lines() {
        let message = "no inventory yet: it does not exist\nsee `systemctl status ds01`\n";
        let said = |most| Console::new("ds01").said(message, most);
        assert_eq!(said(usize::MAX), "ds01: no inventory yet: it does not exist\n  see `systemctl status ds01`\n");
        assert_eq!(said(30), "ds01: no inventory yet: it\n    does not exist\n  see `systemctl status ds01`\n");
        for most in 20..60 {
            assert!(said(most).lines().all(|line| width(line) <= most), "{}", said(most));
        }
    }
}

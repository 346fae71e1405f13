//! What goes to standard output and to standard error.

use std::io::{self, Write};

use ds01_core::text::sanitize;
use tracing::Level;

/// Log lines go to standard error without a time of their own: journald adds one.
pub(crate) fn start_logging(verbose: bool) {
    let level = if verbose { Level::DEBUG } else { Level::WARN };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .init();
}

/// Says something to the person or the journal, on standard error. Where nobody reads that any more, nobody is told.
pub(crate) fn say(words: &str) {
    // Line by line: an error may quote users' text, and its own line breaks are ours.
    for (number, line) in words.lines().enumerate() {
        let lead = if number == 0 { "ds01-detect: " } else { "" };
        let _ = writeln!(io::stderr(), "{lead}{}", sanitize(line));
    }
}

/// Prints to standard output. A reader that closed the pipe has had enough: that is no error.
pub(crate) fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

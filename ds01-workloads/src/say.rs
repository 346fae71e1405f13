//! What is said on standard error, beside the table.

use std::io::{self, Write};

use ds01_core::text::sanitize;

/// Says what an admin should know before believing the table.
pub(crate) fn warn(warning: &str) {
    say(&format!("warning: {warning}"));
}

/// Says something, every line made safe. That nobody listens there is no reason to fail.
pub(crate) fn say(message: &str) {
    let mut err = io::stderr().lock();
    for (at, line) in message.lines().enumerate() {
        let lead = if at == 0 { "ds01-workloads: " } else { "  " };
        let _ = writeln!(err, "{lead}{}", sanitize(line));
    }
}

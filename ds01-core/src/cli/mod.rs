//! What the command lines of ds01's programs have in common (feature `cli`): where the sources of a scan are, and how each
//! program makes its own shell completions and man page from the definitions that its `--help` is made from.
//!
//! Packaging asks each program for them with the hidden option `--generate`:
//!
//! ```sh
//! ds01-workloads --generate man > ds01-workloads.1
//! ds01-workloads --generate completions-bash > ds01-workloads.bash
//! ```

pub mod console;
mod generate;
pub mod places;
mod sources;
mod waiting;

use std::time::Duration;

pub use console::Console;
pub use generate::Generate;
pub use sources::{Doors, SAMPLES_DIR, SourceArgs, shift};
pub use waiting::Waiting;

/// Where the programs keep their state, unless told otherwise.
pub const STATE_DIR: &str = "/var/lib/ds01";

/// Where events go, unless told otherwise.
pub const EVENTS_FILE: &str = "/var/log/ds01/events.jsonl";

/// Reads the value of `--deadline`: how long a look at the host may take, in seconds, up to an hour.
///
/// # Errors
///
/// What was expected, in words.
pub fn deadline_seconds(text: &str) -> Result<Duration, String> {
    /// Longer than any timer's interval, and than anybody waits for a table.
    const MOST: f64 = 3600.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= MOST => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("a number of seconds above 0 and up to {MOST} was expected")),
    }
}

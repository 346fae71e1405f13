//! What `/proc/PID/stat` counts for one process.

use std::time::Duration;

/// The counters of one `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Start in clock ticks since boot: tells a process from a later one with the same pid.
    pub(super) start_ticks: u64,
    /// User and system time of all its threads, in steps of a clock tick (10 ms).
    pub(super) cpu_time: Duration,
    /// Resident memory in bytes.
    pub(super) rss_bytes: u64,
}

impl Stat {
    /// Parses the file. The name in parentheses is the user's and may hold blanks, parentheses and line feeds: what counts
    /// stands behind the last parenthesis.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, counters) = text.rsplit_once(')')?;
        let fields: Vec<&str> = counters.split_ascii_whitespace().collect();
        // Numbered as in proc_pid_stat(5), where the field behind the name is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        // No kernel counts so far; a file that says so is no reason to stop.
        let ticks = field(14)?.saturating_add(field(15)?);
        Some(Self {
            start_ticks: field(22)?,
            cpu_time: Duration::from_millis(
                ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1),
            ),
            rss_bytes: field(24)?.saturating_mul(rustix::param::page_size() as u64),
        })
    }
}

//! `ds01-detect doctor`: what a scan needs on this host, and what is missing.
//!
//! ```text
//! flags -> gather (touches the machine, in threads under a deadline) -> facts -> checks (pure) -> findings -> report
//! ```

mod args;
mod checks;
mod facts;
mod finding;
mod gather;
mod report;

use ds01_core::cli::console;

pub(crate) use args::DoctorArgs;

use crate::{CONSOLE, failure::Failure};
use finding::Verdict;

/// Looks, and says what it found; whether nothing failed. `args` have been completed from the environment.
pub(crate) fn run(args: &DoctorArgs) -> Result<bool, Failure> {
    let waiting = CONSOLE.say_what_is_waited_for();
    let facts = gather::facts(args);
    drop(waiting);
    let findings = checks::findings(&facts);
    if args.json {
        console::print(&report::json(&findings, facts.now)?)?;
    } else {
        console::print(report::table(&findings, console::medium(args.color)).as_bytes())?;
    }
    Ok(findings.iter().all(|finding| finding.verdict != Verdict::Failed))
}

#[cfg(test)]
mod tests;

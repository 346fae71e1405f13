//! `ds01-idle check-config`: is the policy sound?

use std::{io::Write, path::Path, process::ExitCode};

use ds01_core::{policy, text::sanitize};

use crate::failure::{Failure, count_findings, exit};

/// Prints everything that was found, and in a last line whether the policy would be used.
pub(crate) fn run(config: &Path, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let (found, verdict, code) = match policy::load(config) {
        Ok(loaded) => (loaded.warnings, "sound", ExitCode::SUCCESS),
        Err(bad) => (bad.found, "not used", ExitCode::from(exit::CONFIG)),
    };
    for diagnostic in &found {
        writeln!(out, "{diagnostic}")?;
    }
    let path = config.display().to_string();
    let counts = if found.is_empty() { String::new() } else { format!(": {}", count_findings(&found)) };
    writeln!(out, "{} is {verdict}{counts}", sanitize(&path))?;
    out.flush()?;
    Ok(code)
}

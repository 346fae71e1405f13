//! `ds01-idle check-config`: is the policy sound?

use std::{io::Write, path::Path, process::ExitCode};

use ds01_core::{
    policy::{self, Diagnostic, Severity},
    text::sanitize,
};

use crate::failure::{Failure, exit};

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
    let counts = if found.is_empty() { String::new() } else { format!(": {}", summary(&found)) };
    writeln!(out, "{} is {verdict}{counts}", sanitize(&path))?;
    out.flush()?;
    Ok(code)
}

/// How many errors and warnings there are, in words.
pub(crate) fn summary(found: &[Diagnostic]) -> String {
    let count = |severity, one: &str| {
        let n = found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{n} {one}s")),
        }
    };
    let parts = [count(Severity::Error, "error"), count(Severity::Warning, "warning")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

//! The policy, for programs that observe and need none.

use std::path::Path;

use ds01_core::policy::{self, Policy};
use tracing::warn;

use crate::failure::Failure;

/// The policy at `named`, which has to be sound, else the installed one. `None` where there is none, or where that one is not
/// sound; `without` says what that means.
pub(crate) fn installed(named: Option<&Path>, without: &str) -> Result<Option<Policy>, Failure> {
    policy::installed(named).or_else(|bad| {
        if named.is_some() {
            return Err(Failure::Policy(bad));
        }
        warn!("{} is not sound, so {without}; see ds01-idle check-config", policy::DEFAULT_PATH);
        Ok(None)
    })
}

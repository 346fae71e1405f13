//! How many running GPU containers work and how many are idle: by what was seen of them, whatever is done about it.

use std::fmt;

use ds01_core::idle::{Checked, Verdict};

/// The counts of one check.
pub(crate) struct Tally {
    /// Running containers that have a GPU, or may have one.
    pub(crate) running: usize,
    working: usize,
    idle: usize,
    unknown: usize,
}

impl Tally {
    pub(crate) fn of(checked: &Checked) -> Self {
        let cases = checked.cases();
        let verdicts: Vec<Verdict> =
            cases.values().filter(|case| case.facts.has_gpu != Some(false)).map(|case| case.verdict()).collect();
        let count = |is: fn(Verdict) -> bool| verdicts.iter().filter(|verdict| is(**verdict)).count();
        let (working, idle) = (count(Verdict::is_activity), count(|verdict| verdict == Verdict::Idle));
        Self { running: verdicts.len(), working, idle, unknown: verdicts.len() - working - idle }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at work, {} idle", self.working, self.idle)?;
        if self.unknown > 0 {
            write!(f, ", {} unknown", self.unknown)?;
        }
        Ok(())
    }
}

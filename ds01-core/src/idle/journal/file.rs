//! The activity journal: what was observed, one JSON line for each running GPU container and look,
//! in `activity/YYYY-MM-DD.jsonl` under the state directory.
//!
//! It is why a check every five minutes sees what happened between checks, and why a policy can be tried on the past. A
//! line that is torn, of another version, or no JSON is skipped: what is missing is a gap, and a gap is no idle time.

use std::io::{self, BufRead, BufReader, Read};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{
    idle::evidence::Observation,
    model::ContainerId,
    store::{Store, StoreError, read_back},
};

/// The directory's name within the state directory.
pub const DIR_NAME: &str = "activity";

/// Days before today that are kept.
pub const KEPT_DAYS: i64 = 14;

/// Longer lines are nothing that this program wrote.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// How far observations can stand out of order: a scan writes at its end what it saw at its beginning.
pub(crate) const DISORDER_MS: u64 = 60_000;

/// The newest of the observations that were asked for.
#[derive(Debug, Default)]
pub struct Recent {
    /// Oldest first.
    pub observations: Vec<Observation>,
    /// Whether there were more, and these are older.
    pub cut: bool,
}

impl Recent {
    /// Sorts, and drops the oldest beyond `most`.
    fn keep(&mut self, most: usize) {
        self.observations.sort_by_key(|seen| seen.boot_ms);
        let too_many = self.observations.len().saturating_sub(most);
        self.cut |= too_many > 0;
        self.observations.drain(..too_many);
    }
}

/// The journal of one host.
#[derive(Debug)]
pub struct Journal {
    store: Store,
}

impl Journal {
    /// Opens the journal in the state directory.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open(state_dir: &Store) -> Result<Self, StoreError> {
        Ok(Self { store: state_dir.open_within(DIR_NAME)? })
    }

    /// Appends observations to the file of the day, in UTC, of each. They are not flushed: what a crash takes
    /// is a gap.
    ///
    /// # Errors
    ///
    /// The first that occurred.
    pub fn append(&self, observations: &[Observation]) -> Result<(), StoreError> {
        for of_day in observations.chunk_by(|a, b| day_of(a.at) == day_of(b.at)) {
            let Some(first) = of_day.first() else { continue };
            let name = file_name(day_of(first.at));
            let mut lines = self.store.open_lines(&name)?;
            lines.begin()?;
            for observation in of_day {
                let mut line = serde_json::to_vec(observation)
                    .map_err(|error| self.error("write an observation to", &name, error.into()))?;
                line.push(b'\n');
                lines.append(&line)?;
            }
        }
        Ok(())
    }

    /// Deletes days that ended more than [`KEPT_DAYS`] before the day of `now`.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed, or a file not be removed.
    pub fn forget_old(&self, now: Timestamp) -> Result<(), StoreError> {
        // So early a day that nothing can be older: nothing is deleted then.
        let oldest = day_of(now).checked_sub(KEPT_DAYS.days()).unwrap_or(Date::MIN);
        for day in self.days()?.into_iter().filter(|day| *day < oldest) {
            self.store.remove(&file_name(day))?;
        }
        Ok(())
    }

    /// Hands over what was observed from `from` to `to` on the wall clock, both included, day by day in the order in which
    /// it was written.
    ///
    /// # Errors
    ///
    /// When a file could not be read.
    pub fn for_each(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut each: impl FnMut(Observation),
    ) -> Result<(), StoreError> {
        for day in self.days()?.into_iter().filter(|day| (day_of(from)..=day_of(to)).contains(day)) {
            let name = file_name(day);
            let Some(file) = self.store.open_to_read(&name)? else { continue };
            let mut lines = BufReader::new(file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = lines.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
                match read.map_err(|error| self.error("read", &name, error))? {
                    0 => break,
                    _ => parse(&line).filter(|seen| (from..=to).contains(&seen.at)).into_iter().for_each(&mut each),
                }
            }
        }
        Ok(())
    }

    /// What was observed in the boot `boot_id` at or after `since_boot_ms` on its clock: of more than `most` lines the newest.
    /// It is read from the ends of the files, so that a long day costs no more than a short one, and in whichever files it
    /// is: a wall clock that was set has put it into those of other days.
    ///
    /// # Errors
    ///
    /// When a file could not be read.
    pub fn since(&self, boot_id: &str, since_boot_ms: u64, most: usize) -> Result<Recent, StoreError> {
        let mut recent = Recent::default();
        let mut since_boot_ms = since_boot_ms;
        for day in self.days()?.into_iter().rev() {
            let name = file_name(day);
            let Some(file) = self.store.open_to_read(&name)? else { continue };
            let mut each = |line: &[u8]| {
                let Some(seen) = parse(line) else { return true };
                let wanted = seen.boot_id == boot_id && seen.boot_ms.saturating_add(DISORDER_MS) >= since_boot_ms;
                if !wanted {
                    return false;
                }
                if seen.boot_ms >= since_boot_ms {
                    recent.observations.push(seen);
                }
                // Not at each line: whatever the order, each is moved a few times at most.
                if recent.observations.len() > most.saturating_add(most / 4) {
                    recent.keep(most);
                    since_boot_ms = recent.observations.first().map_or(u64::MAX, |oldest| oldest.boot_ms);
                }
                true
            };
            read_back(&file, &mut each).map_err(|error| self.error("read", &name, error))?;
        }
        recent.keep(most);
        Ok(recent)
    }

    /// The last observation of a container, among the last `most` lines.
    ///
    /// # Errors
    ///
    /// When a file could not be read.
    pub fn last_of(&self, id: &ContainerId, most: usize) -> Result<Option<Observation>, StoreError> {
        let (mut found, mut left) = (None, most);
        for day in self.days()?.into_iter().rev() {
            let name = file_name(day);
            let Some(file) = self.store.open_to_read(&name)? else { continue };
            let mut each = |line: &[u8]| {
                left = left.saturating_sub(1);
                found = parse(line).filter(|seen| seen.container_id == *id);
                found.is_none() && left > 0
            };
            read_back(&file, &mut each).map_err(|error| self.error("read", &name, error))?;
            if found.is_some() || left == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// The days that have a file, in their order.
    fn days(&self) -> Result<Vec<Date>, StoreError> {
        let names = self.store.names()?;
        let mut days: Vec<Date> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok())
            .filter(|day| names.contains(&file_name(*day)))
            .collect();
        days.sort_unstable();
        Ok(days)
    }

    fn error(&self, action: &'static str, name: &str, error: io::Error) -> StoreError {
        StoreError::Io { action, path: self.store.path_of(name), error }
    }
}

impl From<Store> for Journal {
    /// The journal in a directory that is there.
    fn from(store: Store) -> Self {
        Self { store }
    }
}

fn parse(line: &[u8]) -> Option<Observation> {
    let mut seen: Observation = serde_json::from_slice(line).ok()?;
    // A list is read with room for four, and of a hundred thousand lines most have one GPU.
    seen.gpus.shrink_to_fit();
    Some(seen)
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn file_name(day: Date) -> String {
    format!("{day}.jsonl")
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

//! The activity journal: what was seen of running GPU containers and host processes, one JSON line for each and look, in
//! `activity/YYYY-MM-DD.jsonl` under the state directory. Lines of an hour and more ago lie packed in
//! `activity/YYYY-MM-DD.jsonl.zst` beside it.
//!
//! It is why a check every five minutes sees what happened between checks, why a policy can be tried on the past, and what
//! the ledger is made of. A line that is torn, of a later version, or no JSON is skipped: what is missing is a gap, and a gap
//! is no idle time.

use std::{
    io::{self, BufReader, Read},
    time::Duration,
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    packed, pipeline,
    record::{Record, RecordRef},
};
use crate::{
    idle::evidence::Observation,
    model::ContainerId,
    policy::Retention,
    store::{Lines, Store, StoreError, read_back},
};

/// The directory's name within the state directory.
pub const DIR_NAME: &str = "activity";

/// Lets one program at a time pack.
const PACK_LOCK: &str = "pack.lock";

/// From this size on, the lines of the running day are packed.
const WORTH_PACKING: u64 = 8 * 1024 * 1024;

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
        let records: Vec<RecordRef<'_>> = observations.iter().map(RecordRef::Seen).collect();
        self.append_all(&records)
    }

    /// As [`append`](Self::append), lines of all kinds.
    ///
    /// # Errors
    ///
    /// The first that occurred.
    pub fn append_all(&self, records: &[RecordRef<'_>]) -> Result<(), StoreError> {
        for of_day in records.chunk_by(|a, b| day_of(a.at()) == day_of(b.at())) {
            let Some(first) = of_day.first() else { continue };
            let name = file_name(day_of(first.at()));
            let mut lines = self.begin(&name)?;
            for record in of_day {
                let line = record.to_line().map_err(|error| self.error("write a line to", &name, error.into()))?;
                lines.append(&line)?;
            }
        }
        Ok(())
    }

    /// Opens a file for appending, and not one that was packed and removed in between.
    fn begin(&self, name: &str) -> Result<Lines, StoreError> {
        loop {
            let mut lines = self.store.open_lines(name)?;
            lines.begin()?;
            if !lines.is_removed()? {
                return Ok(lines);
            }
        }
    }

    /// Packs what is worth it: days that are over, and of the running one what has grown long. At any instant every line lies
    /// in one of the day's two files; after a crash some can lie in both, until they are packed again.
    ///
    /// # Errors
    ///
    /// When another run is still packing after `limit`, or a file could not be read or written; what was packed stays so.
    pub fn pack(&self, now: Timestamp, limit: Duration) -> Result<(), StoreError> {
        let _lock = self.store.lock(PACK_LOCK, limit)?;
        for day in self.days()? {
            self.store.remove_leftovers(&packed_name(day))?;
            let Some(file) = self.store.open_to_read(&file_name(day))? else { continue };
            let length = file.metadata().map_err(|error| self.error("look at", &file_name(day), error))?.len();
            if day != day_of(now) || length >= WORTH_PACKING {
                self.pack_day(day)?;
            }
        }
        Ok(())
    }

    fn pack_day(&self, day: Date) -> Result<(), StoreError> {
        let (name, packed) = (file_name(day), packed_name(day));
        let read = |error| self.error("read", &name, error);
        let read_packed = |error| self.error("read", &packed, error);
        // Keeps writers out, who would else write into a file that is about to go.
        let _writers = self.begin(&name)?;
        let Some(file) = self.store.open_to_read(&name)? else { return Ok(()) };
        let mut bytes = Vec::new();
        let new = packed::pack(&mut BufReader::new(&file), &mut bytes).map_err(read)?;
        if let Some(mut before) = self.store.open_to_read(&packed)? {
            // A run that was killed has packed these lines, and could not remove the file; more may have come since.
            let last = packed::last_line(&before).map_err(read_packed)?;
            let first = packed::first_line(self.reopened(&packed)?).map_err(read_packed)?;
            if last.as_ref() == Some(&new.last) {
                return self.store.remove(&name);
            }
            if first != new.first {
                let mut all = Vec::new();
                before.read_to_end(&mut all).map_err(read_packed)?;
                all.append(&mut bytes);
                bytes = all;
            }
        }
        if new.bytes > 0 {
            self.store.replace(&packed, &bytes)?;
        }
        // A writer does not wait for ever.
        let length = file.metadata().map_err(read)?.len();
        if length == new.bytes { self.store.remove(&name) } else { Ok(()) }
    }

    fn reopened(&self, name: &str) -> Result<std::fs::File, StoreError> {
        let gone = || self.error("open", name, io::ErrorKind::NotFound.into());
        self.store.open_to_read(name)?.ok_or_else(gone)
    }

    /// Deletes days beyond what is to be kept. The running day stays.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed, or a file not be removed.
    pub fn forget_old(&self, now: Timestamp, retention: Retention) -> Result<(), StoreError> {
        // So early a day that nothing can be older: nothing is deleted then.
        let oldest =
            day_of(now).checked_sub(i64::try_from(retention.days).unwrap_or(i64::MAX).days()).unwrap_or(Date::MIN);
        let mut kept = Vec::new();
        for day in self.days()? {
            if day < oldest {
                self.remove_day(day)?;
            } else {
                kept.push((day, self.bytes_of(day)?));
            }
        }
        let mut bytes: u64 = kept.iter().map(|(_, bytes)| bytes).sum();
        for (day, of_day) in kept {
            if day >= day_of(now) || retention.bytes.is_none_or(|most| bytes <= most) {
                break;
            }
            self.remove_day(day)?;
            bytes = bytes.saturating_sub(of_day);
        }
        Ok(())
    }

    fn remove_day(&self, day: Date) -> Result<(), StoreError> {
        self.store.remove(&file_name(day))?;
        self.store.remove(&packed_name(day))
    }

    /// When a day's files were last written to; `None` for a day without any.
    ///
    /// # Errors
    ///
    /// When a file could not be looked at.
    pub fn changed(&self, day: Date) -> Result<Option<Timestamp>, StoreError> {
        let mut last = None;
        for name in [file_name(day), packed_name(day)] {
            let Some(file) = self.store.open_to_read(&name)? else { continue };
            let changed = file.metadata().and_then(|metadata| metadata.modified());
            let changed = changed.map_err(|error| self.error("look at", &name, error))?;
            last = last.max(Timestamp::try_from(changed).ok());
        }
        Ok(last)
    }

    /// The size of a day's files.
    ///
    /// # Errors
    ///
    /// When a file could not be looked at.
    pub fn bytes_of(&self, day: Date) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for name in [file_name(day), packed_name(day)] {
            if let Some(file) = self.store.open_to_read(&name)? {
                bytes += file.metadata().map_err(|error| self.error("look at", &name, error))?.len();
            }
        }
        Ok(bytes)
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
        let days: Vec<Date> =
            self.days()?.into_iter().filter(|day| (day_of(from)..=day_of(to)).contains(day)).collect();
        self.records(&days, |record| match record {
            Record::Seen(seen) if (from..=to).contains(&seen.at) => each(seen),
            _ => {}
        })
    }

    /// Hands over the lines of these days, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// When a file could not be read. What was handed over until then is what comes before the damage.
    pub fn records(&self, days: &[Date], mut each: impl FnMut(Record)) -> Result<(), StoreError> {
        let mut names = days.iter().flat_map(|day| [packed_name(*day), file_name(*day)]);
        let open = move || {
            names.find_map(|name| {
                let lines = self.lines_of(&name).transpose()?;
                Some(lines.map(|lines| (lines, name)))
            })
        };
        pipeline::read(open, |name, error| self.error("read", name, error), &mut each)
    }

    fn lines_of(&self, name: &str) -> Result<Option<pipeline::Lines>, StoreError> {
        let Some(file) = self.store.open_to_read(name)? else { return Ok(None) };
        Ok(Some(if name.ends_with(PACKED) {
            Box::new(packed::lines(file).map_err(|error| self.error("read", name, error))?)
        } else {
            Box::new(BufReader::new(file))
        }))
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
            let mut each = |line: &[u8]| {
                let Some(record) = Record::parse(line) else { return true };
                let (boot, boot_ms) = record.boot();
                let wanted = boot == boot_id && boot_ms.saturating_add(DISORDER_MS) >= since_boot_ms;
                if !wanted {
                    return false;
                }
                match record {
                    Record::Seen(seen) if seen.boot_ms >= since_boot_ms => recent.observations.push(seen),
                    _ => {}
                }
                // Not at each line: whatever the order, each is moved a few times at most.
                if recent.observations.len() > most.saturating_add(most / 4) {
                    recent.keep(most);
                    since_boot_ms = recent.observations.first().map_or(u64::MAX, |oldest| oldest.boot_ms);
                }
                true
            };
            self.read_back(day, &mut each)?;
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
            let mut each = |line: &[u8]| {
                left = left.saturating_sub(1);
                found = match Record::parse(line) {
                    Some(Record::Seen(seen)) if seen.container_id == *id => Some(seen),
                    _ => None,
                };
                found.is_none() && left > 0
            };
            self.read_back(day, &mut each)?;
            if found.is_some() || left == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// Hands over the lines of a day, the last one first, until `each` has enough: of each of its two files for itself, as the
    /// wall clock may have been set between them.
    fn read_back(&self, day: Date, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), StoreError> {
        let (name, packed) = (file_name(day), packed_name(day));
        if let Some(file) = self.store.open_to_read(&name)? {
            read_back(&file, each).map_err(|error| self.error("read", &name, error))?;
        }
        if let Some(file) = self.store.open_to_read(&packed)? {
            packed::read_back(&file, each).map_err(|error| self.error("read", &packed, error))?;
        }
        Ok(())
    }

    /// The days that have a file, in their order.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed.
    pub fn days(&self) -> Result<Vec<Date>, StoreError> {
        let day = |name: &String| {
            let plain = name.strip_suffix(PACKED).unwrap_or(name);
            let day: Date = plain.strip_suffix(".jsonl")?.parse().ok()?;
            (file_name(day) == plain).then_some(day)
        };
        let mut days: Vec<Date> = self.store.names()?.iter().filter_map(day).collect();
        days.sort_unstable();
        days.dedup();
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

/// What a packed file's name ends with.
const PACKED: &str = ".zst";

/// The day in UTC.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn file_name(day: Date) -> String {
    format!("{day}.jsonl")
}

fn packed_name(day: Date) -> String {
    format!("{day}.jsonl{PACKED}")
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

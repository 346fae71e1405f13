//! The activity journal: what was seen of running GPU containers and host processes, one JSON line for each and look, in
//! `activity/YYYY-MM-DD.jsonl` under the state directory. Days that are over, and what has grown long of the running one, lie
//! packed in `activity/YYYY-MM-DD.jsonl.zst` beside it.
//!
//! It is why a check every five minutes sees what happened between checks, why a policy can be tried on the past, and what
//! the ledger is made of. A line that is torn, of a later version, or no JSON is skipped: what is missing is a gap, and a gap
//! is no idle time.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Read},
    time::Duration,
};

use jiff::{Timestamp, ToSpan, civil::Date};
use tracing::warn;

use super::{
    packed, pipeline,
    record::{Record, RecordRef},
};
use crate::{
    idle::evidence::Observation,
    model::{ContainerId, day_of},
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

    /// Opens a file for appending, and not one that was put aside for packing in between.
    fn begin(&self, name: &str) -> Result<Lines, StoreError> {
        loop {
            let mut lines = self.store.open_lines(name)?;
            lines.begin()?;
            let there = self.store.open_to_read(name)?;
            if there.map(|file| lines.is_same(&file)).transpose()?.unwrap_or(false) {
                return Ok(lines);
            }
        }
    }

    /// Packs what is worth it: days that are over, and of the running one what has grown long. Its lines are put aside first, so
    /// that writers go on in a new file; at any instant every line lies in one of the day's files.
    ///
    /// # Errors
    ///
    /// When another run is still packing after `limit`, or a file could not be read or written; what was packed stays so.
    pub fn pack(&self, now: Timestamp, limit: Duration) -> Result<(), StoreError> {
        let _lock = self.store.lock(PACK_LOCK, limit)?;
        for day in self.days()? {
            self.store.remove_leftovers(&packed_name(day))?;
            // What a run that was killed had put aside.
            self.pack_aside(day, now)?;
            let Some(file) = self.store.open_to_read(&file_name(day))? else { continue };
            let length = file.metadata().map_err(|error| self.error("look at", &file_name(day), error))?.len();
            if day != day_of(now) || length >= WORTH_PACKING {
                let writers = self.begin(&file_name(day))?;
                self.store.rename(&file_name(day), &aside_name(day))?;
                drop(writers);
                self.pack_aside(day, now)?;
            }
        }
        Ok(())
    }

    /// Packs the lines that were put aside, unless a run that was killed has done so already.
    fn pack_aside(&self, day: Date, now: Timestamp) -> Result<(), StoreError> {
        let (name, packed) = (aside_name(day), packed_name(day));
        let Some(file) = self.store.open_to_read(&name)? else { return Ok(()) };
        let is_packed = match self.is_packed(day) {
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::InvalidData => {
                let aside = self.store.set_aside(&packed, now)?;
                warn!("{}: {error}; set aside as {}", self.store.path_of(&packed).display(), aside.display());
                false
            }
            other => other?,
        };
        if !is_packed {
            let mut bytes = Vec::new();
            if let Some(mut before) = self.store.open_to_read(&packed)? {
                before.read_to_end(&mut bytes).map_err(|error| self.error("read", &packed, error))?;
            }
            let length = bytes.len();
            packed::pack(&mut BufReader::new(&file), &mut bytes).map_err(|error| self.error("read", &name, error))?;
            if bytes.len() > length {
                self.store.replace(&packed, &bytes)?;
            }
        }
        self.store.remove(&name)
    }

    /// Whether the lines that were put aside lie in the packed file, too: their last one is its last.
    fn is_packed(&self, day: Date) -> Result<bool, StoreError> {
        let (name, packed) = (aside_name(day), packed_name(day));
        // Nearly always there is none, and a check asks about each day.
        let Some(aside) = self.store.open_to_read(&name)? else { return Ok(false) };
        let Some(file) = self.store.open_to_read(&packed)? else { return Ok(false) };
        let mut last = None;
        let mut first = |line: &[u8]| {
            last = (!line.is_empty()).then(|| line.to_vec());
            last.is_none()
        };
        read_back(&aside, &mut first).map_err(|error| self.error("read", &name, error))?;
        let last_packed = packed::last_line(&file).map_err(|error| self.error("read", &packed, error))?;
        Ok(last.is_some() && last == last_packed)
    }

    /// Deletes days beyond what is to be kept, as far as they `may_go`. The running day stays.
    ///
    /// # Errors
    ///
    /// When the directory could not be listed, or a file not be removed.
    pub fn forget_old(
        &self,
        now: Timestamp,
        retention: Retention,
        may_go: impl Fn(Date) -> bool,
    ) -> Result<(), StoreError> {
        // So early a day that nothing can be older: nothing is deleted then.
        let oldest =
            day_of(now).checked_sub(i64::try_from(retention.days).unwrap_or(i64::MAX).days()).unwrap_or(Date::MIN);
        let mut kept = Vec::new();
        for day in self.days()? {
            if day < oldest && may_go(day) {
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
            if may_go(day) {
                self.remove_day(day)?;
                bytes = bytes.saturating_sub(of_day);
            }
        }
        Ok(())
    }

    fn remove_day(&self, day: Date) -> Result<(), StoreError> {
        names_of(day).iter().try_for_each(|name| self.store.remove(name))
    }

    /// The size of a day's files.
    ///
    /// # Errors
    ///
    /// When a file could not be looked at.
    pub fn bytes_of(&self, day: Date) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for name in names_of(day) {
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

    /// Hands over the lines of these days, in the order in which they were written. What can't be read of a file is warned
    /// about, and is a gap.
    ///
    /// # Errors
    ///
    /// When a file could not be opened.
    pub fn records(&self, days: &[Date], mut each: impl FnMut(Record)) -> Result<(), StoreError> {
        let mut days = days.iter();
        let mut open = VecDeque::new();
        let next = move || {
            while open.is_empty() {
                match self.open_day(*days.next()?) {
                    Ok(files) => open.extend(files),
                    Err(error) => return Some(Err(error)),
                }
            }
            open.pop_front().map(Ok)
        };
        let failed = |name: &str, error| warn!("{}; what lies behind that is missing", self.error("read", name, error));
        pipeline::read(next, failed, &mut each)
    }

    /// The files of a day, from the oldest lines to the newest. Opened the other way around: lines that are packed meanwhile are
    /// in one that was opened already.
    fn open_day(&self, day: Date) -> Result<Vec<(pipeline::Lines, String)>, StoreError> {
        let open = |name: String| Ok::<_, StoreError>(self.store.open_to_read(&name)?.map(|file| (file, name)));
        let (plain, mut aside) = (open(file_name(day))?, open(aside_name(day))?);
        let packed = open(packed_name(day))?;
        if self.is_packed(day).unwrap_or(false) {
            aside = None;
        }
        let mut files: Vec<(pipeline::Lines, String)> = Vec::new();
        if let Some((file, name)) = packed {
            match packed::lines(file) {
                Ok(lines) => files.push((Box::new(lines), name)),
                Err(error) => return Err(self.error("read", &name, error)),
            }
        }
        let plain = aside.into_iter().chain(plain);
        files.extend(plain.map(|(file, name)| (Box::new(BufReader::new(file)) as pipeline::Lines, name)));
        Ok(files)
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

    /// Hands over the lines of a day, the last one first, until `each` has enough: of each of its files for itself, as the
    /// wall clock may have been set between them. One that can't be read is warned about, and is a gap.
    fn read_back(&self, day: Date, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), StoreError> {
        let is_packed = self.is_packed(day).unwrap_or(false);
        for name in names_of(day).into_iter().filter(|name| !(is_packed && *name == aside_name(day))) {
            let Some(file) = self.store.open_to_read(&name)? else { continue };
            let read = if name.ends_with(PACKED) { packed::read_back(&file, each) } else { read_back(&file, each) };
            if let Err(error) = read {
                warn!("{}; what lies before that is missing", self.error("read", &name, error));
            }
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
            let plain = name.strip_suffix(PACKED).or(name.strip_suffix(ASIDE)).unwrap_or(name);
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

/// What that of lines ends with that are being packed.
const ASIDE: &str = ".packing";

/// A day's files, the newest lines first.
fn names_of(day: Date) -> [String; 3] {
    [file_name(day), aside_name(day), packed_name(day)]
}

fn file_name(day: Date) -> String {
    format!("{day}.jsonl")
}

fn aside_name(day: Date) -> String {
    format!("{day}.jsonl{ASIDE}")
}

fn packed_name(day: Date) -> String {
    format!("{day}.jsonl{PACKED}")
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

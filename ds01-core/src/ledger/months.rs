//! The ledger's files: one for each month, packed, replaced as a whole.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    time::Duration,
};

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{roll::roll_day, row::Row};
use crate::{
    idle::{Journal, journal::day_of},
    policy::Policy,
    store::{Store, StoreError},
};

/// The directory's name within the state directory.
pub const DIR_NAME: &str = "ledger";

/// The version of the files that this program writes.
const VERSION: u32 = 1;

/// Lets one program at a time roll up.
const LOCK: &str = "ledger.lock";

/// A month is far smaller. What says that it is larger is nothing that this program wrote.
const LONGEST_MONTH: u64 = 1 << 30;

const LEVEL: i32 = 9;

/// The ledger of one host.
#[derive(Debug)]
pub struct Ledger {
    store: Store,
}

/// The first line of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    v: u32,
    /// The days that were rolled up. One that nobody held a GPU on has no rows.
    days: BTreeMap<Date, Rolled>,
}

/// When a day was rolled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    /// When, on the wall clock.
    pub at: Timestamp,
    /// Whether the journal went on after that day, so that it was known until when GPUs were held.
    pub settled: bool,
}

/// A month, as it was read.
#[derive(Debug, Default)]
struct Month {
    days: BTreeMap<Date, Rolled>,
    rows: Vec<Row>,
}

/// Why a month's file is of no use.
enum Unread {
    /// It is torn, or not what this program writes.
    Corrupt(String),
    /// Another version wrote it.
    Version(u32),
}

impl Ledger {
    /// Opens the ledger in the state directory.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open(state_dir: &Store) -> Result<Self, StoreError> {
        Ok(Self { store: state_dir.open_within(DIR_NAME)? })
    }

    /// Rolls up the days that are over and not rolled up yet, those of which more is known than when they were, and gives how
    /// many. The journal is packed first.
    ///
    /// Each day is written as soon as it is known, and a month is replaced as a whole: whatever ends a run, the next one goes
    /// on where it stood. A month that is torn is set aside and made anew, as far as the journal reaches.
    ///
    /// # Errors
    ///
    /// When another run is still at it after `limit`, or a file could not be read or written.
    pub fn roll_up(
        &self,
        journal: &Journal,
        policy: &Policy,
        now: Timestamp,
        limit: Duration,
    ) -> Result<usize, StoreError> {
        let _lock = self.store.lock(LOCK, limit)?;
        journal.pack(now, limit)?;
        let days = journal.days()?;
        let (Some(first), today) = (days.first().copied(), day_of(now)) else { return Ok(0) };
        let mut rolled = 0;
        let mut day = first;
        while day < today {
            let settled = days.iter().any(|other| *other > day);
            // Of what comes after the last line, nobody knows anything yet.
            if !settled && !days.contains(&day) {
                break;
            }
            let name = file_name(day);
            self.store.remove_leftovers(&name)?;
            let mut month = self.month_or_anew(&name, now)?;
            let is_known = |known: &Rolled| {
                (known.settled || !settled) && journal.changed(day).is_ok_and(|changed| changed <= Some(known.at))
            };
            if !month.days.get(&day).is_some_and(is_known) {
                // What is written from now on is not in it.
                let at = journal.changed(day)?.map_or(now, |changed| changed.max(now));
                let rows = roll_day(journal, day, policy, now)?;
                month.rows.retain(|row| row.day != day);
                month.rows.extend(rows);
                month.rows.sort_by(|a, b| (a.day, &a.gpu, &a.who).cmp(&(b.day, &b.gpu, &b.who)));
                month.days.insert(day, Rolled { at, settled });
                let bytes = month.to_bytes().map_err(|error| self.error("write", &name, error))?;
                self.store.replace(&name, &bytes)?;
                rolled += 1;
            }
            let Ok(next) = day.checked_add(1.day()) else { break };
            day = next;
        }
        Ok(rolled)
    }

    /// The rows of the days from `from` to `to`, both included, and which days were rolled up.
    ///
    /// # Errors
    ///
    /// When a month could not be read, or was written by another version.
    pub fn rows(&self, from: Date, to: Date) -> Result<(Vec<Row>, BTreeMap<Date, Rolled>), StoreError> {
        let (mut rows, mut days) = (Vec::new(), BTreeMap::new());
        let mut month = from.first_of_month();
        while month <= to {
            let name = file_name(month);
            match self.month(&name)? {
                Ok(read) => {
                    rows.extend(read.rows.into_iter().filter(|row| (from..=to).contains(&row.day)));
                    days.extend(read.days.into_iter().filter(|(day, _)| (from..=to).contains(day)));
                }
                Err(Unread::Version(version)) => return Err(self.other_version(&name, version)),
                Err(Unread::Corrupt(why)) => {
                    let path = self.store.path_of(&name);
                    warn!("{}: {why}; its days are missing until it is made anew", path.display());
                }
            }
            let Ok(next) = month.checked_add(1.month()) else { break };
            month = next;
        }
        Ok((rows, days))
    }

    fn month_or_anew(&self, name: &str, now: Timestamp) -> Result<Month, StoreError> {
        match self.month(name)? {
            Ok(month) => Ok(month),
            Err(Unread::Version(version)) => Err(self.other_version(name, version)),
            Err(Unread::Corrupt(why)) => {
                let aside = self.store.set_aside(name, now)?;
                warn!("{}: {why}; set aside as {}", self.store.path_of(name).display(), aside.display());
                Ok(Month::default())
            }
        }
    }

    fn month(&self, name: &str) -> Result<Result<Month, Unread>, StoreError> {
        let Some(file) = self.store.open_to_read(name)? else { return Ok(Ok(Month::default())) };
        let mut text = Vec::new();
        let read = zstd::Decoder::new(file).and_then(|decoder| decoder.take(LONGEST_MONTH).read_to_end(&mut text));
        Ok(match read {
            Ok(_) => Month::from_text(&text),
            Err(error) => Err(Unread::Corrupt(error.to_string())),
        })
    }

    fn other_version(&self, name: &str, version: u32) -> StoreError {
        let what = format!("written by another version: it is {version}, this program reads {VERSION}; update ds01");
        self.error("read", name, io::Error::new(io::ErrorKind::InvalidData, what))
    }

    fn error(&self, action: &'static str, name: &str, error: io::Error) -> StoreError {
        StoreError::Io { action, path: self.store.path_of(name), error }
    }
}

impl From<Store> for Ledger {
    /// The ledger in a directory that is there.
    fn from(store: Store) -> Self {
        Self { store }
    }
}

impl Month {
    fn from_text(text: &[u8]) -> Result<Self, Unread> {
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let corrupt = |error: serde_json::Error| Unread::Corrupt(error.to_string());
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let first = lines.next().ok_or_else(|| Unread::Corrupt("it is empty".to_owned()))?;
        let Version { v } = serde_json::from_slice(first).map_err(corrupt)?;
        if v != VERSION {
            return Err(Unread::Version(v));
        }
        let Head { days, .. } = serde_json::from_slice(first).map_err(corrupt)?;
        let rows = lines.map(|line| serde_json::from_slice(line).map_err(corrupt)).collect::<Result<_, _>>()?;
        Ok(Self { days, rows })
    }

    fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(&Head { v: VERSION, days: self.days.clone() })?;
        text.push(b'\n');
        for row in &self.rows {
            serde_json::to_writer(&mut text, row)?;
            text.push(b'\n');
        }
        zstd::bulk::compress(&text, LEVEL)
    }
}

fn file_name(day: Date) -> String {
    format!("{:04}-{:02}.jsonl.zst", day.year(), day.month())
}

//! The ledger's files: one for each month, packed, replaced as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{roll::roll_day, row::Row};
use crate::{
    idle::Journal,
    model::{begin_of, day_of},
    policy::Policy,
    store::{Store, StoreError},
    text::quoted,
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

/// Days without any line through which somebody can be known to have held a GPU.
const LONGEST_GAP: i64 = 31;

/// How long after its end a day's last looks are known to have been followed by others.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(30);

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
    /// How long the day's files in the journal were. Other ones hold more, or less.
    #[serde(default)]
    pub bytes: u64,
}

impl Rolled {
    /// Whether it still is all that is known at `now`: no more of the day came to light, of which the journal has `bytes` now, or
    /// nothing any more. `goes_on` says whether the journal has lines of a later day.
    pub(super) fn holds(&self, bytes: u64, goes_on: bool, now: Timestamp) -> bool {
        let is_gone = bytes == 0;
        // With a clock that was ahead, days were taken for over that had not begun.
        let in_time = self.at <= now || is_gone;
        in_time && (bytes == self.bytes || is_gone) && (self.settled || !goes_on)
    }
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
    /// Another version wrote it, as this says.
    Foreign(String),
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
        let mut rolled = 0;
        let mut open: Option<(String, Month)> = None;
        for day in known(&days, day_of(now)) {
            let name = file_name(day);
            let mut month = match open.take() {
                Some((of, month)) if of == name => month,
                _ => {
                    self.store.remove_leftovers(&name)?;
                    self.month_or_anew(&name, now)?
                }
            };
            let bytes = journal.bytes_of(day)?;
            let goes_on = days.last() > Some(&day);
            if !month.days.get(&day).is_some_and(|known| known.holds(bytes, goes_on, now)) {
                let rows = roll_day(journal, day, policy, now)?;
                month.rows.retain(|row| row.day != day);
                month.rows.extend(rows);
                Row::sort(&mut month.rows);
                // The first lines of the next day may be those of a check, and not say yet how the night's looks went on.
                let settled = goes_on && now >= begin_of(day.saturating_add(1.day())) + SETTLED_AFTER;
                month.days.insert(day, Rolled { at: now, settled, bytes });
                let bytes = month.to_bytes().map_err(|error| self.error("write", &name, error))?;
                self.store.replace(&name, &bytes)?;
                rolled += 1;
            }
            open = Some((name, month));
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
                Err(Unread::Foreign(why)) => return Err(self.other_version(&name, why)),
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

    /// The days whose hours stand in the ledger for good. Of a month that is torn, or that another version wrote, none is known to.
    ///
    /// # Errors
    ///
    /// When a month could not be read.
    pub fn added_up(&self, now: Timestamp) -> Result<BTreeSet<Date>, StoreError> {
        let mut days = BTreeSet::new();
        for name in self.store.names()? {
            let month = name.strip_suffix(".jsonl.zst").and_then(|month| format!("{month}-01").parse::<Date>().ok());
            let Some(Ok(month)) = month.map(|_| self.month(&name)).transpose()? else { continue };
            days.extend(month.days.iter().filter(|(_, known)| known.settled && known.at <= now).map(|(day, _)| *day));
        }
        Ok(days)
    }

    fn month_or_anew(&self, name: &str, now: Timestamp) -> Result<Month, StoreError> {
        match self.month(name)? {
            Ok(month) => Ok(month),
            Err(Unread::Foreign(why)) => Err(self.other_version(name, why)),
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
            Err(error) => Err(Unread::Corrupt(quoted(&error))),
        })
    }

    fn other_version(&self, name: &str, why: String) -> StoreError {
        let what = format!("written by another version: {why}; update ds01");
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
        let corrupt = |error: serde_json::Error| Unread::Corrupt(quoted(&error));
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let first = lines.next().ok_or_else(|| Unread::Corrupt("it is empty".to_owned()))?;
        let Version { v } = serde_json::from_slice(first).map_err(corrupt)?;
        if v != VERSION {
            return Err(Unread::Foreign(format!("it is {v}, this program reads {VERSION}")));
        }
        let Head { days, .. } = serde_json::from_slice(first).map_err(corrupt)?;
        // Packed files are whole or not: a row that can't be read in one that is whole is no damage.
        let row = |(at, line)| {
            serde_json::from_slice(line)
                .map_err(|error| Unread::Foreign(format!("line {}: {}", at + 2, quoted(&error))))
        };
        let rows = lines.enumerate().map(row).collect::<Result<_, _>>()?;
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

/// The days before `today` of which something can be known, of those that have lines and of those between them: who held a GPU
/// through days without a line is known from the lines around them, and nobody did for more than [`LONGEST_GAP`] days.
fn known(days: &[Date], today: Date) -> Vec<Date> {
    let mut known: Vec<Date> = Vec::new();
    for day in days {
        let last = known.last().copied().filter(|last| *day <= last.saturating_add(LONGEST_GAP.days()));
        known.extend(last.into_iter().flat_map(|last| last.series(1.day()).skip(1).take_while(|gap| gap < day)));
        known.push(*day);
    }
    known.retain(|day| *day < today);
    known
}

fn file_name(day: Date) -> String {
    format!("{:04}-{:02}.jsonl.zst", day.year(), day.month())
}

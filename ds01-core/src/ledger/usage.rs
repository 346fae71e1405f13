//! What was used from one day to another: from the ledger, and from the journal where that is not rolled up yet.

use std::{collections::BTreeMap, io};

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{
    accounts::Accounts,
    months::{self, Ledger},
    piece::Piece,
    roll::roll_day,
    row::Row,
    workload::Workload,
};
use crate::{
    idle::{
        Journal,
        journal::{self, Record, What, day_of},
    },
    policy::Policy,
    store::{Store, StoreError},
};

/// What was used from one day to another.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Usage {
    /// By day.
    pub rows: Vec<Row>,
    /// What is known of each day.
    pub days: BTreeMap<Date, DayIs>,
}

/// What is known of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayIs {
    /// It is over, and its hours stand in the ledger.
    Rolled,
    /// Its hours come from the journal, as far as it has come.
    Running,
    /// Neither ledger nor journal has anything of it: nobody knows who held what.
    NotRecorded,
}

/// What happened on a GPU, for a picture of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Happened<'a> {
    /// Somebody held it.
    Held(&'a Piece<'a>),
    /// The reaper did something about whoever held it.
    Done {
        /// When.
        at: Timestamp,
        /// What.
        what: What,
        /// Whom it concerned.
        who: &'a Workload,
        /// The GPUs and MIG instances that it held.
        gpus: &'a [String],
    },
}

impl Usage {
    /// What was used on the days from `from` to `to`, both included, by what lies in the state directory. `policy` says below
    /// what a workload is idle on days that are not rolled up.
    ///
    /// # Errors
    ///
    /// When ledger or journal are there and could not be read. One that is not there has nothing of any day.
    pub fn between(
        state_dir: &Store,
        policy: &Policy,
        from: Date,
        to: Date,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let ledger = existing(state_dir, months::DIR_NAME)?.map(Ledger::from);
        let journal = existing(state_dir, journal::DIR_NAME)?.map(Journal::from);
        let (mut rows, rolled) = match &ledger {
            Some(ledger) => ledger.rows(from, to)?,
            None => Default::default(),
        };
        let recorded = journal.as_ref().map(Journal::days).transpose()?.unwrap_or_default();
        let mut days = BTreeMap::new();
        let mut day = from;
        while day <= to.min(day_of(now)) {
            let within = recorded.first().is_some_and(|first| *first <= day);
            let known = rolled.get(&day);
            let is_known = match (&journal, known) {
                (Some(journal), Some(known)) => known.holds(journal.bytes_of(day)?, recorded.last() > Some(&day), now),
                (None, Some(_)) => true,
                (_, None) => false,
            };
            let is = match &journal {
                _ if is_known => DayIs::Rolled,
                Some(journal) if within => {
                    rows.retain(|row| row.day != day);
                    rows.extend(roll_day(journal, day, policy, now)?);
                    DayIs::Running
                }
                _ if known.is_some() => DayIs::Rolled,
                _ => DayIs::NotRecorded,
            };
            // Of a day without a line, something is known only where somebody held a GPU from before it to after it.
            let has_lines = recorded.contains(&day) || known.is_some_and(|known| known.bytes > 0);
            let is = if has_lines || rows.iter().any(|row| row.day == day) { is } else { DayIs::NotRecorded };
            days.insert(day, is);
            let Ok(next) = day.checked_add(1.day()) else { break };
            day = next;
        }
        Row::sort(&mut rows);
        Ok(Self { rows, days })
    }
}

/// Hands over what happened from `from` to `to`, in the order in which it was written down. Pieces reach beyond the span where
/// they lie on its edge.
///
/// # Errors
///
/// When there is a journal and it could not be read.
pub fn history(
    state_dir: &Store,
    policy: &Policy,
    from: Timestamp,
    to: Timestamp,
    mut each: impl FnMut(Happened<'_>),
) -> Result<(), StoreError> {
    let Some(journal) = existing(state_dir, journal::DIR_NAME)?.map(Journal::from) else { return Ok(()) };
    let days = journal.days()?;
    let first = days.iter().rfind(|day| **day < day_of(from)).or(days.first()).copied();
    let wanted = |day: &&Date| first.is_some_and(|first| **day >= first) && **day <= day_of(to);
    let mut history = History::new(policy, from, to);
    let days: Vec<Date> = days.iter().filter(wanted).copied().collect();
    journal.records(&days, |record| history.take(&record, &mut each))?;
    history.finish(&mut each);
    Ok(())
}

/// Makes a history of lines, wherever they come from.
pub struct History<'p> {
    accounts: Accounts<'p>,
    from: Timestamp,
    to: Timestamp,
}

impl<'p> History<'p> {
    /// Of what happened from `from` to `to`. `policy` says below what a workload is idle.
    pub fn new(policy: &'p Policy, from: Timestamp, to: Timestamp) -> Self {
        Self { accounts: Accounts::new(policy), from, to }
    }

    /// Takes in the next line, in the order in which they were written, and hands over what it tells of the span.
    pub fn take(&mut self, record: &Record, each: &mut dyn FnMut(Happened<'_>)) {
        let (from, to) = (self.from, self.to);
        if let Record::Check(check) = record
            && (from..=to).contains(&check.at)
        {
            for (id, deed) in check.done.iter().filter(|(_, deed)| deed.done) {
                let Some((who, gpus)) = self.accounts.holds(id) else { continue };
                each(Happened::Done { at: check.at, what: deed.what, who: &who, gpus: &gpus });
            }
        }
        self.accounts.take(record, &mut |piece| {
            if piece.within(from, to).is_some() {
                each(Happened::Held(piece));
            }
        });
    }

    /// There are no more lines.
    pub fn finish(mut self, each: &mut dyn FnMut(Happened<'_>)) {
        let (from, to) = (self.from, self.to);
        self.accounts.finish(&mut |piece| {
            if piece.within(from, to).is_some() {
                each(Happened::Held(piece));
            }
        });
    }
}

fn existing(state_dir: &Store, name: &str) -> Result<Option<Store>, StoreError> {
    match state_dir.open_existing_within(name) {
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

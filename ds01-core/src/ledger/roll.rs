//! A day's rows, from the journal's lines of that day and of those around it.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{
    accounts::Accounts,
    piece::Piece,
    row::Row,
    shares::{self, Held},
    workload::Workload,
};
use crate::{
    idle::{
        Journal,
        journal::{CheckMade, Record},
    },
    model::{ContainerId, begin_of},
    policy::Policy,
    store::StoreError,
};

/// Makes the rows of one day.
///
/// It is given the lines of the last day before it that has any, of the day, and of the first day after it that has any: time
/// is known to be held from one look to the next, and the day's last look may be followed by one on another day.
pub struct Roll<'p> {
    day: Date,
    from: Timestamp,
    to: Timestamp,
    accounts: Accounts<'p>,
    whos: HashMap<Rc<Workload>, usize>,
    rows: BTreeMap<(String, usize), Row>,
    /// By GPU and boot.
    held: BTreeMap<(String, String), Spans>,
    stopped: HashMap<ContainerId, Stopped>,
}

/// Spans in which a GPU was held, and the last one of each holder among them.
type Spans = (Vec<Held>, BTreeMap<usize, usize>);

/// A container that the reaper stopped on that day, and that did not run since.
struct Stopped {
    at: Timestamp,
    gpus: Vec<(String, Rc<Workload>)>,
}

impl<'p> Roll<'p> {
    /// Nothing yet of `day`. `policy` says below what a workload is idle.
    pub fn new(day: Date, policy: &'p Policy) -> Self {
        Self {
            day,
            from: begin_of(day),
            to: day.checked_add(1.day()).map_or(Timestamp::MAX, begin_of),
            accounts: Accounts::new(policy),
            whos: HashMap::new(),
            rows: BTreeMap::new(),
            held: BTreeMap::new(),
            stopped: HashMap::new(),
        }
    }

    /// Takes in the next line.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Check(check) => self.check(check),
            Record::Life(life) if life.status.is_up() => self.runs_again(&life.container_id, life.at, life.started_at),
            _ => {}
        }
        self.account(|accounts, each| accounts.take(record, each));
    }

    fn account(&mut self, take: impl FnOnce(&mut Accounts<'p>, &mut dyn FnMut(&Piece<'_>))) {
        let Self { day, from, to, accounts, whos, rows, held, .. } = self;
        take(accounts, &mut |piece: &Piece<'_>| {
            let Some((from_ms, to_ms, spent)) = piece.within(*from, *to) else { return };
            let who = number(whos, piece.who);
            let row = rows.entry((piece.gpu.to_owned(), who));
            row.or_insert_with(|| Row::new(*day, piece.gpu, piece.who)).spent.add(&spent);
            let (spans, last_of) = held.entry((piece.gpu.to_owned(), piece.boot_id.to_owned())).or_default();
            shares::push(spans, last_of, Held { from_ms, to_ms, who });
        });
    }

    fn check(&mut self, check: &CheckMade) {
        if !(self.from..self.to).contains(&check.at) {
            return;
        }
        for (id, _) in check.done.iter().filter(|(_, deed)| deed.done && deed.what.is_stop()) {
            let Some((who, gpus)) = self.accounts.holds(id) else { continue };
            let gpus: Vec<_> = gpus.into_iter().map(|gpu| (gpu, Rc::clone(&who))).collect();
            for (gpu, who) in &gpus {
                let number = number(&mut self.whos, who);
                self.rows.entry((gpu.clone(), number)).or_insert_with(|| Row::new(self.day, gpu, who)).stops += 1;
            }
            self.stopped.insert(id.clone(), Stopped { at: check.at, gpus });
        }
    }

    fn runs_again(&mut self, id: &ContainerId, at: Timestamp, started_at: Option<Timestamp>) {
        // A line that was written down late tells of the life that was stopped.
        let is_new = |stopped: &Stopped| started_at.is_none_or(|started| started > stopped.at);
        if self.stopped.get(id).is_some_and(is_new)
            && let Some(stopped) = self.stopped.remove(id)
        {
            self.give_back(&stopped, at);
        }
    }

    fn give_back(&mut self, stopped: &Stopped, until: Timestamp) {
        let passed = until.min(self.to).as_millisecond().saturating_sub(stopped.at.as_millisecond());
        let passed = u64::try_from(passed).unwrap_or(0);
        for (gpu, who) in &stopped.gpus {
            let number = number(&mut self.whos, who);
            if let Some(row) = self.rows.get_mut(&(gpu.clone(), number)) {
                row.given_back_ms = row.given_back_ms.saturating_add(passed);
            }
        }
    }

    /// The rows, by GPU, and by user and name within one. `until` is how far the day has come: its end, or now.
    pub fn finish(mut self, until: Timestamp) -> Vec<Row> {
        self.account(Accounts::finish);
        for stopped in std::mem::take(&mut self.stopped).into_values() {
            self.give_back(&stopped, until);
        }
        for ((gpu, _), (spans, _)) in &self.held {
            for (who, share_ms) in shares::shares(spans) {
                if let Some(row) = self.rows.get_mut(&(gpu.clone(), who)) {
                    row.share_ms = row.share_ms.saturating_add(share_ms);
                }
            }
        }
        let mut rows: Vec<Row> = self.rows.into_values().collect();
        Row::sort(&mut rows);
        rows
    }
}

fn number(whos: &mut HashMap<Rc<Workload>, usize>, who: &Rc<Workload>) -> usize {
    let next = whos.len();
    *whos.entry(Rc::clone(who)).or_insert(next)
}

/// Rolls up a day, from what the journal holds of it.
///
/// # Errors
///
/// When the journal could not be read.
pub fn roll_day(journal: &Journal, day: Date, policy: &Policy, now: Timestamp) -> Result<Vec<Row>, StoreError> {
    let days = journal.days()?;
    let mut roll = Roll::new(day, policy);
    let before = days.iter().rfind(|other| **other < day);
    let after = days.iter().find(|other| **other > day);
    let of_day = days.iter().find(|other| **other == day);
    let around: Vec<Date> = before.into_iter().chain(of_day).chain(after).copied().collect();
    journal.records(&around, |record| roll.take(&record))?;
    let until = roll.to.min(now);
    Ok(roll.finish(until))
}

//! Rows of the ledger, added up.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use ds01_core::{
    detect::UNKNOWN_USER,
    ledger::{DayIs, Row, Spent},
};
use jiff::civil::Date;

use super::by::{By, Key};
use crate::past::{Past, Used};

/// What some rows come to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) spent: Spent,
    pub(crate) share_ms: u64,
    pub(crate) given_back_ms: u64,
    pub(crate) stops: u64,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) key: Key,
    pub(crate) sums: Sums,
}

/// What was used in a span, by something.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) by: By,
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// What is known of each day.
    pub(crate) days: BTreeMap<Date, DayIs>,
    /// In the order in which they are shown.
    pub(crate) lines: Vec<Line>,
    pub(crate) total: Sums,
    /// The time for which anybody held a GPU, whoever was asked for: shares are shares of this.
    pub(crate) whole_ms: u64,
}

impl Sums {
    fn add(&mut self, row: &Row) {
        self.spent.add(&row.spent);
        self.share_ms = self.share_ms.saturating_add(row.share_ms);
        self.given_back_ms = self.given_back_ms.saturating_add(row.given_back_ms);
        self.stops = self.stops.saturating_add(row.stops);
    }
}

impl Report {
    /// Adds up what was used. `users` are those who are asked for: none for all.
    pub(crate) fn new(used: &Used, (from, to): (Date, Date), by: By, users: &[String], past: &Past) -> Self {
        let is_asked_for = |row: &Row| {
            let user = row.who.user.as_deref().unwrap_or(UNKNOWN_USER);
            users.is_empty() || users.iter().any(|name| name == user)
        };
        let mut lines: BTreeMap<Key, Sums> = BTreeMap::new();
        // Of a day and a GPU, nothing is known too, where that is so.
        if users.is_empty() {
            for key in expected(used, by, past) {
                lines.insert(key, Sums::default());
            }
        }
        let (mut total, mut whole_ms) = (Sums::default(), 0_u64);
        for row in &used.rows {
            whole_ms = whole_ms.saturating_add(row.share_ms);
            if is_asked_for(row) {
                lines.entry(by.key(row, past)).or_default().add(row);
                total.add(row);
            }
        }
        let mut lines: Vec<Line> = lines.into_iter().map(|(key, sums)| Line { key, sums }).collect();
        if !by.has_an_order() {
            lines.sort_by_key(|line| Reverse((line.sums.spent.held_ms(), line.sums.share_ms)));
        }
        Self { by, from, to, days: used.days.clone(), lines, total, whole_ms }
    }
}

/// The lines that are there though nobody held anything.
fn expected(used: &Used, by: By, past: &Past) -> BTreeSet<Key> {
    match by {
        By::Day => {
            let recorded = used.days.iter().filter(|(_, is)| **is != DayIs::NotRecorded);
            recorded.map(|(day, _)| Key::named(day.to_string())).collect()
        }
        By::Gpu if used.days.values().any(|is| *is != DayIs::NotRecorded) => {
            past.devices.to_hold().map(Key::of_device).collect()
        }
        _ => BTreeSet::new(),
    }
}

//! Time, cut into cells, and who held what in each of them.

use std::collections::BTreeMap;

use ds01_core::ledger::{Piece, Spent};
use jiff::{SignedDuration, Timestamp};

/// A cell counts as held from this share of it on: one in so many.
const WORTH: u64 = 20;

/// A span of time in cells of one length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) cells: usize,
}

/// What a cell of time went into, for the greater part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Work,
    Idle,
    /// Nobody can tell, or nobody looked.
    NotKnown,
}

/// What somebody held in each cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    cells: BTreeMap<usize, Spent>,
    pub(super) total: Spent,
}

/// Cells that follow each other, and all went into the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: usize,
    /// The first cell that is not part of it.
    pub(super) to: usize,
    pub(super) state: State,
}

impl Grid {
    pub(super) fn new(from: Timestamp, to: Timestamp, cells: usize) -> Self {
        Self { from, to, cells: cells.max(1) }
    }

    fn signed_ms(&self) -> i64 {
        (self.to.as_millisecond() - self.from.as_millisecond()).max(1)
    }

    /// How long the span is.
    pub(super) fn length_ms(&self) -> u64 {
        u64::try_from(self.signed_ms()).unwrap_or(1)
    }

    /// Where a cell begins.
    pub(super) fn begin(&self, cell: usize) -> Timestamp {
        let (cell, cells) = (i64::try_from(cell).unwrap_or(i64::MAX), i64::try_from(self.cells).unwrap_or(1));
        let ms = i128::from(self.signed_ms()) * i128::from(cell) / i128::from(cells);
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.from.checked_add(SignedDuration::from_millis(ms)).unwrap_or(self.to)
    }

    /// How long a cell is.
    pub(super) fn cell_ms(&self) -> u64 {
        self.length_ms() / self.cells as u64
    }

    /// The cell of an instant, the nearest one for an instant outside.
    pub(super) fn cell(&self, at: Timestamp) -> usize {
        let since = (at.as_millisecond() - self.from.as_millisecond()).clamp(0, self.signed_ms());
        let cell = i128::from(since) * self.cells as i128 / i128::from(self.signed_ms());
        usize::try_from(cell).unwrap_or(0).min(self.cells - 1)
    }

    /// Where an instant lies, in percent of the span.
    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    pub(super) fn percent(&self, at: Timestamp) -> f64 {
        (at.as_millisecond() - self.from.as_millisecond()) as f64 * 100.0 / self.signed_ms() as f64
    }

    /// Adds a piece to whoever held it.
    pub(super) fn add(&self, piece: &Piece<'_>, track: &mut Track) {
        let Some((from_ms, to_ms, spent)) = piece.within(self.from, self.to) else { return };
        track.total.add(&spent);
        let wall = |ms: u64| {
            let before = i64::try_from(piece.to_ms.saturating_sub(ms)).unwrap_or(0);
            piece.ends_at.checked_sub(SignedDuration::from_millis(before)).unwrap_or(self.from)
        };
        for cell in self.cell(wall(from_ms))..=self.cell(wall(to_ms)) {
            let (begin, end) = (self.begin(cell), self.begin(cell + 1));
            if let Some((.., part)) = piece.within(begin.max(self.from), end.min(self.to)) {
                track.cells.entry(cell).or_default().add(&part);
            }
        }
    }

    /// The runs of a track, in order.
    pub(super) fn runs(&self, track: &Track) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (&cell, spent) in &track.cells {
            if spent.held_ms() * WORTH < self.cell_ms() {
                continue;
            }
            let state = state(spent);
            match runs.last_mut() {
                Some(last) if last.to == cell && last.state == state => last.to = cell + 1,
                _ => runs.push(Run { from: cell, to: cell + 1, state }),
            }
        }
        runs
    }
}

impl Track {
    /// The cells in which it was held, with what they went into.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, &Spent)> {
        self.cells.iter().map(|(cell, spent)| (*cell, spent))
    }

    /// For how long it was held in a cell, in milliseconds.
    pub(super) fn held_ms(&self, cell: usize) -> u64 {
        self.cells.get(&cell).map_or(0, Spent::held_ms)
    }

    /// What the cells from `from` to `to` come to.
    pub(super) fn between(&self, from: usize, to: usize) -> Spent {
        let mut sum = Spent::default();
        self.cells.range(from..to).for_each(|(_, spent)| sum.add(spent));
        sum
    }
}

fn state(spent: &Spent) -> State {
    let not_known = spent.unknown_ms + spent.unobserved_ms;
    if spent.work_ms >= spent.idle_ms.max(not_known) {
        State::Work
    } else if spent.idle_ms >= not_known {
        State::Idle
    } else {
        State::NotKnown
    }
}

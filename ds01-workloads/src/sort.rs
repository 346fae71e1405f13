//! The order of the rows.

use std::cmp::{Ordering, Reverse};

use crate::{columns::Column, row::Row};

/// Sorts by `column`; by default, and among equals, GPU holders come first, then users by name, then the oldest.
pub(crate) fn sort(rows: &mut [Row], column: Option<&Column>) {
    rows.sort_by(|a, b| column.map_or(Ordering::Equal, |column| (column.compare)(a, b)).then_with(|| usual(a, b)));
}

fn usual(a: &Row, b: &Row) -> Ordering {
    fn order(row: &Row) -> (u8, &str, Reverse<std::time::Duration>, &str, &str) {
        (gpu_rank(row), &row.user, Reverse(row.age), &row.name, &row.id)
    }
    order(a).cmp(&order(b))
}

/// Who holds a context, then who may, then the others.
fn gpu_rank(row: &Row) -> u8 {
    match (row.gpus.holds(), row.gpus.may_use()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

/// The largest first, and what is unknown last: whoever sorts by a figure looks for the biggest.
pub(crate) fn largest_first<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

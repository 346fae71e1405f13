//! The order of the rows.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{columns::Column, row::Row};

/// Sorts by `column`; by default, and among equals, GPU holders come first, then users by name, then the oldest.
pub(crate) fn sort(rows: &mut Vec<Row>, column: Option<&Column>) {
    // Keys are small and lie side by side: with thousands of rows, looking at the rows themselves for each comparison
    // takes longer than everything else.
    let users: BTreeSet<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    let rank_of: HashMap<&str, usize> = users.into_iter().zip(0..).collect();
    let mut order: Vec<(Usual, usize)> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| ((gpu_rank(row), rank_of[row.user.as_str()], Reverse(row.age)), at))
        .collect();
    let by_column = |a: &Row, b: &Row| column.map_or(Ordering::Equal, |column| (column.compare)(a, b));
    order.sort_by(|(usual_a, a), (usual_b, b)| {
        let (a, b) = (&rows[*a], &rows[*b]);
        by_column(a, b).then_with(|| usual_a.cmp(usual_b)).then_with(|| (&a.name, &a.id).cmp(&(&b.name, &b.id)))
    });
    let mut unsorted: Vec<Option<Row>> = rows.drain(..).map(Some).collect();
    rows.extend(order.into_iter().filter_map(|(_, at)| unsorted[at].take()));
}

/// Who holds GPUs, whose it is by rank, how old it is.
type Usual = (u8, usize, Reverse<Duration>);

/// Who holds a context, then who may, then the others.
fn gpu_rank(row: &Row) -> u8 {
    match (row.gpus.holds(), row.gpus.may_use()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

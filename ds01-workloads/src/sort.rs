//! The order of the rows.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    columns::Column,
    fleet::by_name,
    row::{Row, Type},
};

/// Sorts by `column`; by default, and among equals, GPU holders come first, then users by name, then the oldest. Of a fleet,
/// what is to be said of hosts comes first in any order, and by default one host after the other.
pub(crate) fn sort(rows: &mut Vec<Row>, column: Option<&Column>) {
    // Keys are small and lie side by side: with thousands of rows, looking at the rows themselves for each comparison
    // takes longer than everything else.
    let users: BTreeSet<&str> = rows.iter().map(|row| row.user.as_str()).collect();
    let rank_of: HashMap<&str, usize> = users.into_iter().zip(0..).collect();
    let mut hosts: Vec<&str> = rows.iter().map(|row| row.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.sort_by(|a, b| by_name(a, b));
    let host_rank: HashMap<&str, usize> = hosts.into_iter().zip(0..).collect();
    let mut order: Vec<(Usual, usize)> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let host = host_rank[row.host.as_str()];
            ((host, gpu_rank(row), rank_of[row.user.as_str()], Reverse(row.age)), at)
        })
        .collect();
    let by_column = |a: &Row, b: &Row| column.map_or(Ordering::Equal, |column| (column.compare)(a, b));
    order.sort_by(|(usual_a, a), (usual_b, b)| {
        let (a, b) = (&rows[*a], &rows[*b]);
        let workloads_last = (a.kind != Type::Host).cmp(&(b.kind != Type::Host));
        workloads_last
            .then_with(|| by_column(a, b))
            .then_with(|| usual_a.cmp(usual_b))
            .then_with(|| (&a.name, &a.id).cmp(&(&b.name, &b.id)))
    });
    let mut unsorted: Vec<Option<Row>> = rows.drain(..).map(Some).collect();
    rows.extend(order.into_iter().filter_map(|(_, at)| unsorted[at].take()));
}

/// Its host by rank, who holds GPUs, whose it is by rank, how old it is.
type Usual = (usize, u8, usize, Reverse<Option<Duration>>);

/// Who holds a context, then who may, then the others.
fn gpu_rank(row: &Row) -> u8 {
    match (row.gpus.holds(), row.gpus.may_use()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

//! CPU and memory of the rows, as they are at the moment.

use std::time::Duration;

use ds01_core::{
    model::{Reading, Unknown, UnknownKind},
    usage::{self, Meter, Roots},
};

use crate::row::{Counters, Row};

/// Between the two readings of each counter. With the time that the readings themselves take, 1,000 rows stay within a
/// quarter of a second.
const INTERVAL: Duration = Duration::from_millis(150);

/// Measures all rows together.
pub(crate) fn measure(rows: &mut [Row], roots: &Roots) {
    let meters: Vec<Reading<Meter>> = rows.iter().map(|row| meter(&row.counters, roots)).collect();
    for (row, usage) in rows.iter_mut().zip(usage::measure(&meters, INTERVAL)) {
        row.usage = Some(usage);
    }
}

fn meter(counters: &Counters, roots: &Roots) -> Reading<Meter> {
    match counters {
        Counters::None => Unknown::new(UnknownKind::NotAsked, "it does not run, or its process is not known").into(),
        Counters::Container { pid, id } => Meter::container(roots, *pid, id),
        Counters::Process { pid, start_ticks } => Reading::Known(Meter::process(roots, *pid, *start_ticks)),
    }
}

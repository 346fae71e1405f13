//! One look at the host: the rows that are shown, their sums, and what an admin should know before believing them.

use std::time::Duration;

use ds01_core::{detect::Inventory, table::Medium};
use jiff::Timestamp;

use crate::{
    by_gpu::{self, Gpus},
    cli::Options,
    fleet,
    load::LoadError,
    measure::measure,
    row::{Change, Row, rows, since},
    sort::sort,
    totals::Totals,
    view,
    warnings::warnings,
};

/// What one look saw.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What is shown, in order.
    pub(crate) rows: Vec<Row>,
    /// What to say on stderr.
    pub(crate) warnings: Vec<String>,
    stopped_hidden: usize,
    scan_age: Option<Duration>,
    /// The hosts, where it is a fleet's.
    fleet: Option<fleet::Shown>,
    /// What everybody may see, where the rows are this caller's own.
    public: Option<Gpus>,
    /// What it was made from: who shows one picture and ends need not take ten thousand entries apart again.
    seen: Option<Inventory>,
}

/// Looks at the host.
pub(crate) fn picture(options: &mut Options) -> Result<Picture, LoadError> {
    if let Some(plan) = &options.fleet {
        return fleet_picture(plan, options);
    }
    let seen = options.source.inventory()?;
    let mut picture = look(&seen.inventory, options, seen.now);
    picture.warnings.extend(seen.notes);
    picture.public = seen.public;
    picture.seen = Some(seen.inventory);
    if options.measures() {
        measure(&mut picture.rows, &options.roots);
    }
    sort(&mut picture.rows, options.sort);
    Ok(picture)
}

/// What is shown of an inventory, before it is measured and sorted.
pub(crate) fn look(inventory: &Inventory, options: &Options, now: Timestamp) -> Picture {
    let mut rows = rows(inventory, now, options.source.shows_unconfirmed());
    let filter = options.filter.resolved(&inventory.gpus);
    let mut said = warnings(inventory, now);
    said.extend(options.filter.not_here(&rows, inventory));
    let stopped_hidden = rows.iter().filter(|row| filter.hides_stopped(row)).count();
    rows.retain(|row| filter.shows(row));
    Picture {
        rows,
        warnings: said,
        stopped_hidden,
        scan_age: inventory.last_scan.map(|scan| since(scan, now)),
        fleet: None,
        public: None,
        seen: None,
    }
}

/// Looks at the fleet.
fn fleet_picture(plan: &fleet::Plan, options: &Options) -> Result<Picture, LoadError> {
    let fleet::Seen { at, hosts, said, .. } = plan.look()?;
    let mut warnings = [options.notes.clone(), said].concat();
    warnings.extend(fleet::not_here(&hosts, &options.filter, at));
    let shown = fleet::Shown::new(hosts, &options.filter, at);
    let mut rows = shown.rows();
    sort(&mut rows, options.sort);
    Ok(Picture { rows, warnings, stopped_hidden: 0, scan_age: None, fleet: Some(shown), public: None, seen: None })
}

impl Picture {
    /// What it was made from.
    pub(crate) fn inventory(&self) -> &Inventory {
        static NOTHING: std::sync::LazyLock<Inventory> = std::sync::LazyLock::new(Inventory::empty);
        self.seen.as_ref().unwrap_or(&NOTHING)
    }

    /// Whether it is a fleet's of which not one host answers.
    pub(crate) fn is_silent(&self) -> bool {
        self.fleet.as_ref().is_some_and(fleet::Shown::is_silent)
    }

    /// The table with its last line.
    pub(crate) fn table(&self, options: &Options, medium: Medium) -> String {
        if let Some(shown) = &self.fleet {
            return shown.draw(&self.rows, &options.layout, medium);
        }
        let here = self.rows.iter().filter(|row| row.change != Change::Left);
        let totals = Totals::of(here, self.stopped_hidden, self.scan_age);
        let Some(public) = &self.public else { return view::draw(&self.rows, &totals, &options.layout, medium) };
        let mut out = by_gpu::draw(public, medium, options.headers);
        if self.rows.is_empty() {
            if options.headers {
                out.push_str("\nNone of your own workloads was seen here.\n");
            }
        } else {
            out.push_str(if options.headers { "\nYour own:\n" } else { "" });
            out.push_str(&view::draw(&self.rows, &totals, &options.layout, medium));
        }
        out
    }
}

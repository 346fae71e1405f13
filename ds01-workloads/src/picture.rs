//! One look at the host: the rows that are shown, their sums, and what an admin should know before believing them.

use std::time::Duration;

use ds01_core::{detect::Inventory, table::Medium};

use crate::{
    by_gpu,
    cli::Options,
    filter::Filter,
    fleet,
    load::LoadError,
    measure::measure,
    row::{Change, Row, rows, since},
    sort::sort,
    source::{Extent, Seen},
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
    /// Whether there were any rows before they were filtered.
    any: bool,
    /// What it was made from: who shows one picture and ends need not take ten thousand entries apart again.
    seen: Option<Seen>,
}

/// Looks at the host.
pub(crate) fn picture(options: &mut Options) -> Result<Picture, LoadError> {
    if let Some(plan) = &options.fleet {
        return fleet_picture(plan, options);
    }
    let seen = options.source.inventory()?;
    let mut picture = look(&seen, options);
    picture.seen = Some(seen);
    if options.measures() {
        measure(&mut picture.rows, &options.roots);
    }
    sort(&mut picture.rows, options.sort);
    Ok(picture)
}

/// What is shown of an inventory, before it is measured and sorted.
pub(crate) fn look(seen: &Seen, options: &Options) -> Picture {
    let (inventory, now) = (&seen.inventory, seen.now);
    let mut rows = rows(inventory, now, options.source.shows_unconfirmed());
    let filter = options.filter.resolved(&inventory.gpus);
    let mut said = warnings(inventory, now);
    said.extend(not_here(&options.filter, &rows, seen));
    said.extend(seen.notes.iter().cloned());
    let any = !rows.is_empty();
    let stopped_hidden = rows.iter().filter(|row| filter.hides_stopped(row)).count();
    rows.retain(|row| filter.shows(row));
    Picture {
        rows,
        warnings: said,
        stopped_hidden,
        scan_age: inventory.last_scan.map(|scan| since(scan, now)),
        fleet: None,
        any,
        seen: None,
    }
}

/// What was asked for by name and is not here, as far as this caller can see who and what is. `rows` are all rows, before they are
/// filtered.
pub(crate) fn not_here(filter: &Filter, rows: &[Row], seen: &Seen) -> Vec<String> {
    match &seen.extent {
        Extent::Whole => filter.not_here(rows, &seen.inventory),
        Extent::OwnAndPublic(public) => {
            let others = filter.users.iter().filter(|user| !rows.iter().any(|row| row.user == **user));
            public.not_here(&others.cloned().collect::<Vec<_>>(), &filter.gpus)
        }
        // Who sees only himself can't tell who else there is.
        Extent::OwnAlone => Vec::new(),
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
    Ok(Picture { rows, warnings, stopped_hidden: 0, scan_age: None, fleet: Some(shown), any: true, seen: None })
}

impl Picture {
    /// What it was made from.
    pub(crate) fn inventory(&self) -> &Inventory {
        static NOTHING: std::sync::LazyLock<Inventory> = std::sync::LazyLock::new(Inventory::empty);
        self.seen.as_ref().map_or(&NOTHING, |seen| &seen.inventory)
    }

    /// How much of the host it is.
    pub(crate) fn extent(&self) -> &Extent {
        self.seen.as_ref().map_or(&Extent::Whole, |seen| &seen.extent)
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
        let (mut out, heading) = match self.extent() {
            Extent::Whole => return view::draw(&self.rows, &totals, &options.layout, medium),
            Extent::OwnAndPublic(public) => (by_gpu::draw(public, medium, options.headers), "\nYour own:\n"),
            Extent::OwnAlone => (String::new(), "Your own, as nothing else is for everybody here (public_view):\n"),
        };
        if self.any || !self.rows.is_empty() {
            out.push_str(if options.headers { heading } else { "" });
            out.push_str(&view::draw(&self.rows, &totals, &options.layout, medium));
        } else if options.headers {
            out.push_str("\nNone of your own workloads was seen here.\n");
        }
        out
    }
}

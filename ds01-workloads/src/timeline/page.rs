//! The picture and the tables as one page for a browser. It needs nothing but itself, and runs nothing.

use std::fmt;

use askama::Template;
use ds01_core::{
    idle::journal::{What, day_of},
    ledger::{Spent, Workload},
    text::sanitize,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    args::By,
    axis::ticks,
    cast::Player,
    grid::{Grid, Run, State},
    rows::{Band, Mark, Row, Scene, Stay},
};
use crate::{
    past::{NoPast, Past},
    report::{self, Report, Sheet},
};

/// The span in so many cells: finer than any screen shows it.
pub(super) const CELLS: usize = 2_000;

/// Round instants that are named.
const TICKS: usize = 8;

/// Further right, there is no room for the name of an instant, in percent.
const LAST_TICK: f64 = 96.0;

/// The height of one line of a row, in CSS pixels: a name above a bar.
const LINE: usize = 34;

/// So many users have colours of their own; `page.css` has as many.
const COLORS: usize = 12;

/// What the template is filled with. Whatever comes from users goes in escaped.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page {
    host: String,
    by: &'static str,
    span: String,
    made_at: String,
    ticks: Vec<PageTick>,
    /// What part of the span nothing was written down of.
    not_recorded: Option<Percent>,
    rows: Vec<PageRow>,
    users: Vec<PageUser>,
    deeds: Vec<PageDeed>,
    tables: Vec<PageTable>,
    notes: Vec<String>,
}

/// A place or a length, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Percent(f64);

struct PageTick {
    at: Percent,
    label: String,
    is_midnight: bool,
    /// Narrow screens have room for every second one.
    is_minor: bool,
    is_named: bool,
}

struct PageRow {
    label: String,
    model: String,
    figure: String,
    height: usize,
    about: String,
    stays: Vec<PageStay>,
    marks: Vec<PageMark>,
}

struct PageStay {
    from: Percent,
    length: Percent,
    top: usize,
    color: String,
    label: String,
    about: String,
    runs: Vec<PageRun>,
}

struct PageRun {
    from: Percent,
    length: Percent,
    class: &'static str,
}

struct PageMark {
    at: Percent,
    top: usize,
    is_stop: bool,
    about: String,
}

struct PageUser {
    color: String,
    name: String,
    hours: String,
}

struct PageDeed {
    time: String,
    is_stop: bool,
    what: &'static str,
    name: String,
    user: String,
    gpus: String,
}

struct PageTable {
    sheet: Sheet,
    bars: Vec<Vec<PageRun>>,
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}%", self.0)
    }
}

impl Page {
    /// From a scene in which each workload is a band. The tables are those of all days that it touches.
    pub(super) fn new(
        scene: &Scene,
        by: By,
        past: &Past,
        recorded_from: Timestamp,
        zone: &TimeZone,
    ) -> Result<Self, NoPast> {
        let grid = &scene.grid;
        let time = |at: Timestamp, format: &str| at.to_zoned(zone.clone()).strftime(format).to_string();
        let (tables, notes) = tables(grid, past)?;
        let known_from = recorded_from.min(grid.to);
        Ok(Self {
            host: past.host.as_deref().map_or_else(|| "this host".to_owned(), clean),
            by: if by == By::Gpu { "GPU" } else { "user" },
            span: format!("{} to {}", time(grid.from, "%Y-%m-%d %H:%M"), time(grid.to, "%Y-%m-%d %H:%M %Z")),
            made_at: time(past.now, "%Y-%m-%d %H:%M %Z"),
            ticks: page_ticks(grid, zone),
            not_recorded: (known_from > grid.from).then(|| Percent(grid.percent(known_from))),
            rows: scene.rows.iter().zip(0..).map(|(row, place)| page_row(scene, place, row, by, zone)).collect(),
            users: users(scene),
            deeds: scene.marks.iter().map(|mark| deed(mark, &time)).collect(),
            tables,
            notes,
        })
    }

    /// The page.
    pub(super) fn text(&self) -> Result<String, askama::Error> {
        self.render()
    }
}

fn clean(text: &str) -> String {
    sanitize(text).into_owned()
}

fn page_ticks(grid: &Grid, zone: &TimeZone) -> Vec<PageTick> {
    let ticks = ticks(grid.from, grid.to, zone, TICKS);
    let ticks = ticks.into_iter().zip(0..).map(|(tick, number)| {
        let at = grid.percent(tick.at);
        PageTick {
            at: Percent(at),
            label: tick.label,
            is_midnight: tick.is_midnight,
            is_minor: number % 2 == 1,
            is_named: at < LAST_TICK,
        }
    });
    ticks.collect()
}

fn page_row(scene: &Scene, place: usize, row: &Row, by: By, zone: &TimeZone) -> PageRow {
    let grid = &scene.grid;
    let mut stays: Vec<PageStay> = Vec::new();
    for band in &row.bands {
        stays.extend(band.stays.iter().map(|stay| page_stay(scene, row, band, stay, zone)));
    }
    let marks = scene.marks.iter().filter(|mark| mark.rows.contains(&place));
    let marks = marks.map(|mark| PageMark {
        at: Percent(grid.percent(mark.at)),
        top: row.bands.iter().find_map(|band| line_of(grid, band, mark)).unwrap_or(0) * LINE,
        is_stop: is_stop(mark.what),
        about: format!(
            "{} {}: {} of {}",
            mark.at.to_zoned(zone.clone()).strftime("%a %-d %H:%M"),
            words(mark.what),
            clean(&mark.who.name),
            owner(&mark.who)
        ),
    });
    let figure = match by {
        By::Gpu => format!("{}%", row.work_percent),
        By::User => hours(row.spent.held_ms()),
    };
    let label = clean(&row.label);
    let about = match by {
        By::Gpu => format!("GPU {label}: at work {figure} of the time, idle {}", hours(row.spent.idle_ms)),
        By::User => format!("{label}: {} held, idle {}", hours(row.spent.held_ms()), hours(row.spent.idle_ms)),
    };
    PageRow {
        model: row.model.as_deref().map(clean).unwrap_or_default(),
        figure,
        height: row.lines * LINE,
        about,
        stays,
        marks: marks.collect(),
        label,
    }
}

fn page_stay(scene: &Scene, row: &Row, band: &Band, stay: &Stay, zone: &TimeZone) -> PageStay {
    let grid = &scene.grid;
    let (from, to) = (stay.runs.first().map_or(0, |run| run.from), stay.runs.last().map_or(0, |run| run.to));
    let place = scene.cast.place(band.who.user.as_deref());
    let user = scene.cast.users.get(place).map(|player| clean(player.name())).unwrap_or_default();
    let (name, kind) = band.who.workload.as_ref().map_or(("", ""), |(name, kind)| (name.as_str(), *kind));
    let name = clean(name);
    let device = band.who.device.as_ref().map_or_else(|| clean(&row.label), |device| device.label());
    let time = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %-d %H:%M").to_string();
    let spent = band.track.between(from, to);
    let label = match &band.who.device {
        Some(device) => format!("{}: {name}", device.label()),
        None => format!("{user}: {name}"),
    };
    PageStay {
        from: part(from, grid.cells),
        length: part(to - from, grid.cells),
        top: stay.line * LINE,
        color: scene.cast.users.get(place).map_or_else(String::new, |player| color(player, place)),
        label,
        about: format!(
            "{name} of {user} ({kind})\nGPU {device}, {} to {}\n{}",
            time(grid.begin(from)),
            time(grid.begin(to)),
            spent_in_words(&spent)
        ),
        runs: stay.runs.iter().map(|run| page_run(run, from, to)).collect(),
    }
}

fn page_run(run: &Run, from: usize, to: usize) -> PageRun {
    PageRun {
        from: part(run.from - from, to - from),
        length: part(run.to - run.from, to - from),
        class: match run.state {
            State::Work => "work",
            State::Idle => "idle",
            State::NotKnown => "untold",
        },
    }
}

fn spent_in_words(spent: &Spent) -> String {
    /// Less is no tenth of an hour.
    const WORTH_SAYING_MS: u64 = 180_000;
    let not_known = spent.unknown_ms + spent.unobserved_ms;
    let mut text =
        format!("{} held: work {}, idle {}", hours(spent.held_ms()), hours(spent.work_ms), hours(spent.idle_ms));
    if not_known >= WORTH_SAYING_MS {
        text.push_str(&format!(", not known {}", hours(not_known)));
    }
    if spent.covered_ms > 0 {
        text.push_str(&format!("; the GPU used for {}", hours(spent.used_ms)));
    }
    text
}

fn users(scene: &Scene) -> Vec<PageUser> {
    let users = scene.cast.users.iter().enumerate().map(|(place, player)| PageUser {
        color: color(player, place),
        name: clean(player.name()),
        hours: hours(player.spent.held_ms()),
    });
    users.collect()
}

/// The class of a user's colour.
fn color(player: &Player, place: usize) -> String {
    if player.user.is_none() { "nobody".to_owned() } else { format!("u{}", place % COLORS) }
}

fn deed(mark: &Mark, time: &dyn Fn(Timestamp, &str) -> String) -> PageDeed {
    PageDeed {
        time: time(mark.at, "%Y-%m-%d %H:%M"),
        is_stop: is_stop(mark.what),
        what: words(mark.what),
        name: clean(&mark.who.name),
        user: owner(&mark.who),
        gpus: mark.devices.join(", "),
    }
}

fn owner(who: &Workload) -> String {
    clean(who.user.as_deref().unwrap_or(ds01_core::detect::UNKNOWN_USER))
}

fn words(what: What) -> &'static str {
    match what {
        What::WarnedIdle => "warned: idle",
        What::WarnedRuntime => "warned: run time",
        What::WarnedRemoval => "warned: removal",
        What::StoppedIdle => "stopped: idle",
        What::StoppedRuntime => "stopped: run time",
        What::Removed => "removed",
    }
}

fn is_stop(what: What) -> bool {
    what.is_stop() || what == What::Removed
}

/// The line on which the workload stands that a mark is about.
fn line_of(grid: &Grid, band: &Band, mark: &Mark) -> Option<usize> {
    let is_its =
        band.who.user == mark.who.user && band.who.workload.as_ref().is_some_and(|(name, _)| *name == mark.who.name);
    let cell = grid.cell(mark.at);
    let is_there = |stay: &&Stay| stay.runs.iter().any(|run| run.from <= cell && cell <= run.to);
    band.stays.iter().find(is_there).filter(|_| is_its).map(|stay| stay.line)
}

/// The report by user, GPU and day, of all days that the span touches, and what is to be known of it.
fn tables(grid: &Grid, past: &Past) -> Result<(Vec<PageTable>, Vec<String>), NoPast> {
    let last = grid.to.checked_sub(SignedDuration::from_millis(1)).unwrap_or(grid.to);
    let span = (day_of(grid.from), day_of(last));
    let used = past.used(span.0, span.1)?;
    let mut notes = Vec::new();
    let tables = [report::By::User, report::By::Gpu, report::By::Day].map(|by| {
        let report = Report::new(&used, span, by, &[], past);
        notes = report::notes(&report, past);
        let sheet = Sheet::new(&report);
        let longest_ms = sheet.longest_ms();
        let bars = sheet.rows.iter().map(|row| bar(&row.sums.spent, longest_ms)).collect();
        PageTable { sheet, bars }
    });
    Ok((tables.into(), notes))
}

fn bar(spent: &Spent, longest_ms: u64) -> Vec<PageRun> {
    let parts = [(spent.work_ms, "work"), (spent.idle_ms, "idle"), (spent.unknown_ms + spent.unobserved_ms, "untold")];
    let mut from_ms = 0;
    let mut runs = Vec::new();
    for (ms, class) in parts {
        if ms > 0 {
            runs.push(PageRun { from: ratio(from_ms, longest_ms), length: ratio(ms, longest_ms), class });
        }
        from_ms += ms;
    }
    runs
}

fn part(part: usize, whole: usize) -> Percent {
    ratio(part as u64, whole as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn ratio(part: u64, whole: u64) -> Percent {
    Percent(part as f64 * 100.0 / whole.max(1) as f64)
}

#[expect(clippy::cast_precision_loss, reason = "hours, to a tenth")]
fn hours(ms: u64) -> String {
    format!("{:.1} h", ms as f64 / 3_600_000.0)
}

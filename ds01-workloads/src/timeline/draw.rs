//! The picture on a terminal, and in a pipe.

use anstyle::Style;
use ds01_core::{
    idle::journal::What,
    table::{Medium, width},
    text::sanitize,
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    args::By,
    axis::{Tick, ticks},
    cast::Player,
    grid::{Grid, Run, State},
    legend::{self, cut, glyph, mark},
    rows::{Band, Row, Scene},
};

/// In a pipe, as wide as this.
const PIPED: usize = 100;

/// From this width on, GPUs are shown with their models.
const ROOMY: usize = 140;

/// Labels are no wider.
const LABEL: usize = 24;

/// A label of the axis takes so many cells.
const TICK: usize = 9;

/// Between the picture and what stands on its sides.
const GAP: usize = 2;

/// A cell, and its style.
type Drawn = (char, Style);

/// How the picture is divided.
pub(super) struct Frame {
    label: usize,
    pub(super) cells: usize,
    figure: usize,
    with_models: bool,
}

impl Frame {
    /// For labels and models of these widths.
    pub(super) fn new<'a>(
        labels: impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone,
        by: By,
        medium: Medium,
    ) -> Self {
        let available = medium.width.unwrap_or(PIPED);
        let with_models = by == By::Gpu && available >= ROOMY;
        let named = |(label, model): (&str, Option<&str>)| {
            let model = model.filter(|_| with_models).map_or(0, |model| width(&sanitize(model)) + GAP);
            width(&sanitize(label)) + model
        };
        let most = LABEL.max(available / 6).min(available / 3);
        let label = labels.map(named).max().unwrap_or(0).max(width(heading(by))).min(most);
        let figure = if by == By::Gpu { "100%".len() } else { "1234.5h".len() };
        let cells = available.saturating_sub(label + figure + 2 * GAP).max(1);
        Self { label, cells, figure, with_models }
    }
}

fn heading(by: By) -> &'static str {
    if by == By::Gpu { "GPU" } else { "USER" }
}

/// What stands right of each row: how much of the time a GPU was at work; how long a user held any.
fn figure_heading(by: By) -> &'static str {
    if by == By::Gpu { "WORK" } else { "HELD" }
}

/// The picture. Nothing was written down before `recorded_from`.
pub(super) fn draw(
    scene: &Scene,
    frame: &Frame,
    by: By,
    recorded_from: Timestamp,
    zone: &TimeZone,
    medium: Medium,
) -> String {
    let grid = &scene.grid;
    let named = ticks(grid.from, grid.to, zone, frame.cells / TICK);
    let style = |style: Style| if medium.color { style } else { Style::new() };
    let bold = style(Style::new().bold());
    let blank = blank(grid, &named, recorded_from, medium.color);
    let mut out = String::new();
    let (left, right) = (heading(by), figure_heading(by));
    push_line(
        &mut out,
        &[
            padded(&format!("{bold}{left}{bold:#}"), left, frame.label + GAP),
            axis(grid, &named, frame.cells, bold),
            " ".repeat(GAP + frame.figure - right.len()),
            format!("{bold}{right}{bold:#}"),
        ],
    );
    for (place, row) in scene.rows.iter().enumerate() {
        for (number, cells) in lines(scene, place, row, by, &blank, medium.color).into_iter().enumerate() {
            let label = if number == 0 { cut(&label(row, frame), frame.label) } else { String::new() };
            let figure = if number == 0 { figure(row, by) } else { String::new() };
            let gap = frame.figure.saturating_sub(figure.len()) + GAP;
            push_line(&mut out, &[padded(&label, &label, frame.label + GAP), styled(&cells), " ".repeat(gap), figure]);
        }
    }
    if scene.rows.is_empty() {
        out.push_str("nobody held a GPU\n");
    }
    out.push('\n');
    let marks: Vec<_> = scene.marks.iter().map(|mark| mark.what).collect();
    let width = Medium { width: medium.width.or(Some(PIPED)), ..medium };
    for line in legend::lines(&scene.cast, &marks, recorded_from > grid.from, width) {
        push_line(&mut out, &[line]);
    }
    let time = |at: Timestamp, format: &str| at.to_zoned(zone.clone()).strftime(format).to_string();
    let each = units::duration(std::time::Duration::from_millis(grid.cell_ms()));
    let said =
        format!("{} to {}; a column is {each}", time(grid.from, "%Y-%m-%d %H:%M"), time(grid.to, "%Y-%m-%d %H:%M %Z"));
    out.extend(ds01_core::table::broken(&said, width).into_iter().map(|line| line + "\n"));
    out
}

fn push_line(out: &mut String, parts: &[String]) {
    let line = parts.concat();
    out.push_str(line.trim_end_matches(' '));
    out.push('\n');
}

/// `text` with blanks behind it; `plain` is the same without styles.
fn padded(text: &str, plain: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(width(plain))))
}

fn label(row: &Row, frame: &Frame) -> String {
    let label = sanitize(&row.label);
    match row.model.as_deref().filter(|_| frame.with_models) {
        Some(model) => format!("{label}{}{}", " ".repeat(GAP), sanitize(model)),
        None => label.into_owned(),
    }
}

fn figure(row: &Row, by: By) -> String {
    const HOUR_TENTHS_MS: u64 = 360_000;
    match by {
        By::Gpu => format!("{}%", row.work_percent),
        By::User => {
            let tenths = (row.spent.held_ms() + HOUR_TENTHS_MS / 2) / HOUR_TENTHS_MS;
            format!("{}.{}h", tenths / 10, tenths % 10)
        }
    }
}

/// The names of round instants, each behind a mark at its cell.
fn axis(grid: &Grid, named: &[Tick], cells: usize, bold: Style) -> String {
    let mut line = String::new();
    let mut used = 0;
    for tick in named {
        let (at, label) = (grid.cell(tick.at), format!("╷{}", tick.label));
        if at < used || at + width(&label) > cells {
            continue;
        }
        line.push_str(&" ".repeat(at - used));
        let style = if tick.is_midnight { bold } else { Style::new() };
        line.push_str(&format!("{style}{label}{style:#}"));
        used = at + width(&label) + 1;
        if used <= cells {
            line.push(' ');
        } else {
            used = cells;
        }
    }
    line + &" ".repeat(cells.saturating_sub(used))
}

/// A line in which nobody holds anything.
fn blank(grid: &Grid, named: &[Tick], recorded_from: Timestamp, color: bool) -> Vec<Drawn> {
    let dim = if color { Style::new().dimmed() } else { Style::new() };
    let mut cells = vec![(' ', Style::new()); grid.cells];
    for tick in named {
        cells[grid.cell(tick.at)] = ('·', dim);
    }
    if recorded_from > grid.from {
        let known = if recorded_from >= grid.to { grid.cells } else { grid.cell(recorded_from) };
        cells[..known].fill((legend::not_recorded(color), dim));
    }
    cells
}

/// The lines of a row.
fn lines(scene: &Scene, place: usize, row: &Row, by: By, blank: &[Drawn], color: bool) -> Vec<Vec<Drawn>> {
    let mut lines = vec![blank.to_vec(); row.lines];
    let marks = marks(scene, place, row);
    // For how long the cell is held by whom it shows.
    let mut shown_ms = vec![vec![0; blank.len()]; row.lines];
    for band in &row.bands {
        let player = scene.cast.place(band.who.user.as_deref());
        let (place, player) = (player, &scene.cast.users[player]);
        for stay in &band.stays {
            for run in &stay.runs {
                let style = if color { run_style(run, player, place) } else { Style::new() };
                for cell in run.from..run.to {
                    let held_ms = band.track.held_ms(cell);
                    if held_ms >= shown_ms[stay.line][cell] {
                        shown_ms[stay.line][cell] = held_ms;
                        lines[stay.line][cell] = (glyph(run.state, player, color), style);
                    }
                }
            }
            if color && by == By::Gpu {
                let is_free = |cell: usize| !marks.iter().any(|mark| (mark.line, mark.cell) == (stay.line, cell));
                name(&mut lines[stay.line], &stay.runs, is_free, player, place);
            }
        }
    }
    for Marked { line, cell, what } in marks {
        let (glyph, style) = mark(what);
        lines[line][cell] = (glyph, if color { style } else { Style::new() });
    }
    lines
}

/// Where what the reaper did is marked.
struct Marked {
    line: usize,
    cell: usize,
    what: What,
}

fn marks(scene: &Scene, place: usize, row: &Row) -> Vec<Marked> {
    let here = scene.marks.iter().filter(|told| told.rows.contains(&place));
    let marks = here.map(|told| {
        let (cell, user) = (scene.grid.cell(told.at), told.who.user.as_deref());
        let line = row.bands.iter().find_map(|band| line_of(band, user, cell)).unwrap_or(0);
        Marked { line, cell, what: told.what }
    });
    marks.collect()
}

/// The line on which a user holds something in a cell, or held it in the one before.
fn line_of(band: &Band, user: Option<&str>, cell: usize) -> Option<usize> {
    let is_there = |run: &Run| run.from <= cell && cell <= run.to;
    let stay = band.stays.iter().find(|stay| stay.runs.iter().any(is_there))?;
    (band.who.user.as_deref() == user).then_some(stay.line)
}

fn run_style(run: &Run, player: &Player, place: usize) -> Style {
    let style = legend::color(player, place);
    if run.state == State::Idle { style.dimmed() } else { style }
}

/// Writes whose it is into a stay: the name where it fits into time that went into one thing, so that nothing is hidden, or
/// else the letter.
fn name(line: &mut [Drawn], runs: &[Run], is_free: impl Fn(usize) -> bool, player: &Player, place: usize) {
    let name = sanitize(player.name()).into_owned();
    let letter = player.letter.to_string();
    // All characters of a name have to be as wide as their cells.
    let is_simple = name.chars().count() == width(&name);
    let texts = is_simple.then(|| format!(" {name} ")).into_iter().chain([letter]);
    for text in texts {
        let long = text.chars().count();
        // A cell of the run itself on both sides.
        let mut places = runs.iter().flat_map(|run| run.from + 1..run.to.saturating_sub(long));
        let Some(from) = places.find(|from| (*from..from + long).all(&is_free)) else { continue };
        let style = legend::color(player, place).bold();
        for (cell, c) in (from..).zip(text.chars()) {
            line[cell] = (c, style);
        }
        return;
    }
}

/// The cells as text, with styles where they change.
fn styled(cells: &[Drawn]) -> String {
    cells
        .chunk_by(|a, b| a.1 == b.1)
        .map(|run| {
            let text: String = run.iter().map(|(c, _)| *c).collect();
            let style = run.first().map(|(_, style)| *style).unwrap_or_default();
            format!("{style}{text}{style:#}")
        })
        .collect()
}

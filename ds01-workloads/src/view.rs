//! From rows to lines of text: which columns, in which groups, with which marks.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    detect::UNKNOWN_USER,
    table::{self, Align, Cell, Line, Medium, Shrink},
    units,
};

use crate::{
    columns::{COLUMNS, Column},
    row::{Change, Row},
    totals::{self, Totals},
};

/// How the rows are to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// All columns.
    pub(crate) wide: bool,
    /// Under a heading for each user.
    pub(crate) by_user: bool,
    /// With a column that marks what appeared and what left.
    pub(crate) marks: bool,
    /// These columns instead, in this order.
    pub(crate) columns: Option<Vec<&'static Column>>,
    /// Without headings and last line.
    pub(crate) bare: bool,
    /// Of a host that does not exist.
    pub(crate) invented: bool,
    /// Of a fleet: with the host of each row.
    pub(crate) fleet: bool,
    /// Of a fleet: under a heading for each GPU.
    pub(crate) by_gpu: bool,
}

/// Rows that belong together.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// What stands above them.
    pub(crate) heading: Option<String>,
    pub(crate) rows: Vec<&'a Row>,
}

/// The column of `--watch` that tells what changed. Its heading is a blank, so that it is there when nothing did.
const MARKS: table::Column = table::Column { heading: " ", align: Align::Left, shrink: Shrink::Never };

/// In its place, nothing: sets rows off from the headings of `--by-user`.
const INDENT: table::Column = table::Column { heading: "", ..MARKS };

/// The table with its last line. Rows that left are drawn, and not counted.
pub(crate) fn draw(rows: &[Row], totals: &Totals, layout: &Layout, medium: Medium) -> String {
    let mut rows: Vec<&Row> = rows.iter().collect();
    if !layout.by_user {
        return draw_groups(&[Group { heading: None, rows }], &totals.line(), layout, medium);
    }
    by_user(&mut rows);
    let groups = rows.chunk_by(|a, b| a.user == b.user).map(|group| {
        let here: Vec<&Row> = group.iter().copied().filter(|row| row.change != Change::Left).collect();
        Group { heading: Some(totals::user_heading(&group[0].user, &here)), rows: group.to_vec() }
    });
    draw_groups(&groups.collect::<Vec<_>>(), &totals.line(), layout, medium)
}

/// Rows in the order of their users. Stable: within each user the order stays.
pub(crate) fn by_user(rows: &mut [&Row]) {
    rows.sort_by(|a, b| user_order(a).cmp(&user_order(b)));
}

/// Groups of rows as a table, with `sums` as its last line.
pub(crate) fn draw_groups(groups: &[Group<'_>], sums: &str, layout: &Layout, medium: Medium) -> String {
    let rows = || groups.iter().flat_map(|group| group.rows.iter().copied());
    // Measured is this host alone.
    let is_usual = |column: &Column| {
        (layout.wide || !column.wide)
            && column.is_wanted(rows())
            && (layout.fleet || !column.is_host())
            && !(layout.fleet && column.measured)
    };
    let usual = || COLUMNS.into_iter().filter(|column| is_usual(column)).collect();
    let mut columns: Vec<&Column> = layout.columns.clone().unwrap_or_else(usual);
    columns.retain(|column| !(layout.by_user && column.is_user()));
    let mut layouts: Vec<table::Column> = columns.iter().map(|column| column.layout).collect();
    let lead = if layout.marks { Some(MARKS) } else { (layout.by_user || layout.by_gpu).then_some(INDENT) };
    if let Some(column) = lead {
        layouts.insert(0, column);
    }
    let lead = lead.is_some();
    let placed = usize::from(lead);
    let mut lines = Vec::with_capacity(groups.iter().map(|group| group.rows.len() + 1).sum());
    for group in groups {
        let heading = group.heading.as_ref();
        lines.extend(heading.map(|heading| Line::Span(Cell::new(heading).styled(Style::new().bold()))));
        lines.extend(group.rows.iter().map(|row| line(row, &columns, lead, layout.wide)));
    }
    if layout.fleet {
        // What is not current must not look as if it was: STATUS says it, and goes last.
        for (column, layout) in columns.iter().zip(layouts.iter_mut().skip(placed)) {
            layout.shrink = column.in_fleet();
        }
    }
    for (at, column) in layouts.iter_mut().enumerate().skip(placed) {
        if says_the_same(&lines, at) && !matches!(column.shrink, Shrink::Key { .. }) {
            column.shrink = Shrink::Same;
        }
    }
    let mut out = table::render(&layouts, &lines, medium);
    if layout.bare {
        return out.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    }
    let left_out = table::left_out(&layouts, &lines, medium);
    let measured = columns.iter().filter(|column| column.measured).map(|column| column.layout.heading);
    let measured: Vec<&str> = measured.filter(|heading| !left_out.contains(heading)).collect();
    let mut notes = Vec::new();
    if layout.invented && !measured.is_empty() {
        notes.push(format!("no {}: a sample host has no processes to measure", measured.join(" and ")));
    }
    if !left_out.is_empty() {
        notes.push(format!("no room for {}", left_out.join(", ")));
    }
    for note in notes.iter().flat_map(|note| table::broken(note, medium)) {
        table::push_span(&mut out, &Cell::new(&note).styled(Style::new().dimmed()), medium);
    }
    // On a screen that is drawn again and again, the sums are one line.
    let sums = if layout.marks { vec![sums.to_owned()] } else { table::broken(sums, medium) };
    for line in sums {
        table::push_span(&mut out, &Cell::new(&line), medium);
    }
    out
}

/// Whether a column tells no two rows apart.
pub(crate) fn says_the_same(lines: &[Line], at: usize) -> bool {
    let cells = || lines.iter().filter_map(|line| if let Line::Row(cells) = line { cells.get(at) } else { None });
    let first = cells().next().map(Cell::text);
    cells().nth(1).is_some() && cells().all(|cell| Some(cell.text()) == first)
}

/// Users by name; who is unknown comes last.
fn user_order(row: &Row) -> (bool, &str) {
    (row.user == UNKNOWN_USER, &row.user)
}

fn line(row: &Row, columns: &[&Column], lead: bool, wide: bool) -> Line {
    let cells = columns.iter().map(|column| {
        let cell = match row.user_unsaid.filter(|_| wide && column.is_user()) {
            Some(age) => Cell::new(&format!("{} ({} ago)", row.user, units::duration(age))),
            None => (column.cell)(row),
        };
        match (row.change, row.stale) {
            (Change::Left, _) | (_, true) => {
                let style = cell.style().dimmed();
                cell.styled(style)
            }
            _ => cell,
        }
    });
    let mark = lead.then(|| match row.change {
        Change::Same => Cell::new(""),
        Change::Appeared => Cell::new("+").styled(AnsiColor::Green.on_default()),
        Change::Left => Cell::new("-").styled(AnsiColor::Red.on_default()),
    });
    Line::Row(mark.into_iter().chain(cells).collect())
}

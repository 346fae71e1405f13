//! The table for people.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    idle::{
        Action, Checked, GpuEvidence, Reason, Signal, StopCause, Verdict,
        rules::{Supposed, Waits},
    },
    table::{self, Align, Cell, Column, Line, Medium, Shrink},
    units,
};
use jiff::tz::TimeZone;

use super::Shown;
use crate::tally::Tally;

/// What stands where a figure does not apply, and where it could not be had.
const NONE: &str = "-";
const UNKNOWN: &str = "?";

/// Below this share of the time, in percent, it takes more than twice as long until somebody idle is found so.
const HARDLY: u64 = 50;

/// What happens next is what the table is looked at for, and names are what people type: on a narrow terminal, figures go before
/// either is cut.
const COLUMNS: [Column; 10] = [
    column("CONTAINER", Align::Left, Shrink::Key { wanted: 24, least: 10 }),
    column("USER", Align::Left, Shrink::First(8)),
    column("TYPE", Align::Left, Shrink::Optional(3)),
    column("GPU", Align::Right, Shrink::Optional(1)),
    column("CPU", Align::Right, Shrink::Optional(2)),
    column("NET", Align::Right, Shrink::Optional(4)),
    column("IDLE", Align::Right, Shrink::Never),
    column("SEEN", Align::Right, Shrink::Optional(5)),
    column("LIMIT", Align::Right, Shrink::Optional(0)),
    column("NEXT", Align::Left, Shrink::Last(20)),
];

const fn column(heading: &'static str, align: Align, shrink: Shrink) -> Column {
    Column { heading, align, shrink }
}

pub(super) fn render(
    checked: &Checked,
    shown: &[Shown<'_>],
    medium: Medium,
    with_last_check: bool,
    zone: &TimeZone,
) -> String {
    let lines: Vec<Line> = shown.iter().map(|one| row(checked, one, zone)).collect();
    let mut text = if lines.is_empty() { String::new() } else { table::render(&COLUMNS, &lines, medium) };
    let mut footer = footer(checked);
    if let Some(age) = checked.last_check().filter(|_| with_last_check) {
        footer.push_str(&format!("; last check {} ago", units::duration(age)));
    }
    let mut below = vec![footer];
    below.extend(hardly_seen(shown));
    let left_out = table::left_out(&COLUMNS, &lines, medium);
    if !lines.is_empty() && !left_out.is_empty() {
        below.push(format!("no room for {}", left_out.join(", ")));
    }
    for line in below.iter().flat_map(|text| table::broken(text, medium)) {
        table::push_span(&mut text, &Cell::new(&line).styled(Style::new().dimmed()), medium);
    }
    text
}

fn row(checked: &Checked, one: &Shown<'_>, zone: &TimeZone) -> Line {
    let decision = one.decision;
    let limit = match decision.idle_limit {
        Some(limit) => units::duration(limit),
        None => NONE.to_owned(),
    };
    let idle = if decision.idle.is_zero() { NONE.to_owned() } else { units::duration(decision.idle) };
    let [gpu, cpu, network] = figures(one);
    let next = one.next(checked.look.now.at, zone);
    Line::Row(vec![
        Cell::new(&one.facts.name),
        Cell::new(one.facts.user.as_deref().unwrap_or("unknown")),
        Cell::new(one.facts.container_type().as_str()),
        Cell::new(&gpu),
        Cell::new(&cpu),
        Cell::new(&network),
        Cell::new(&idle),
        Cell::new(&seen(one)),
        Cell::new(&limit),
        Cell::new(&next).styled(style(one)),
    ])
}

/// For how much of its idle time anybody could see what it did.
fn seen(one: &Shown<'_>) -> String {
    let percent = one.case.as_ref().and_then(|case| case.track?.observed_percent());
    percent.map_or_else(|| NONE.to_owned(), |percent| format!("{percent}%"))
}

/// What was seen last of its GPUs, CPU and network.
fn figures(one: &Shown<'_>) -> [String; 3] {
    let interval = one.case.as_ref().and_then(|case| case.track?.interval.as_ref());
    let Some(interval) = interval else { return [NONE, NONE, NONE].map(ToOwned::to_owned) };
    let signals = &interval.signals;
    let gpu = match &signals.gpu {
        GpuEvidence::Active(percent)
        | GpuEvidence::Worked { percent: Some(percent), .. }
        | GpuEvidence::Idle(percent) => format!("{percent:.0}%"),
        GpuEvidence::Worked { percent: None, .. } | GpuEvidence::Unknown(_) => UNKNOWN.to_owned(),
    };
    let cpu = match &signals.cpu {
        Signal::Active(percent) | Signal::Idle(percent) if *percent >= 10.0 => format!("{percent:.0}%"),
        Signal::Active(percent) | Signal::Idle(percent) => format!("{percent:.1}%"),
        Signal::Unknown(_) => UNKNOWN.to_owned(),
    };
    let network = match &signals.network {
        // Without the unit's end: the column is what the last one can spare.
        Signal::Active(bytes) | Signal::Idle(bytes) => units::traffic(*bytes).trim_end_matches("iB").to_owned(),
        Signal::Unknown(_) => UNKNOWN.to_owned(),
    };
    [gpu, cpu, network]
}

/// Red is about to be stopped, yellow is idle, green works.
fn style(one: &Shown<'_>) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    let decision = one.decision;
    let warned = one.case.as_ref().is_some_and(|case| case.track.is_some_and(|track| track.warning.is_some()));
    match one.would {
        Some(Supposed::Stopped(StopCause::Idle | StopCause::Runtime) | Supposed::Removed) => {
            return color(AnsiColor::Red);
        }
        Some(Supposed::Warned) => return color(AnsiColor::Yellow),
        None => {}
    }
    match (&decision.action, &decision.reason) {
        (Action::Stop { .. } | Action::Remove(_), _) => color(AnsiColor::Red).bold(),
        (Action::WarnOfRemoval { .. }, _) => color(AnsiColor::Yellow),
        (_, Some(Reason::Idle)) if matches!(decision.waits, Some(Waits::Kept | Waits::Asked)) => Style::new(),
        (_, Some(Reason::Idle)) if warned => color(AnsiColor::Red),
        (_, Some(Reason::Idle)) => color(AnsiColor::Yellow),
        (_, Some(Reason::NotIdle(Verdict::GpuActive | Verdict::OtherwiseActive))) => color(AnsiColor::Green),
        _ => Style::new(),
    }
}

/// A sentence about those whose idle time hardly grows, as nobody sees what they do.
fn hardly_seen(shown: &[Shown<'_>]) -> Option<String> {
    let is_hardly_seen = |one: &&Shown<'_>| {
        let percent = one.case.as_ref().and_then(|case| case.track?.observed_percent());
        one.decision.idle_limit.is_some() && percent.is_some_and(|percent| percent < HARDLY)
    };
    let number = shown.iter().filter(is_hardly_seen).count();
    (number > 0).then(|| {
        let whom = if number == 1 { "1 container is".to_owned() } else { format!("{number} containers are") };
        format!("{whom} hardly seen, and waited for: see ds01-gpu-sampler.service in `ds01-detect doctor`")
    })
}

fn footer(checked: &Checked) -> String {
    let tally = Tally::of(checked);
    let mut text = format!("{} with GPU: {tally}", tally.running);
    if let Some(demand) = checked.demand.filter(|_| checked.state.high_demand) {
        text.push_str(&format!("; high demand, {demand} given: shorter limits"));
    }
    text
}

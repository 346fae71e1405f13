//! The table of GPUs: one line for each GPU and MIG instance.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    idle::gpus::{GpuState, Holder, HolderKind, Occupancy, StopFor, devices},
    table::{self, Align, Cell, Column, Line, Medium, Shrink},
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{gpus::short_model, host_gpus::Gpus, row::since, view::says_the_same};

/// What is shown where there is nothing to show.
const NONE: &str = "-";

const COLUMNS: [Column; 11] = [
    Column { heading: "GPU", align: Align::Left, shrink: Shrink::Never },
    Column { heading: "MODEL", align: Align::Left, shrink: Shrink::Spare { least: 8, rank: 6 } },
    Column { heading: "PROFILE", align: Align::Left, shrink: Shrink::Optional(0) },
    Column { heading: "MEMORY", align: Align::Right, shrink: Shrink::Optional(3) },
    Column { heading: "UTIL", align: Align::Right, shrink: Shrink::Optional(4) },
    Column { heading: "POWER", align: Align::Right, shrink: Shrink::Optional(5) },
    Column { heading: "STATE", align: Align::Left, shrink: Shrink::Never },
    Column { heading: "IDLE", align: Align::Right, shrink: Shrink::Optional(2) },
    Column { heading: "USER", align: Align::Left, shrink: Shrink::Key { wanted: 12, least: 6 } },
    Column { heading: "UNTIL", align: Align::Left, shrink: Shrink::Optional(1) },
    Column { heading: "HELD BY", align: Align::Left, shrink: Shrink::Spare { least: 10, rank: 7 } },
];

/// Where it stands among the columns: there is none where nothing is partitioned.
const PROFILE: usize = 2;

/// The table with its last lines.
pub(crate) fn draw(seen: &Gpus, medium: Medium, headers: bool) -> String {
    drawn(seen, medium, headers, &TimeZone::system())
}

pub(super) fn drawn(seen: &Gpus, medium: Medium, headers: bool, zone: &TimeZone) -> String {
    let (columns, lines) = laid_out(&seen.picture.gpus, seen.now, zone);
    let mut out = table::render(&columns, &lines, medium);
    if !headers {
        return out.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    }
    let left_out = table::left_out(&columns, &lines, medium);
    let mut notes = Vec::new();
    if !left_out.is_empty() {
        notes.push(format!("no room for {}", left_out.join(", ")));
    }
    if seen.picture.untold > 0 {
        let (count, containers) =
            (seen.picture.untold, if seen.picture.untold == 1 { "container" } else { "containers" });
        notes.push(format!("{count} {containers} can have any GPU, and nobody can tell which"));
    }
    if !seen.knows_idle && seen.picture.gpus.iter().any(|gpu| gpu.state == Occupancy::Held) {
        notes.push(
            "held: whether anything is done there is known from the checks of ds01-idle, of which there is none \
                    that is recent"
                .to_owned(),
        );
    }
    if seen.is_public {
        notes.push(seen.note());
    }
    for note in notes.iter().flat_map(|note| table::broken(note, medium)) {
        table::push_span(&mut out, &Cell::new(&note).styled(Style::new().dimmed()), medium);
    }
    for line in table::broken(&sums(seen), medium) {
        table::push_span(&mut out, &Cell::new(&line), medium);
    }
    out
}

/// The columns that there are, and a line for each GPU. What tells no two lines apart is the first to go, unless it is what the table
/// is looked at for.
fn laid_out(gpus: &[GpuState], now: Timestamp, zone: &TimeZone) -> (Vec<Column>, Vec<Line>) {
    let mut columns = COLUMNS.to_vec();
    let mut rows: Vec<Vec<Cell>> = gpus.iter().map(|gpu| row(gpu, now, zone).into()).collect();
    if gpus.iter().all(|gpu| gpu.profile.is_none()) {
        columns.remove(PROFILE);
        rows.iter_mut().for_each(|row| drop(row.remove(PROFILE)));
    }
    let lines: Vec<Line> = rows.into_iter().map(Line::Row).collect();
    for (at, column) in columns.iter_mut().enumerate() {
        let gives_way = matches!(column.shrink, Shrink::Optional(_) | Shrink::Spare { .. });
        if gives_way && says_the_same(&lines, at) {
            column.shrink = Shrink::Same;
        }
    }
    (columns, lines)
}

fn row(gpu: &GpuState, now: Timestamp, zone: &TimeZone) -> [Cell; 11] {
    let memory = match (gpu.memory_used_mb, gpu.memory_total_mb) {
        (Some(used), Some(total)) => format!("{}/{}", units::mib(used), units::mib(total)),
        (None, Some(total)) => format!("?/{}", units::mib(total)),
        _ => NONE.to_owned(),
    };
    // A figure that is older than the rest says so.
    let age = gpu.measured_at.map(|at| since(at, now)).filter(|age| *age > crate::warnings::STALE_AFTER);
    let aged = |text: String| age.map_or_else(|| text.clone(), |age| format!("{text},{}", units::duration(age)));
    let percent = gpu.utilization_percent.map_or_else(|| NONE.to_owned(), |percent| aged(format!("{percent:.0}%")));
    let watts = gpu.power_watts.map_or_else(|| NONE.to_owned(), |watts| format!("{watts:.0}W"));
    let idle = gpu.idle_since.map_or_else(|| NONE.to_owned(), |at| units::duration(since(at, now)));
    [
        Cell::new(&gpu.gpu),
        Cell::new(gpu.model.as_deref().map_or(NONE, short_model)),
        Cell::new(gpu.profile.as_deref().unwrap_or(NONE)),
        Cell::new(&memory),
        Cell::new(&percent),
        Cell::new(&watts),
        Cell::new(gpu.state.as_str()).styled(style(gpu.state)),
        Cell::new(&idle),
        Cell::new(&joined(gpu.holders.iter().map(owner))),
        Cell::new(&until(&gpu.holders, now, zone)),
        Cell::new(&joined(gpu.holders.iter().map(named))),
    ]
}

fn style(state: Occupancy) -> Style {
    match state {
        Occupancy::Free => AnsiColor::Green.on_default(),
        Occupancy::HeldIdle => AnsiColor::Yellow.on_default(),
        Occupancy::Unknown => AnsiColor::Red.on_default(),
        Occupancy::Partitioned => Style::new().dimmed(),
        Occupancy::AtWork | Occupancy::Held => Style::new(),
    }
}

fn owner(holder: &Holder) -> String {
    match (&holder.user, holder.kind) {
        (Some(user), _) => user.clone(),
        (None, HolderKind::DeadProcess) => "(dead)".to_owned(),
        (None, _) => "?".to_owned(),
    }
}

fn named(holder: &Holder) -> String {
    match (&holder.name, holder.kind) {
        (Some(name), _) => name.clone(),
        (None, HolderKind::Container) => "container".to_owned(),
        (None, HolderKind::Process) => "process".to_owned(),
        (None, HolderKind::DeadProcess) => "dead-process".to_owned(),
        (None, HolderKind::Other) => "?".to_owned(),
    }
}

/// Each once, in their order.
fn joined(texts: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    if seen.is_empty() { NONE.to_owned() } else { seen.join(",") }
}

/// When the last of them will have gone, in one word: `idle:15:10` is a stop for idleness then, `run:Tue-14:00` the end of the run
/// time, `kept:18:05` that somebody keeps it until then at least. Nothing where one of them has no end that is known.
fn until(holders: &[Holder], now: Timestamp, zone: &TimeZone) -> String {
    let ends: Option<Vec<(&str, Timestamp)>> = holders.iter().map(end).collect();
    let Some((word, at)) = ends.and_then(|ends| ends.into_iter().max_by_key(|(_, at)| *at)) else {
        return NONE.to_owned();
    };
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let days = at.date().duration_since(now.date()).as_hours() / 24;
    let format = match days {
        0 => "%H:%M",
        -6..=6 => "%a-%H:%M",
        _ => "%b-%d",
    };
    format!("{word}:{}", at.strftime(format))
}

/// What ends it first, whoever keeps it.
fn end(holder: &Holder) -> Option<(&'static str, Timestamp)> {
    let stop = holder.stop_at.zip(holder.stop_for).map(|(at, stop)| match stop {
        StopFor::Idle => ("idle", at),
        StopFor::MaxRuntime => ("run", at),
        StopFor::Other => ("stop", at),
    });
    let kept = holder.kept_until.map(|at| ("kept", at));
    stop.into_iter().chain(kept).min_by_key(|(_, at)| *at)
}

/// How many there are in which state.
fn sums(seen: &Gpus) -> String {
    let count = |state: Occupancy| devices(&seen.picture.gpus).filter(|gpu| gpu.state == state).count();
    let states = [
        (Occupancy::Free, "free"),
        (Occupancy::HeldIdle, "held idle"),
        (Occupancy::Held, "held"),
        (Occupancy::AtWork, "at work"),
        (Occupancy::Unknown, "unknown"),
    ];
    let parts: Vec<String> = states
        .into_iter()
        .map(|(state, words)| (count(state), words))
        .filter(|(count, words)| *count > 0 || *words == "free")
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let age = match seen.picture.at {
        Some(at) => format!("{} ago", units::duration(since(at, seen.now))),
        None => "never scanned".to_owned(),
    };
    let all = devices(&seen.picture.gpus).count();
    format!("{age}: {all} {}: {}", if all == 1 { "device" } else { "GPUs and MIG instances" }, parts.join(", "))
}

//! What is drawn: a row for each GPU or user, in as many lines as are held at once.

use std::collections::{BTreeMap, BTreeSet};

use ds01_core::{
    detect::UNKNOWN_USER,
    idle::journal::What,
    ledger::{Happened, Spent, Workload},
};
use jiff::Timestamp;

use super::{
    args::By,
    cast::Cast,
    grid::{Grid, Run, Track},
};
use crate::past::{Device, NoPast, Past};

/// A picture, before it is drawn.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) grid: Grid,
    pub(super) rows: Vec<Row>,
    pub(super) cast: Cast,
    pub(super) marks: Vec<Mark>,
}

/// A row.
#[derive(Debug)]
pub(super) struct Row {
    /// `0`, `3:1`, or a user's name, which is users' text.
    pub(super) label: String,
    /// A GPU's model.
    pub(super) model: Option<String>,
    /// Who had it, each in one of the lines.
    pub(super) bands: Vec<Band>,
    /// How many lines it takes.
    pub(super) lines: usize,
    /// What it comes to.
    pub(super) spent: Spent,
    /// For how long anybody was at work, in percent of the span.
    pub(super) work_percent: u64,
}

/// What somebody held.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) who: Who,
    pub(super) track: Track,
    /// What is drawn, each on its line.
    pub(super) stays: Vec<Stay>,
}

/// Cells that follow each other, in which somebody held something.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) line: usize,
    pub(super) runs: Vec<Run>,
}

/// Whose a band is. What is not told apart is `None`. Users' text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) user: Option<String>,
    /// Of a container or program, with the word for its kind.
    pub(super) workload: Option<(String, &'static str)>,
    /// The GPU, where rows are for users.
    pub(super) device: Option<Device>,
}

/// What the reaper did.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) what: What,
    /// Whom it concerned.
    pub(super) who: Workload,
    /// The rows that show it, by their places.
    pub(super) rows: BTreeSet<usize>,
    /// Which GPUs and instances.
    pub(super) devices: Vec<String>,
}

/// What a row is for, in the order of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Device(Device),
    /// Whoever is unknown comes last.
    User(bool, String),
}

/// Reads the past, and lays it out. With `workloads`, each of them is a band of its own.
pub(super) fn scene(past: &Past, grid: Grid, by: By, workloads: bool) -> Result<Scene, NoPast> {
    let mut bands: BTreeMap<Key, BTreeMap<Who, Track>> = BTreeMap::new();
    if by == By::Gpu {
        bands.extend(past.devices.to_hold().map(|device| (Key::Device(device.clone()), BTreeMap::new())));
    }
    let mut hours: BTreeMap<Option<String>, Spent> = BTreeMap::new();
    let mut told = Vec::new();
    let key = |device: &Device, user: Option<&str>| match by {
        By::Gpu => Key::Device(device.clone()),
        By::User => Key::User(user.is_none(), user.unwrap_or(UNKNOWN_USER).to_owned()),
    };
    past.history(grid.from, grid.to, |happened| match happened {
        Happened::Held(piece) => {
            let device = past.devices.of(piece.gpu);
            let row = bands.entry(key(&device, piece.who.user.as_deref())).or_default();
            let who = Who {
                user: piece.who.user.clone(),
                workload: workloads.then(|| (piece.who.name.clone(), piece.who.kind.as_str())),
                device: (workloads && by == By::User).then_some(device),
            };
            grid.add(piece, row.entry(who).or_default());
            if let Some((.., spent)) = piece.within(grid.from, grid.to) {
                hours.entry(piece.who.user.clone()).or_default().add(&spent);
            }
        }
        Happened::Done { at, what, who, gpus } => told.push((at, what, who.clone(), gpus.to_vec())),
        _ => {}
    })?;
    let places: BTreeMap<Key, usize> = bands.keys().cloned().zip(0..).collect();
    let marks = told.into_iter().map(|(at, what, who, gpus)| {
        let devices: Vec<Device> = gpus.iter().map(|uuid| past.devices.of(uuid)).collect();
        let rows = devices.iter().filter_map(|device| places.get(&key(device, who.user.as_deref()))).copied().collect();
        Mark { at, what, who, rows, devices: devices.iter().map(Device::label).collect() }
    });
    let marks = marks.collect();
    let rows = bands.into_iter().map(|(key, tracks)| row(&grid, key, tracks)).collect();
    Ok(Scene { grid, rows, cast: Cast::new(hours), marks })
}

fn row(grid: &Grid, key: Key, tracks: BTreeMap<Who, Track>) -> Row {
    let mut spent = Spent::default();
    tracks.values().for_each(|track| spent.add(&track.total));
    let (label, model) = match key {
        Key::Device(device) => (device.label(), device.model),
        Key::User(_, user) => (user, None),
    };
    let (bands, lines) = laid_out(grid, tracks);
    let work_percent = work_percent(grid, &bands);
    Row { label, model, bands, lines, spent, work_percent }
}

/// In each cell, several who work at once are no more than there is time.
fn work_percent(grid: &Grid, bands: &[Band]) -> u64 {
    let mut work_ms: BTreeMap<usize, u64> = BTreeMap::new();
    for (cell, spent) in bands.iter().flat_map(|band| band.track.cells()) {
        *work_ms.entry(cell).or_default() += spent.work_ms;
    }
    let sum: u64 = work_ms.values().map(|ms| (*ms).min(grid.cell_ms() + 1)).sum();
    (sum * 100 / grid.length_ms()).min(100)
}

/// Gives each stay the first line that is free, one that its owner had before if there is any.
fn laid_out(grid: &Grid, tracks: BTreeMap<Who, Track>) -> (Vec<Band>, usize) {
    let mut bands: Vec<Band> = tracks.into_iter().map(|(who, track)| Band { who, track, stays: Vec::new() }).collect();
    let mut stays: Vec<(usize, Vec<Run>)> = Vec::new();
    for (number, band) in bands.iter().enumerate() {
        let runs = grid.runs(&band.track);
        stays.extend(runs.chunk_by(|a, b| a.to == b.from).map(|runs| (number, runs.to_vec())));
    }
    let ends = |runs: &[Run]| (runs.first().map_or(0, |run| run.from), runs.last().map_or(0, |run| run.to));
    stays.sort_by_key(|(number, runs)| (ends(runs).0, *number));
    // Up to which cell each line is taken, and whose it was last.
    let mut lines: Vec<(usize, usize)> = Vec::new();
    for (number, runs) in stays {
        let (from, to) = ends(&runs);
        // One may end and another begin within one cell.
        let is_free = |(until, _): &&(usize, usize)| *until <= from + 1;
        let own = lines.iter().position(|line| is_free(&line) && line.1 == number);
        let line = own.or_else(|| lines.iter().position(|line| is_free(&line))).unwrap_or(lines.len());
        if line == lines.len() {
            lines.push((to, number));
        } else {
            lines[line] = (to, number);
        }
        if let Some(band) = bands.get_mut(number) {
            band.stays.push(Stay { line, runs });
        }
    }
    (bands, lines.len().max(1))
}

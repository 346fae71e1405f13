//! What the reaper remembers from one check to the next: `idle-state.json`.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    kept::{self, Kept},
    standing::Standing,
    stopping::Stopping,
    track::{LATE_NOTICE, Track},
    waiting::{self, Waiting},
};
use crate::{
    detect::inventory::Extra,
    event::Counts,
    idle::{
        evidence::{ContainerFacts, Observation, Thresholds},
        habits::Habits,
    },
    model::{ContainerId, ContainerStatus, Now},
    text::quoted,
    units::millis,
};

/// The version that this program writes. A file with another one is not understood, and not overwritten.
pub const SCHEMA_VERSION: &str = "1";

/// The file's name within the state directory.
pub const FILE_NAME: &str = "idle-state.json";

/// So far apart, two checks are not two in a row.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The reaper's memory. Fields that this version does not know survive a round trip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdleState {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// How many checks there were: each has a number.
    pub checks: u64,
    /// The last check.
    pub last_check: Option<CheckMark>,
    /// Whether demand was high at the last check that could tell.
    pub high_demand: bool,
    /// Running GPU containers, by id.
    pub tracks: BTreeMap<ContainerId, Track>,
    /// Containers that do not run, by id.
    pub standing: BTreeMap<ContainerId, Standing>,
    /// Stops that a check began and has not reported yet, by id. One that is still here when the next check begins was
    /// begun by a check that was killed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stopping: BTreeMap<ContainerId, Stopping>,
    /// Containers that somebody asked to keep, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<ContainerId, Kept>,
    /// How often what was done and told.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub counts: Counts,
    /// Who is to be told when a GPU is free, in the order in which they asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// What containers and GPUs did over hours, for an admin to see what looks wrong. No rule asks it.
    #[serde(default, skip_serializing_if = "Habits::is_empty")]
    pub habits: Habits,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// When a check was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckMark {
    /// Wall clock.
    pub at: Timestamp,
    /// The boot.
    pub boot_id: String,
    /// Boot clock, in milliseconds.
    pub boot_ms: u64,
}

/// Why a state file is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is not the JSON that this version writes.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// Another version wrote it.
    #[error("written by another version: schema_version is {found}, this program reads {SCHEMA_VERSION}")]
    Version {
        /// Its `schema_version`, as JSON.
        found: String,
    },
}

impl Default for IdleState {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            checks: 0,
            last_check: None,
            high_demand: false,
            tracks: BTreeMap::new(),
            standing: BTreeMap::new(),
            stopping: BTreeMap::new(),
            kept: BTreeMap::new(),
            counts: Counts::default(),
            waiting: Vec::new(),
            habits: Habits::default(),
            extra: Extra::new(),
        }
    }
}

impl IdleState {
    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// [`StateError::Version`] when a sound JSON object says that another version wrote it, else [`StateError::Corrupt`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, StateError> {
        let corrupt = |error: serde_json::Error| StateError::Corrupt(quoted(&error));
        let value: Value = serde_json::from_slice(bytes).map_err(corrupt)?;
        match value.get("schema_version") {
            Some(version) if version != SCHEMA_VERSION => Err(StateError::Version { found: quoted(&version) }),
            _ => serde_json::from_value(value).map_err(corrupt),
        }
    }

    /// Only the containers that somebody asked to keep, of a file's bytes: for whoever shows them.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn kept_in(bytes: &[u8]) -> Result<BTreeMap<ContainerId, Kept>, StateError> {
        #[derive(Deserialize)]
        struct Part {
            schema_version: Value,
            #[serde(default)]
            kept: BTreeMap<ContainerId, Kept>,
        }

        let part: Part = serde_json::from_slice(bytes).map_err(|error| StateError::Corrupt(quoted(&error)))?;
        if part.schema_version != SCHEMA_VERSION {
            return Err(StateError::Version { found: quoted(&part.schema_version) });
        }
        Ok(part.kept)
    }

    /// The file's bytes.
    ///
    /// # Errors
    ///
    /// None that plain data of these types can cause; the signature is the serialiser's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Takes in observations of this boot, in any order and any number of times. `thresholds` says what holds for a
    /// container; one that it does not know is left out.
    pub fn observe<'a>(
        &mut self,
        boot_id: &str,
        observations: impl IntoIterator<Item = &'a Observation>,
        thresholds: impl Fn(&ContainerId) -> Option<Thresholds>,
    ) {
        let mut observations: Vec<&Observation> =
            observations.into_iter().filter(|observation| observation.boot_id == boot_id).collect();
        observations.sort_by_key(|observation| observation.boot_ms);
        for seen in observations {
            let Some(thresholds) = thresholds(&seen.container_id) else { continue };
            match self.tracks.get_mut(&seen.container_id) {
                Some(track) if track.last.same_life(seen) => track.observe(seen, &thresholds),
                // The last words of an earlier life, written down late.
                Some(track) if track.last.boot_id == seen.boot_id && seen.boot_ms < track.last.boot_ms => {}
                _ => {
                    self.tracks.insert(seen.container_id.clone(), Track::new(seen));
                }
            }
        }
    }

    /// After a pause without checks, as when the timer was off, rows of idle checks begin anew: who was warned before it is not
    /// stopped by the first check after it.
    pub(crate) fn break_rows(&mut self, now: &Now) {
        let mark = self.last_check.as_ref().filter(|mark| mark.boot_id == now.boot_id);
        if mark.is_none_or(|mark| now.since(mark.boot_ms) <= LONGEST_PAUSE) {
            return;
        }
        let soon = now.boot_ms.saturating_add(millis(LATE_NOTICE));
        for track in self.tracks.values_mut() {
            track.idle_checks = 0;
            if let Some(warning) = &mut track.warning {
                warning.not_before_boot_ms = warning.not_before_boot_ms.max(soon);
            }
        }
    }

    /// Remembers who asked to be told when a GPU is free, as far as there is room, and forgets whose time is over.
    pub(crate) fn remember_waiting(&mut self, asked: &[Waiting], now: Timestamp) {
        waiting::remember(&mut self.waiting, asked, now);
    }

    /// Lets the time pass for which containers are kept.
    pub(crate) fn advance_kept(&mut self, containers: &[ContainerFacts], now: &Now) {
        if !self.kept.is_empty() {
            kept::advance(&mut self.kept, &self.tracks, containers, now);
        }
    }

    /// Remembers that the life which is tracked was ended by this program.
    pub(crate) fn stopped_here(&mut self, id: &ContainerId, now: &Now) {
        let Some(track) = self.tracks.get(id) else { return };
        let standing = Standing {
            status: ContainerStatus::Running,
            started_at: Some(track.last.started_at),
            boot_id: now.boot_id.clone(),
            since_boot_ms: now.boot_ms,
            stopped_here: true,
            warning: None,
            extra: Extra::new(),
        };
        self.standing.insert(id.clone(), standing);
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;

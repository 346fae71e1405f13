//! What a line of the journal can be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::life::{Gone, Life};
use crate::{
    idle::evidence::{GpuMeasure, Observation},
    model::{Asked, ContainerId, Demand, KeepAlive},
};

/// The version of the lines that this program writes. Version 1 was an observation without a version, and is still read;
/// lines of later versions are skipped.
pub const VERSION: u32 = 2;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// What a running GPU container did.
    Seen(Observation),
    /// What a process with a GPU context did, outside of all containers that are listed.
    Process(ProcessSeen),
    /// Who has a GPU container and what it was given: when it is first seen, when anything of that changes, and once a day.
    Life(Life),
    /// GPU containers that are not listed any more.
    Gone(Gone),
    /// A check of the reaper.
    Check(CheckMade),
}

/// The same, to be written.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordRef<'a> {
    /// [`Record::Seen`].
    Seen(&'a Observation),
    /// [`Record::Process`].
    Process(&'a ProcessSeen),
    /// [`Record::Life`].
    Life(&'a Life),
    /// [`Record::Gone`].
    Gone(&'a Gone),
    /// [`Record::Check`].
    Check(&'a CheckMade),
}

/// A process with a GPU context outside of all listed containers, seen once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSeen {
    /// Wall clock.
    pub at: Timestamp,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Boot clock, in milliseconds, read before the sources were.
    pub boot_ms: u64,
    /// The pid as the host numbers it.
    pub pid: u32,
    /// Its start in clock ticks since boot: with pid and boot id, its identity.
    pub start_ticks: u64,
    /// Its user's name, or the uid in digits where the name service knows none.
    pub user: String,
    /// Its program's name, as the kernel keeps it. Users' text. Its command line can hold secrets, and is not written down.
    pub program: String,
    /// The time that its GPUs were asked about, in milliseconds until now, as far as it ran.
    pub held_ms: u64,
    /// What each of its GPUs did in that time.
    pub gpus: Vec<GpuMeasure>,
}

/// A check: what it was told beside what the journal holds, and what it did. With this, its decisions can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckMade {
    /// Wall clock.
    pub at: Timestamp,
    /// The boot.
    pub boot_id: String,
    /// Boot clock, in milliseconds.
    pub boot_ms: u64,
    /// Its number.
    pub check: u64,
    /// How many GPUs were given away. `None` when that could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
    /// What was found where keep-alive files were looked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keep_alive: BTreeMap<ContainerId, KeepAlive>,
    /// What users asked to keep, who may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Whose owners heard a warning at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ContainerId>,
    /// What was done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub done: BTreeMap<ContainerId, Deed>,
    /// Whether it was about some containers only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// What a check did about a container, or tried to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What.
    pub what: What,
    /// Whether it came about. A stop does not when the last look before shows another state of things, or when it fails.
    pub done: bool,
}

/// What a check can do about a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It warned of a stop for idleness.
    WarnedIdle,
    /// It warned of a stop for its run time.
    WarnedRuntime,
    /// It warned of a removal.
    WarnedRemoval,
    /// It stopped it for idleness.
    StoppedIdle,
    /// It stopped it for its run time.
    StoppedRuntime,
    /// It removed it.
    Removed,
}

impl What {
    /// Whether it is a stop.
    pub fn is_stop(self) -> bool {
        matches!(self, Self::StoppedIdle | Self::StoppedRuntime)
    }
}

impl RecordRef<'_> {
    /// Wall clock: it says in which day's file the line belongs.
    pub(super) fn at(self) -> Timestamp {
        match self {
            Self::Seen(one) => one.at,
            Self::Process(one) => one.at,
            Self::Life(one) => one.at,
            Self::Gone(one) => one.at,
            Self::Check(one) => one.at,
        }
    }

    /// The line, with its newline.
    pub(super) fn to_line(self) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            v: u32,
            #[serde(flatten)]
            record: RecordRef<'a>,
        }

        let mut line = serde_json::to_vec(&Line { v: VERSION, record: self })?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Record {
    /// Wall clock.
    pub fn at(&self) -> Timestamp {
        self.as_ref().at()
    }

    /// The boot, and its clock in milliseconds.
    pub fn boot(&self) -> (&str, u64) {
        match self {
            Self::Seen(one) => (&one.boot_id, one.boot_ms),
            Self::Process(one) => (&one.boot_id, one.boot_ms),
            Self::Life(one) => (&one.boot_id, one.boot_ms),
            Self::Gone(one) => (&one.boot_id, one.boot_ms),
            Self::Check(one) => (&one.boot_id, one.boot_ms),
        }
    }

    /// The same, to be written.
    pub fn as_ref(&self) -> RecordRef<'_> {
        match self {
            Self::Seen(one) => RecordRef::Seen(one),
            Self::Process(one) => RecordRef::Process(one),
            Self::Life(one) => RecordRef::Life(one),
            Self::Gone(one) => RecordRef::Gone(one),
            Self::Check(one) => RecordRef::Check(one),
        }
    }

    /// Reads a line. `None` for one that is torn, of a later version, or nothing that these programs wrote.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        // Neither a tag nor a flattened field: each makes serde keep the whole line in between.
        #[derive(Deserialize)]
        struct Line {
            v: u32,
            seen: Option<Observation>,
            process: Option<ProcessSeen>,
            life: Option<Life>,
            gone: Option<Gone>,
            check: Option<CheckMade>,
        }

        let versioned = || {
            let line: Line = serde_json::from_slice(line).ok().filter(|line: &Line| line.v == VERSION)?;
            let seen = line.seen.map(Self::Seen).or(line.process.map(Self::Process));
            seen.or(line.life.map(Self::Life)).or(line.gone.map(Self::Gone)).or(line.check.map(Self::Check))
        };
        // These programs write the version first; whoever copied lines may have put it elsewhere.
        let mut record = if line.starts_with(b"{\"v\":") {
            versioned()?
        } else {
            serde_json::from_slice(line).ok().map(Self::Seen).or_else(versioned)?
        };
        // A list is read with room for four, and of a hundred thousand lines most have one GPU.
        if let Self::Seen(Observation { gpus, .. }) | Self::Process(ProcessSeen { gpus, .. }) = &mut record {
            gpus.shrink_to_fit();
        }
        Some(record)
    }
}

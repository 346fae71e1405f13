//! What a line of the report is for.

use clap::ValueEnum;
use ds01_core::{ledger::Row, table::Shrink};

use crate::past::{Device, Past};

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Each user.
    User,
    /// Each group of the policy.
    Group,
    /// Each container, and each program that a user runs without one.
    Workload,
    /// Each GPU and MIG instance.
    Gpu,
    /// Each day.
    Day,
    /// Each type of container, and host processes.
    Type,
}

/// A column that says what a line is for.
#[derive(Debug)]
pub(crate) struct Field {
    /// In tables. `None` where only files have it.
    pub(crate) heading: Option<&'static str>,
    /// In CSV and JSON.
    pub(crate) machine: &'static str,
    /// How it gives way on a narrow terminal.
    pub(crate) shrink: Shrink,
}

/// What a line is for: one text for each field of its [`By`], and its place among others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// GPUs stand in their order, whatever they are called.
    device: Option<Device>,
    /// `None` is unknown. Users' text.
    pub(crate) texts: Vec<Option<String>>,
}

/// The shortest that a name is cut to before columns go, and after.
const NAME: Shrink = Shrink::Key { wanted: 20, least: 8 };

const fn field(heading: &'static str, machine: &'static str, shrink: Shrink) -> Field {
    Field { heading: Some(heading), machine, shrink }
}

static USER: [Field; 1] = [field("USER", "user", NAME)];
static GROUP: [Field; 1] = [field("GROUP", "group", NAME)];
static WORKLOAD: [Field; 3] = [
    field("WORKLOAD", "workload", NAME),
    field("USER", "user", Shrink::First(8)),
    field("TYPE", "type", Shrink::Optional(10)),
];
static GPU: [Field; 3] = [
    field("GPU", "gpu", Shrink::Never),
    field("MODEL", "model", Shrink::Spare { least: 10, rank: 10 }),
    Field { heading: None, machine: "uuid", shrink: Shrink::Never },
];
static DAY: [Field; 1] = [field("DAY", "day", Shrink::Never)];
static TYPE: [Field; 1] = [field("TYPE", "type", Shrink::Never)];

impl By {
    /// The columns that say what a line is for.
    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
            Self::Workload => &WORKLOAD,
            Self::Gpu => &GPU,
            Self::Day => &DAY,
            Self::Type => &TYPE,
        }
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Workload => "workload",
            Self::Gpu => "gpu",
            Self::Day => "day",
            Self::Type => "type",
        }
    }

    /// The same for people.
    pub(super) fn words(self) -> &'static str {
        if self == Self::Gpu { "GPU" } else { self.as_str() }
    }

    /// Whether lines stand in an order of their own, and not with the most hours first.
    pub(super) fn has_an_order(self) -> bool {
        matches!(self, Self::Gpu | Self::Day)
    }

    /// What the line of this row is for.
    pub(super) fn key(self, row: &Row, past: &Past) -> Key {
        let user = || row.who.user.clone();
        let kind = || Some(row.who.kind.as_str().to_owned());
        let device = matches!(self, Self::Gpu).then(|| past.devices.of(&row.gpu));
        let texts = match (self, &device) {
            (Self::User, _) => vec![user()],
            (Self::Group, _) => vec![past.group_of(row.who.user.as_deref())],
            (Self::Workload, _) => vec![Some(row.who.name.clone()), user(), kind()],
            (Self::Gpu, Some(device)) => gpu(device),
            (Self::Gpu, None) => vec![None, None, Some(row.gpu.clone())],
            (Self::Day, _) => vec![Some(row.day.to_string())],
            (Self::Type, _) => vec![kind()],
        };
        Key { device, texts }
    }
}

impl Key {
    /// The line of a GPU.
    pub(super) fn of_device(device: &Device) -> Self {
        Self { device: Some(device.clone()), texts: gpu(device) }
    }

    /// A line that has only this name.
    pub(super) fn named(name: String) -> Self {
        Self { device: None, texts: vec![Some(name)] }
    }
}

fn gpu(device: &Device) -> Vec<Option<String>> {
    vec![Some(device.label()), device.model.clone(), Some(device.uuid.clone())]
}

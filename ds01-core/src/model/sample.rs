//! What the GPU sampler saw in one span of time, as plain data and as a line of its file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ContainerId, Span};

/// What was done on this host's GPUs in one span of a few seconds.
///
/// The driver remembers seconds, and GPM compares two samples of one process: whoever comes every half minute sees a part of
/// the time. A sampler that stays sees all of it, and writes down what was done by whom while that can still be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// `/proc/sys/kernel/random/boot_id`: the boot clock is comparable within one boot only.
    pub boot_id: String,
    /// Boot clock at its beginning, in milliseconds.
    pub from_ms: u64,
    /// Boot clock at its end, in milliseconds.
    pub to_ms: u64,
    /// The GPUs that are not in MIG mode, and the MIG instances. One that the driver told nothing of is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceSpan>,
    /// The containers that used the CPU, of those that can use a GPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu: Vec<CpuShare>,
}

/// What was done on one GPU or MIG instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceSpan {
    /// Its UUID.
    pub uuid: String,
    /// For how much of the span, counted back from its end, the driver told of it, in milliseconds.
    pub covered_ms: u64,
    /// The highest figure of the whole GPU or instance in percent: of the driver's ring, or of GPM. `None` where there was
    /// neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Its mean in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_percent: Option<f64>,
    /// Who did it; an empty list is nobody. `None` where the driver tells of no processes, as of a MIG instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<Share>>,
}

/// What one container, or one process outside of any, did on a GPU.
///
/// In a line it is `[percent, pid]` of a process of the host, `[percent, ["ID"]]` of a container, and `[percent, [pid]]` of a
/// process of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ShareLine", into = "ShareLine")]
pub struct Share {
    /// Who.
    pub who: Who,
    /// In percent of the GPU's time, in the mean of what was covered. Of several processes of one container it is their sum,
    /// and at most 100.
    pub percent: u32,
}

/// Whose work it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The containers that the process runs in, the outermost first, by their short ids: one, but for Docker in Docker.
    Containers(Vec<String>),
    /// A process of the host, by its pid there.
    Process(u32),
    /// A process that was gone, or hid, before it could be looked at, by its pid on the host.
    Unknown(u32),
}

/// There can be a hundred in a line, and seventeen thousand lines in a day.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ShareLine {
    Process(u32, u32),
    Containers(u32, Vec<String>),
    Unknown(u32, [u32; 1]),
}

impl From<ShareLine> for Share {
    fn from(line: ShareLine) -> Self {
        let (percent, who) = match line {
            ShareLine::Process(percent, pid) => (percent, Who::Process(pid)),
            ShareLine::Containers(percent, ids) => (percent, Who::Containers(ids)),
            ShareLine::Unknown(percent, [pid]) => (percent, Who::Unknown(pid)),
        };
        Self { who, percent }
    }
}

impl From<Share> for ShareLine {
    fn from(Share { who, percent }: Share) -> Self {
        match who {
            Who::Process(pid) => Self::Process(percent, pid),
            Who::Containers(ids) => Self::Containers(percent, ids),
            Who::Unknown(pid) => Self::Unknown(percent, [pid]),
        }
    }
}

/// CPU time that a container used within a [`Sample`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuShare {
    /// The container's short id.
    pub container: String,
    /// Microseconds.
    pub us: u64,
}

impl Sample {
    /// Its span.
    pub fn span(&self) -> Span {
        Span { from_ms: self.from_ms, to_ms: self.to_ms }
    }

    /// The part of its span that the driver told of on `device`.
    pub fn covered(&self, device: &DeviceSpan) -> Span {
        let from_ms = self.to_ms.saturating_sub(device.covered_ms).max(self.from_ms);
        Span { from_ms, to_ms: self.to_ms }
    }

    /// CPU time of a container; `None` when it used none, or was not looked at.
    pub fn cpu_of(&self, id: &ContainerId) -> Option<Duration> {
        let share = self.cpu.iter().find(|share| share.container == id.short())?;
        Some(Duration::from_micros(share.us))
    }
}

impl Who {
    /// Whether it is this container, or a process in it.
    pub fn is_in(&self, id: &ContainerId) -> bool {
        matches!(self, Self::Containers(containers) if containers.iter().any(|container| container == id.short()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_and_comes_back_as_it_was() {
        let line = r#"{"boot_id":"b","from_ms":1000,"to_ms":6000,"devices":[{"uuid":"GPU-1","covered_ms":5000,"percent":97.0,"mean_percent":31.5,"shares":[[30,["0123456789ab"]],[1,7],[2,[8]]]},{"uuid":"MIG-1","covered_ms":4000,"percent":0.0}],"cpu":[{"container":"0123456789ab","us":1500}]}"#;
        let sample: Sample = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&sample).unwrap(), line);
        let id: ContainerId = format!("0123456789ab{}", "0".repeat(52)).parse().unwrap();
        let shares = sample.devices[0].shares.as_ref().unwrap();
        assert_eq!(shares.iter().map(|share| share.who.is_in(&id)).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(sample.cpu_of(&id), Some(Duration::from_micros(1500)));
        assert_eq!(sample.covered(&sample.devices[1]), Span { from_ms: 2000, to_ms: 6000 });
    }
}

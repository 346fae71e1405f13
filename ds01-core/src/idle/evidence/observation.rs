//! What was seen of one running GPU container at one moment.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::measure::GpuMeasure;
use crate::model::{ContainerId, Reading, RunningProcess, Unknown, UnknownKind};

/// CPU use over less than this is noise: a housekeeping thread's 30 ms are 3 % of one second.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// One container, seen once: a line of the activity journal.
///
/// It holds figures and counters, and no judgement: what they mean depends on a policy, which can be another one tomorrow.
/// Counters are cumulative, so that what happened between two observations is their difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Wall clock: for people, and for the name of the file. Nothing is computed from it.
    pub at: Timestamp,
    /// `/proc/sys/kernel/random/boot_id`: the boot clock and the counters are comparable within one boot only.
    pub boot_id: String,
    /// Boot clock (`CLOCK_BOOTTIME`) in milliseconds, read *before* the sources were: what begins while they are being
    /// read is then seen twice rather than never.
    pub boot_ms: u64,
    /// The full id.
    pub container_id: ContainerId,
    /// Its name. Users' text.
    pub name: String,
    /// `State.StartedAt`: with the id and the boot id, this names one life of the container.
    pub started_at: Timestamp,
    /// The time that its GPUs were asked about, in milliseconds until now: since the observation before, or since it was started.
    /// For so long it held what it was given. `None` in lines of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_ms: Option<u64>,
    /// What each of its GPUs did since the observation before, as far as the driver tells.
    pub gpus: Vec<GpuMeasure>,
    /// CPU time its cgroup used so far, in microseconds.
    pub cpu_us: Reading<u64>,
    /// The sampler's busiest span since the observation before. `None` where no sampler looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_burst: Option<CpuBurst>,
    /// Bytes received and sent so far in its network namespace. Unknown on the host's network.
    pub net_bytes: Reading<u64>,
    /// What its processes and terminals tell.
    #[serde(deserialize_with = "activity")]
    pub activity: Reading<ProcessActivity>,
}

/// CPU time that a container used within a few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuBurst {
    /// Microseconds.
    pub us: u64,
    /// In how many milliseconds.
    pub over_ms: u64,
}

impl CpuBurst {
    /// In percent of one core.
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    pub fn percent(self) -> f64 {
        self.us as f64 / (self.over_ms.max(1) as f64 * 10.0)
    }
}

impl Observation {
    /// Whether `other` saw the same life of the same container, within one boot.
    pub fn same_life(&self, other: &Self) -> bool {
        self.container_id == other.container_id && self.started_at == other.started_at && self.boot_id == other.boot_id
    }
}

/// What the processes and terminals of a container tell, from `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessActivity {
    /// The one that began last, of those that run and are somebody's work.
    pub newest: Option<StartedProcess>,
    /// Time of the last input of each terminal, in milliseconds on the wall clock: the access time of
    /// `/proc/PID/root/dev/pts/N`, by N. Only whether it changed is asked, as the wall clock can be set.
    pub terminals: BTreeMap<String, i64>,
}

/// Reads what a line has of it. To try one form after the other, serde would keep all of it in between, and a month has millions of
/// lines.
fn activity<'de, D: Deserializer<'de>>(from: D) -> Result<Reading<ProcessActivity>, D::Error> {
    #[derive(Deserialize)]
    struct Written {
        newest: Option<StartedProcess>,
        terminals: Option<BTreeMap<String, i64>>,
        unknown: Option<UnknownKind>,
        detail: Option<String>,
    }

    let Written { newest, terminals, unknown, detail } = Written::deserialize(from)?;
    match (terminals, unknown, detail) {
        (Some(terminals), ..) => Ok(Reading::Known(ProcessActivity { newest, terminals })),
        (None, Some(kind), Some(detail)) => Ok(Unknown { kind, detail }.into()),
        _ => Err(D::Error::custom("neither `terminals`, nor `unknown` with its `detail`")),
    }
}

/// A process that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedProcess {
    /// Boot clock at its start, in milliseconds.
    pub started_boot_ms: u64,
    /// Its program's name. Users' text.
    pub name: String,
}

/// Programs whose start says nothing: shells that scripts and `docker exec` open, and those that only wait.
const WAITING: [&str; 12] =
    ["sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "csh", "tcsh", "busybox", "sleep", "tail"];

impl ProcessActivity {
    /// From all processes that run in a container, and its terminals with their last input.
    pub fn of(processes: impl IntoIterator<Item = RunningProcess>, terminals: BTreeMap<String, i64>) -> Self {
        let newest = processes
            .into_iter()
            .filter(|running| !running.health_check && !WAITING.contains(&running.name.as_str()))
            .max_by_key(|running| running.started_boot_ms)
            .map(|running| StartedProcess { started_boot_ms: running.started_boot_ms, name: running.name });
        Self { newest, terminals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_waiters_and_health_checks_are_nobodys_work() {
        let running = |name: &str, started_boot_ms, health_check| RunningProcess {
            pid: 7,
            started_boot_ms,
            name: name.to_owned(),
            health_check,
        };
        let activity = |processes: &[RunningProcess]| ProcessActivity::of(processes.to_vec(), BTreeMap::new()).newest;
        let python = running("python3", 5, false);
        let found = Some(StartedProcess { started_boot_ms: 5, name: "python3".to_owned() });
        for waiting in WAITING {
            assert_eq!(activity(&[running(waiting, 9, false)]), None);
            assert_eq!(activity(&[python.clone(), running(waiting, 9, false)]), found);
        }
        assert_eq!(activity(&[running("curl", 9, true), python.clone()]), found);
        assert_eq!(activity(&[running("curl", 9, false), python]).unwrap().name, "curl");
    }

    #[test]
    fn a_line_keeps_what_is_known_and_why_the_rest_is_not() {
        let line = r#"{"at":"2026-03-02T12:00:00Z","boot_id":"b","boot_ms":90000,"container_id":"ID","name":"train","started_at":"2026-03-02T11:00:00Z","gpus":[{"gpu":"GPU-1","how":"own_processes","percent":0.0},{"gpu":"7","how":"unknown","why":"no GPU has index 7"}],"cpu_us":1500000,"net_bytes":{"unknown":"not_supported","detail":"on the host's network"},"activity":{"newest":{"started_boot_ms":7,"name":"python3"},"terminals":{"0":1772452800000}}}"#
            .replace("ID", &"ab".repeat(32));
        let observation: Observation = serde_json::from_str(&line).unwrap();
        assert_eq!(observation.cpu_us, Reading::Known(1_500_000));
        assert_eq!(observation.net_bytes.unknown().unwrap().to_string(), "not supported: on the host's network");
        assert_eq!(serde_json::to_string(&observation).unwrap(), line);

        let (begin, _) = line.split_once(r#","activity":"#).unwrap();
        let with = |activity: &str| serde_json::from_str::<Observation>(&format!(r#"{begin},"activity":{activity}}}"#));
        let gone = Unknown::new(UnknownKind::Gone, "no process");
        assert_eq!(with(r#"{"unknown":"gone","detail":"no process"}"#).unwrap().activity, Reading::Unknown(gone));
        for torn in ["{}", r#"{"unknown":"gone"}"#, r#"{"newest":null}"#, "7", "null"] {
            with(torn).unwrap_err();
        }
    }
}

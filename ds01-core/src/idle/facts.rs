//! The facts that a decision is made from, as plain data.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use rustix::param::clock_ticks_per_second;

use crate::{
    detect::{Origin, inventory::ContainerEntry},
    model::{ContainerId, ContainerStatus, Reading, Unknown, UnknownKind},
    policy::{ContainerType, Enforcement, Exemption, Monitoring, Policy, Resolved},
    source::{Clock, PathStat, SourceError},
    units::millis,
};

/// The moment of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// Wall clock.
    pub at: Timestamp,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Boot clock (`CLOCK_BOOTTIME`) in milliseconds.
    pub boot_ms: u64,
}

impl Now {
    /// What both clocks say, in the boot `boot_id`.
    pub fn read(clock: &dyn Clock, boot_id: &str) -> Self {
        Self { at: clock.now(), boot_id: boot_id.to_owned(), boot_ms: millis(clock.since_boot()) }
    }

    /// How long ago `boot_ms` was, in this boot; zero for the future.
    pub fn since(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(self.boot_ms.saturating_sub(boot_ms))
    }

    /// How long it is to `boot_ms`; zero for the past.
    pub fn until(&self, boot_ms: u64) -> Duration {
        Duration::from_millis(boot_ms.saturating_sub(self.boot_ms))
    }
}

/// What is known of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerFacts {
    /// The full id.
    pub id: ContainerId,
    /// Its name. Users' text.
    pub name: String,
    /// Its labels. Users' text.
    pub labels: BTreeMap<String, String>,
    /// How it came to be.
    pub origin: Origin,
    /// Its owner, when one could be named. Users' text.
    pub user: Option<String>,
    /// Whether it can use a GPU; `None` when that could not be read.
    pub has_gpu: Option<bool>,
    /// UUIDs of its GPUs and MIG instances.
    pub gpus: Vec<String>,
    /// Docker's word for its state.
    pub status: ContainerStatus,
    /// `State.StartedAt`.
    pub started_at: Option<Timestamp>,
    /// How long its main process has run, on the boot clock: boot time minus the start ticks of `/proc/PID/stat`. The wall
    /// clock is not asked, as it can be set.
    pub running_for: Reading<Duration>,
    /// `Config.StopTimeout`: the container's own grace.
    pub stop_timeout: Option<Duration>,
    /// Whether Docker removes it when it ends (`docker run --rm`).
    pub auto_remove: bool,
}

impl ContainerFacts {
    /// From an entry of the inventory; labels are for the caller to add.
    pub fn from_entry(entry: &ContainerEntry, now: &Now) -> Self {
        let began_ms = entry.pid_start_ticks.map(|ticks| ticks.saturating_mul(1000) / clock_ticks_per_second().max(1));
        let not_seen = || Unknown::new(UnknownKind::NotAsked, "the start of its main process").into();
        let own_grace = entry.config.as_ref().and_then(|config| config.stop_timeout_seconds);
        Self {
            id: entry.full_id.clone(),
            name: entry.name.clone(),
            labels: BTreeMap::new(),
            origin: entry.origin,
            user: (entry.user != crate::detect::UNKNOWN_USER).then(|| entry.user.clone()),
            has_gpu: entry.has_gpu,
            gpus: entry.gpus.clone(),
            status: entry.status.clone(),
            started_at: entry.started_at,
            running_for: began_ms.map_or_else(not_seen, |began| Reading::Known(now.since(began))),
            stop_timeout: own_grace.map(Duration::from_secs),
            auto_remove: entry.config.as_ref().is_some_and(|config| config.auto_remove),
        }
    }

    /// Its type in the policy.
    pub fn container_type(&self) -> ContainerType {
        self.origin.into()
    }
}

/// What the policy says of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerPolicy {
    /// Limits and rules, each with its place.
    pub resolved: Resolved,
    /// Exemptions of its owner that hold now.
    pub exemptions: Vec<Exemption>,
    /// Whom the platform protects.
    pub monitoring: Monitoring,
}

impl ContainerPolicy {
    /// What `policy` says of `facts` at `now`; the last day of an exemption ends in `zone`.
    pub fn of(policy: &Policy, facts: &ContainerFacts, now: Timestamp, zone: &TimeZone) -> Self {
        let user = facts.user.as_deref();
        let exemptions = user.map(|user| policy.exemptions_of(user, now, zone)).unwrap_or_default();
        Self {
            resolved: policy.resolve(user, facts.container_type()),
            exemptions: exemptions.into_iter().filter(|(_, holds)| *holds).map(|(one, _)| one.clone()).collect(),
            monitoring: policy.monitoring.clone(),
        }
    }

    /// The exemption from `enforcement`, when one holds.
    pub fn exemption(&self, enforcement: Enforcement) -> Option<&Exemption> {
        self.exemptions.iter().find(|exemption| exemption.exempt_from.contains(&enforcement))
    }
}

/// How many of the host's GPUs and MIG instances are given to running containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Given to at least one container.
    pub assigned: u64,
    /// All of them.
    pub total: u64,
}

impl Demand {
    /// Whether this is high demand: `threshold` of all, or more. A host without GPUs has none.
    pub fn is_high(self, threshold: Option<f64>) -> bool {
        // Counts of GPUs are far below what an f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "no host has 2^52 GPUs")]
        let share = self.assigned as f64 / self.total as f64;
        self.total > 0 && threshold.is_some_and(|threshold| share >= threshold)
    }
}

/// How far a keep-alive file may be dated ahead: clocks differ a little.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// What Docker's path stat told of the keep-alive file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepAlive {
    /// There is none.
    Absent,
    /// A regular file, last written at this time on the wall clock.
    File(Timestamp),
    /// A symbolic link, which could lead to a file that somebody else writes.
    Link,
    /// A directory.
    Directory,
    /// A FIFO, a socket or a device.
    Other,
    /// It could not be looked up, and this is why.
    Unreadable(String),
}

impl From<Result<PathStat, SourceError>> for KeepAlive {
    fn from(answer: Result<PathStat, SourceError>) -> Self {
        match answer {
            Ok(PathStat::Absent) => Self::Absent,
            Ok(PathStat::File(written)) => Self::File(written),
            Ok(PathStat::Link) => Self::Link,
            Ok(PathStat::Directory) => Self::Directory,
            Ok(PathStat::Other) => Self::Other,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// What a keep-alive file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// It holds off the idle stop, until this time; `None` is for as long as it lies there.
    Holds(Option<Timestamp>),
    /// Nobody can tell, so it is waited.
    CannotTell(String),
    /// There is one that does not count, and this is why.
    Refused(&'static str),
    /// There is none.
    None,
}

impl KeepAlive {
    /// What this file does at `now`, when one may be `longest` old; `None` is any age.
    pub fn keeping(&self, now: Timestamp, longest: Option<Duration>) -> Keeping {
        let written = match self {
            Self::Absent => return Keeping::None,
            Self::Link => return Keeping::Refused("it is a symbolic link; make it a regular file"),
            Self::Directory => return Keeping::Refused("it is a directory; make it a regular file"),
            Self::Other => return Keeping::Refused("it is neither file nor directory; make it a regular file"),
            Self::Unreadable(why) => return Keeping::CannotTell(why.clone()),
            Self::File(written) => *written,
        };
        let ahead = Duration::try_from(written.duration_since(now)).unwrap_or_default();
        let age = Duration::try_from(now.duration_since(written)).unwrap_or_default();
        match longest {
            _ if ahead > CLOCK_TOLERANCE => Keeping::Refused("it is dated in the future; touch it again"),
            Some(longest) if age > longest => Keeping::Refused("it is too old; touch it again"),
            // An end beyond what the clock can say is no end.
            Some(longest) => Keeping::Holds(written.checked_add(longest).ok()),
            None => Keeping::Holds(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_keep_alive_files_count() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let day = Some(Duration::from_secs(86_400));
        let at = |text: &str| KeepAlive::File(text.parse().unwrap());
        let holds = |file: KeepAlive, longest| matches!(file.keeping(now, longest), Keeping::Holds(_));
        assert!(holds(at("2026-03-02T12:00:00Z"), day));
        assert!(holds(at("2026-03-01T12:00:00Z"), day));
        assert!(!holds(at("2026-03-01T11:59:59Z"), day));
        assert!(holds(at("1970-01-01T00:00:00Z"), None));
        assert!(holds(at("2026-03-02T12:05:00Z"), day));
        assert!(!holds(at("2026-03-02T12:05:01Z"), day));
        assert!(!holds(at("2026-03-03T12:00:00Z"), None));
        assert!(matches!(KeepAlive::Link.keeping(now, day), Keeping::Refused(_)));
        assert!(matches!(KeepAlive::Directory.keeping(now, day), Keeping::Refused(_)));
        assert!(matches!(KeepAlive::Unreadable("x".into()).keeping(now, day), Keeping::CannotTell(_)));
        assert_eq!(KeepAlive::Absent.keeping(now, day), Keeping::None);
        let until = "2026-03-03T11:00:00Z".parse().unwrap();
        assert_eq!(at("2026-03-02T11:00:00Z").keeping(now, day), Keeping::Holds(Some(until)));
    }

    #[test]
    fn demand_is_high_from_the_threshold_on() {
        let demand = |assigned, total| Demand { assigned, total };
        assert!(demand(8, 10).is_high(Some(0.8)) && demand(4, 4).is_high(Some(1.0)));
        assert!(!demand(7, 10).is_high(Some(0.8)) && !demand(4, 4).is_high(None) && !demand(0, 0).is_high(Some(0.0)));
    }

    #[test]
    fn an_entry_tells_how_long_it_runs_by_the_boot_clock_and_what_grace_it_asks_for() {
        let json = include_str!("../../../fixtures/inventory-example.json");
        let inventory = crate::Inventory::from_json(json.as_bytes()).unwrap();
        let entry = inventory.containers.values().find(|entry| entry.pid_start_ticks.is_some()).unwrap();
        let now = Now { at: Timestamp::UNIX_EPOCH, boot_id: "b".to_owned(), boot_ms: 7_200_000 };
        let facts = |change: &dyn Fn(&mut ContainerEntry)| {
            let mut entry = entry.clone();
            entry.pid_start_ticks = Some(3600 * clock_ticks_per_second());
            change(&mut entry);
            ContainerFacts::from_entry(&entry, &now)
        };
        assert_eq!(facts(&|_| {}).running_for, Reading::Known(Duration::from_secs(3600)));
        assert_eq!(facts(&|entry| entry.pid_start_ticks = Some(u64::MAX)).running_for, Reading::Known(Duration::ZERO));
        let unseen = facts(&|entry| entry.pid_start_ticks = None).running_for;
        assert_eq!(unseen.unknown().unwrap().kind, UnknownKind::NotAsked, "never confirmed to be its process");

        let grace =
            |seconds| facts(&|entry| entry.config.get_or_insert_default().stop_timeout_seconds = seconds).stop_timeout;
        assert_eq!(grace(Some(90)), Some(Duration::from_secs(90)));
        assert_eq!(grace(Some(u64::MAX)), Some(Duration::from_secs(u64::MAX)), "for ever");
        assert_eq!((grace(None), facts(&|entry| entry.config = None).stop_timeout), (None, None));

        let removed = |set| facts(&|entry| entry.config.get_or_insert_default().auto_remove = set).auto_remove;
        assert_eq!(
            (removed(true), removed(false), facts(&|entry| entry.config = None).auto_remove),
            (true, false, false)
        );

        assert_eq!(facts(&|entry| entry.user = "alice".to_owned()).user.as_deref(), Some("alice"));
        assert_eq!(facts(&|entry| entry.user = crate::detect::UNKNOWN_USER.to_owned()).user, None);
    }
}

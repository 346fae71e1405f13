//! What is known of a container, whether it runs or not.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    detect::{Origin, UNKNOWN_USER, UserSource, inventory::ContainerEntry},
    model::{Called, ContainerId, ContainerStatus, EngineName, Now, Reading, Unknown, UnknownKind, boot_ms_at},
    policy::ContainerType,
};

/// What is known of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerFacts {
    /// The full id.
    pub id: ContainerId,
    /// Which engine holds it.
    pub engine: EngineName,
    /// Whether that engine answered. What is known of it otherwise is what it told before: nobody is judged by that.
    pub answered: bool,
    /// Its name. Users' text.
    pub name: String,
    /// Its labels. Users' text.
    pub labels: BTreeMap<String, String>,
    /// How it came to be.
    pub origin: Origin,
    /// Its image. Users' text.
    pub image: String,
    /// Its owner, when one could be named. Users' text.
    pub user: Option<String>,
    /// What says whose it is.
    pub user_source: UserSource,
    /// Its owner's user id, where that is known.
    pub user_uid: Option<u32>,
    /// Whether it can use a GPU; `None` when that could not be read.
    pub has_gpu: Option<bool>,
    /// UUIDs of its GPUs and MIG instances.
    pub gpus: Vec<String>,
    /// What of it could not be read, and why.
    pub problem: Option<String>,
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
        let own_grace = entry.config.as_ref().and_then(|config| config.stop_timeout_seconds);
        Self {
            id: entry.full_id.clone(),
            engine: entry.engine.clone(),
            answered: true,
            name: entry.name.clone(),
            labels: BTreeMap::new(),
            origin: entry.origin,
            image: entry.image.clone(),
            user: (entry.user != UNKNOWN_USER).then(|| entry.user.clone()),
            user_source: entry.user_source,
            user_uid: entry.user_uid,
            has_gpu: entry.has_gpu,
            gpus: entry.gpus.clone(),
            problem: entry.problem.clone(),
            status: entry.status.clone(),
            started_at: entry.started_at,
            running_for: Self::running_since(entry.pid_start_ticks.map(boot_ms_at), now),
            stop_timeout: own_grace.map(Duration::from_secs),
            auto_remove: entry.config.as_ref().is_some_and(|config| config.auto_remove),
        }
    }

    /// How long a container has run whose main process began at this time on the boot clock, in milliseconds; `None` is one of
    /// which that was not confirmed.
    pub(crate) fn running_since(began_boot_ms: Option<u64>, now: &Now) -> Reading<Duration> {
        let not_seen = || Unknown::new(UnknownKind::NotAsked, "the start of its main process").into();
        began_boot_ms.map_or_else(not_seen, |began| Reading::Known(now.since(began)))
    }

    /// What it is called.
    pub fn called(&self) -> Called<'_> {
        Called { name: &self.name, id: self.id.as_str(), engine: &self.engine }
    }

    /// Its owner, where its main process runs as that user: labels, variables and mounts are chosen by whoever makes a container.
    pub fn proven_user(&self) -> Option<&str> {
        self.user.as_deref().filter(|_| self.user_source == UserSource::ProcessUid)
    }

    /// Its type in the policy.
    pub fn container_type(&self) -> ContainerType {
        self.origin.into()
    }
}

#[cfg(test)]
mod tests {
    use rustix::param::clock_ticks_per_second;

    use super::*;

    #[test]
    fn an_entry_tells_how_long_it_runs_by_the_boot_clock_and_what_grace_it_asks_for() {
        let json = include_str!("../../../../fixtures/inventory-example.json");
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
        assert_eq!(facts(&|entry| entry.user = UNKNOWN_USER.to_owned()).user, None);
    }
}

//! What became of a container that does not run, or is gone: from the event log and the journal.

use ds01_core::{
    event::{EventLog, Logged},
    idle::{CheckOptions, ContainerFacts, ContainerPolicy, Journal, Observation, journal},
    model::{ContainerId, ContainerStatus},
    store::{Store, StoreError},
    table::Medium,
    text::sanitize,
};
use jiff::{Timestamp, tz::TimeZone};

use super::{answer::named, page::Page, time};
use crate::failure::Failure;

const IDLE_KILL: &str = "maintenance.idle_kill";
const RUNTIME_KILL: &str = "maintenance.runtime_kill";
const REMOVED: &str = "maintenance.container_removed";
const CLEANED_UP: &str = "maintenance.created_cleanup";

/// So many lines of the journal are searched for the last look at a container.
const MOST_LINES: usize = 100_000;

/// What is known of a life that is over.
#[derive(Default)]
pub(super) struct Past {
    /// What was logged about it, oldest first.
    events: Vec<Logged>,
    /// The last look at it while it ran.
    last_seen: Option<Observation>,
}

impl Past {
    /// Of a container that Docker still lists: what was logged since its last start.
    pub(super) fn of(options: &CheckOptions, facts: &ContainerFacts) -> Result<Self, Failure> {
        let since = facts.started_at.unwrap_or(Timestamp::MIN);
        let events = about(&options.events, since, |event| event.container_id() == Some(facts.id.as_str()))?;
        Ok(Self { events, last_seen: last_seen(options, &facts.id)? })
    }

    /// Of one that Docker does not list any more: the last that had this name, or an id that begins so. `None` when nothing
    /// was logged of any.
    pub(super) fn of_gone(options: &CheckOptions, name: &str) -> Result<Option<Self>, Failure> {
        let mut id: Option<String> = None;
        let events = about(&options.events, Timestamp::MIN, |event| {
            let Some(its) = event.container_id() else { return false };
            if id.is_none() && (event.container() == Some(name) || its.starts_with(name)) {
                id = Some(its.to_owned());
            }
            id.as_deref() == Some(its)
        })?;
        let id: Option<ContainerId> = id.and_then(|id| id.parse().ok());
        let Some(id) = id else { return Ok(None) };
        Ok(Some(Self { events, last_seen: last_seen(options, &id)? }))
    }

    /// The page about one that is gone.
    pub(super) fn page(&self, medium: Medium) -> String {
        let mut page = Page::new(medium);
        let zone = TimeZone::system();
        let last = self.events.last();
        let name = last.and_then(Logged::container).unwrap_or("?");
        let id = last.and_then(Logged::container_id).and_then(|id| id.get(..12)).unwrap_or("?");
        let owner = self.events.iter().rev().find_map(|event| event.user.as_deref()).unwrap_or("an unknown owner");
        page.head(&format!("{} ({}), of {}, is gone", sanitize(name), sanitize(id), sanitize(owner)));
        page.gap();
        page.head(&match self.ended_by_ds01() {
            Some(event) => ended_by_ds01(event, &zone),
            None => "Nothing in the log says that ds01 stopped or removed it.".to_owned(),
        });
        self.write_events(&mut page, &zone);
        page.into_text()
    }

    /// What became of one that Docker still lists.
    pub(super) fn ended(
        &self,
        page: &mut Page,
        facts: &ContainerFacts,
        policy: Option<&ContainerPolicy>,
        zone: &TimeZone,
    ) {
        page.head(&match (self.ended_by_ds01(), &facts.status) {
            (Some(event), _) => ended_by_ds01(event, zone),
            (None, ContainerStatus::Created) => "It was created, and never started.".to_owned(),
            (None, ContainerStatus::Exited) => {
                "Nothing in the log says that ds01 stopped it: it ended by itself, or somebody else stopped it."
                    .to_owned()
            }
            (None, status) => format!("It does not run: Docker says {status}."),
        });
        let limit = self.ended_by_ds01().and_then(|event| match event.event_type.as_str() {
            IDLE_KILL => Some("idle_timeout"),
            RUNTIME_KILL => Some("max_runtime"),
            _ => None,
        });
        if let (Some(limit), Some(policy)) = (limit, policy) {
            page.line(&format!("The limit in today's policy: {}.", named(policy, limit)));
        }
        self.write_events(page, zone);
        page.gap();
    }

    /// The last time that ds01 stopped or removed it.
    fn ended_by_ds01(&self) -> Option<&Logged> {
        // A removal tells less than the stop before it.
        let last = |kinds: [&str; 2]| self.events.iter().rev().find(|event| kinds.contains(&event.event_type.as_str()));
        last([IDLE_KILL, RUNTIME_KILL]).or_else(|| last([REMOVED, CLEANED_UP]))
    }

    fn write_events(&self, page: &mut Page, zone: &TimeZone) {
        if let Some(seen) = &self.last_seen {
            page.line(&format!("It was last seen running at {}.", time(seen.at, zone)));
        }
        for event in &self.events {
            page.item(&format!("{}  ", time(event.timestamp, zone)), &event.said());
        }
        if self.events.is_empty() {
            page.line("Nothing was logged about it.");
        }
    }
}

/// What ds01 did, why, and when.
fn ended_by_ds01(event: &Logged, zone: &TimeZone) -> String {
    let (what, evidence) = match event.event_type.as_str() {
        IDLE_KILL => ("ds01 stopped it for idleness", event.text("evidence")),
        RUNTIME_KILL => ("ds01 stopped it for its run time", None),
        CLEANED_UP => ("ds01 removed it, because it was never started", None),
        _ => ("ds01 removed it, because its hold was over", None),
    };
    let evidence = evidence.map(|evidence| format!(". What was seen: {}", sanitize(evidence))).unwrap_or_default();
    format!("{what}, {}{evidence}.", time(event.timestamp, zone))
}

/// What was logged since `since` of the container that `is_it` picks, oldest first; back to where it was discovered.
fn about(log: &EventLog, since: Timestamp, mut is_it: impl FnMut(&Logged) -> bool) -> Result<Vec<Logged>, Failure> {
    let mut events = Vec::new();
    log.read_back(|event, _| {
        let goes_on = event.timestamp >= since;
        let (is_it, is_first) = (is_it(&event), event.event_type == "detection.container_discovered");
        if is_it && goes_on {
            events.push(event);
        }
        goes_on && !(is_it && is_first)
    })
    .map_err(ds01_core::idle::CheckError::from)?;
    events.reverse();
    Ok(events)
}

fn last_seen(options: &CheckOptions, id: &ContainerId) -> Result<Option<Observation>, Failure> {
    let found = || {
        let store = Store::open_existing(&options.state_dir)?.open_existing_within(journal::DIR_NAME)?;
        Journal::from(store).last_of(id, MOST_LINES)
    };
    match found() {
        Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => Ok(other.map_err(ds01_core::idle::CheckError::from)?),
    }
}

//! What users dropped: what a check reads of it, what came of each, and what lies there still when somebody is to be stopped.

use std::{collections::BTreeMap, time::Duration};

use tracing::{info, warn};

use super::{
    checked::CheckOptions,
    drops::{Drops, Found, Listed, root_keep_dir},
    judge::{Host, NotGranted, Refused},
    waits,
};
use crate::{
    detect::Sources,
    duration::whole_seconds,
    event::{Details, Event},
    idle::{
        evidence::ContainerFacts,
        journal::Look,
        rules::{Asked, Case, Plan},
        state::Waiting,
    },
    model::{ContainerId, Now},
    text::sanitize,
};

/// How long a directory is looked through. Ten thousand files take a tenth of this.
const LISTING: Duration = Duration::from_secs(2);

/// The requests of one check.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Of those who may.
    pub(super) asked: Vec<Asked>,
    refused: Vec<Refused>,
    /// Who is to be told when a GPU is free.
    pub(super) waiting: Vec<Waiting>,
    drops: Vec<(Drops, Found)>,
}

impl Requests {
    /// Reads what was dropped. What goes wrong is told in `problems`, and what lies there is not read then.
    pub(super) fn read(options: &CheckOptions, sources: &Sources, look: &Look, problems: &mut Vec<String>) -> Self {
        let mut requests = Self::default();
        let listed = list(options, Drops::list, |error| {
            problems.push(format!("requests to keep containers are not read: {error}"));
        });
        problems.extend(listed.iter().filter(|one| one.listed.is_cut()).map(|one| one.drops.too_many()));
        if listed.is_empty() {
            return requests;
        }
        let host = Host::new(sources, look, None);
        for one in listed {
            let mut found = one.drops.read(one.listed, &host.owners(), look.now.at);
            let names = host.names(&found.dropped);
            found.dropped.retain(|dropped| match host.judge(dropped, &names, one.is_roots) {
                Err(NotGranted::Notice(request)) => {
                    let name = dropped.uid.and_then(|uid| names.get(&uid));
                    match waits::asked(dropped, &request, name) {
                        Ok(waiting) => requests.waiting.push(waiting),
                        Err(reason) => {
                            requests.refused.push(Refused { by: name.cloned(), container: None, id: None, reason })
                        }
                    }
                    true
                }
                Ok(granted) => {
                    requests.asked.push(granted);
                    true
                }
                Err(NotGranted::Refused(refused)) => {
                    requests.refused.push(refused);
                    true
                }
                Err(NotGranted::Later) => false,
            });
            requests.drops.push((one.drops, found));
        }
        requests
    }

    /// Whether an answer to the warning lies there that no check has read, and why the container of `case` is left then.
    /// Nothing is removed: the next check reads it.
    pub(super) fn unread(
        options: &CheckOptions,
        sources: &Sources,
        look: &Look,
        case: &Case<'_>,
        now: &Now,
    ) -> Option<String> {
        // What can't be read at all was said when the check began, and keeps nobody.
        let listed = list(options, Drops::peek, drop);
        if listed.is_empty() {
            return None;
        }
        let host = Host::new(sources, look, Some(case.facts));
        let most = case.policy.resolved.rules.keep_max.value;
        for one in listed {
            if one.listed.is_cut() {
                return Some(one.drops.too_many());
            }
            let found = one.drops.read(one.listed, &host.owners(), now.at);
            let names = host.names(&found.dropped);
            for dropped in &found.dropped {
                match host.judge(dropped, &names, one.is_roots) {
                    Ok(asked)
                        if asked.id == case.facts.id && asked.granted(case.kept, most, case.facts, now).is_ok() =>
                    {
                        return Some(format!("{} asked to keep it just now", sanitize(&asked.by)));
                    }
                    Err(NotGranted::Later) => {
                        return Some("whether its owner asked to keep it can't be told".to_owned());
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// The events of what came of them, once that is written down.
    pub(super) fn events(&self, plan: &Plan, look: &Look) -> Vec<Event> {
        let facts: BTreeMap<&ContainerId, &ContainerFacts> =
            look.containers.iter().map(|facts| (&facts.id, facts)).collect();
        let answered = self.asked.iter().zip(&plan.answers).map(|(asked, answer)| {
            let facts = facts.get(&asked.id);
            let name = facts.map_or_else(|| asked.id.short().to_owned(), |facts| facts.name.clone());
            let owner = facts.and_then(|facts| facts.user.clone());
            let engine = facts.map(|facts| facts.engine.clone()).unwrap_or_default();
            let details = match answer {
                Ok(kept) => Details::Kept {
                    container: name,
                    container_id: asked.id.clone(),
                    by: kept.by.clone(),
                    until: kept.until(),
                    left_seconds: kept.left().unwrap_or_default().as_secs(),
                    why: kept.why.clone(),
                },
                Err(reason) => Details::KeepRefused {
                    container: Some(name),
                    container_id: Some(asked.id.clone()),
                    by: Some(asked.by.clone()),
                    reason: reason.clone(),
                },
            };
            Event { timestamp: look.now.at, user: owner, engine, details }
        });
        let refused = self.refused.iter().map(|one| Event {
            timestamp: look.now.at,
            user: one.by.clone(),
            engine: one.id.as_ref().map(|id| look.engine_of(id)).unwrap_or_default(),
            details: Details::KeepRefused {
                container: one.container.clone(),
                container_id: one.id.clone(),
                by: one.by.clone(),
                reason: one.reason.clone(),
            },
        });
        answered.chain(refused).collect()
    }

    /// Removes the files, once what they asked is written down: a check that is killed before that reads them again.
    pub(super) fn remove(&self, problems: &mut Vec<String>) {
        for (drops, found) in &self.drops {
            if let Err(error) = drops.remove(found) {
                problems.push(format!("requests to keep containers can't be removed: {error}"));
            }
        }
    }
}

/// What lies in one directory.
struct InDir {
    drops: Drops,
    listed: Listed,
    is_roots: bool,
}

/// What lies in both: users' requests, and root's. One in which there is nothing is left out.
fn list(
    options: &CheckOptions,
    look: impl Fn(&Drops, Duration) -> Result<Listed, String>,
    mut failed: impl FnMut(String),
) -> Vec<InDir> {
    let mut all = Vec::new();
    for (dir, is_roots) in [(options.keep_dir.clone(), false), (root_keep_dir(&options.state_dir), true)] {
        let opened = Drops::open(&dir).map(|drops| drops.map(|drops| (look(&drops, LISTING), drops)));
        match opened {
            Ok(None) => {}
            Ok(Some((Ok(listed), drops))) => all.push(InDir { drops, listed, is_roots }),
            Ok(Some((Err(error), _))) | Err(error) => failed(error),
        }
    }
    all.retain(|one| !one.listed.is_empty());
    all
}

/// Says in the journal of the system what came of requests.
pub(super) fn say(events: &[Event]) {
    for event in events {
        match &event.details {
            Details::Kept { container, by, left_seconds, .. } => {
                let span = whole_seconds(Duration::from_secs(*left_seconds));
                info!("container {}: kept by {} for {span}", sanitize(container), sanitize(by));
            }
            Details::KeepRefused { container, by, reason, .. } => warn!(
                "a request of {} to keep {} is refused: {}",
                by.as_deref().map_or("somebody".into(), sanitize),
                container.as_deref().map_or("a container".into(), sanitize),
                sanitize(reason)
            ),
            _ => {}
        }
    }
}

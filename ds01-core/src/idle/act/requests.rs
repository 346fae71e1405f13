//! What users dropped, held against the host: which container is meant, and whether it is theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    checked::{CheckError, CheckOptions},
    drops::{Dropped, Drops, Found, Listed, root_keep_dir},
};
use crate::{
    deadline::one_by_one,
    detect::{Sources, mounted_home},
    duration::whole_seconds,
    event::{Details, Event},
    idle::{
        evidence::ContainerFacts,
        journal::Look,
        rules::{Asked, LONGEST_WHY, Owner, Plan, may_keep},
    },
    model::{ContainerId, Reading},
    text::sanitize,
};

/// How long the directory is looked through. Ten thousand files take a tenth of this.
const LISTING: Duration = Duration::from_secs(2);

/// What one name, or one process, may take.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// And all of them together.
const ALL_AT_MOST: Duration = Duration::from_secs(5);

/// The requests of one check.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Of those who may.
    pub(super) asked: Vec<Asked>,
    refused: Vec<Refused>,
    drops: Vec<(Drops, Found)>,
}

/// A request that is not granted.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    by: Option<String>,
    /// As it was asked for, or the container's own name.
    container: Option<String>,
    id: Option<ContainerId>,
    reason: String,
}

impl Requests {
    /// Reads what was dropped. What goes wrong is told in `problems`, and what lies there is not read then.
    pub(super) fn read(options: &CheckOptions, sources: &Sources, look: &Look, problems: &mut Vec<String>) -> Self {
        let mut requests = Self::default();
        let root_dir = root_keep_dir(&options.state_dir);
        let mut listed = Vec::new();
        for (dir, is_roots) in [(&options.keep_dir, false), (&root_dir, true)] {
            match list(dir) {
                Ok(found) => listed.extend(found.map(|(drops, found)| (drops, found, is_roots))),
                Err(error) => problems.push(format!("requests to keep containers are not read: {error}")),
            }
        }
        if listed.is_empty() {
            return requests;
        }
        let host = Host::new(sources, look);
        for (drops, listed, is_roots) in listed {
            let found = drops.read(listed, &host.owners(), look.now.at);
            let names = host.names(&found.dropped);
            for dropped in &found.dropped {
                let name = |uid| names.get(&uid).cloned().unwrap_or_else(|| uid.to_string());
                let by = if is_forged(dropped, is_roots) { None } else { dropped.uid.map(name) };
                match host.judge(dropped, by, is_roots) {
                    Ok(one) => requests.asked.push(one),
                    Err(one) => requests.refused.push(one),
                }
            }
            requests.drops.push((drops, found));
        }
        requests
    }

    /// The events of what came of them, once that is written down.
    pub(super) fn events(&self, plan: &Plan, look: &Look) -> Vec<Event> {
        let facts: BTreeMap<&ContainerId, &ContainerFacts> =
            look.containers.iter().map(|facts| (&facts.id, facts)).collect();
        let answered = self.asked.iter().zip(&plan.answers).map(|(asked, answer)| {
            let facts = facts.get(&asked.id);
            let name = facts.map_or_else(|| asked.id.short().to_owned(), |facts| facts.name.clone());
            let owner = facts.and_then(|facts| facts.user.clone());
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
            Event { timestamp: look.now.at, user: owner, details }
        });
        let refused = self.refused.iter().map(|one| Event {
            timestamp: look.now.at,
            user: one.by.clone(),
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

/// What lies in `dir`; `None` for nothing.
fn list(dir: &Path) -> Result<Option<(Drops, Listed)>, String> {
    let Some(drops) = Drops::open(dir)? else { return Ok(None) };
    let listed = drops.list(LISTING).map_err(|error| format!("{}: {error}", dir.display()))?;
    Ok((!listed.is_empty()).then_some((drops, listed)))
}

/// Whether a file of root's lies where anybody could have put it.
fn is_forged(dropped: &Dropped, is_roots: bool) -> bool {
    !is_roots && dropped.uid == Some(0)
}

/// The running GPU containers, and who their owners are.
struct Host<'a> {
    sources: &'a Sources,
    look: &'a Look,
    running: Vec<&'a ContainerFacts>,
    /// The user ids of their owners' names.
    ids: BTreeMap<String, u32>,
    end: Instant,
}

impl<'a> Host<'a> {
    fn new(sources: &'a Sources, look: &'a Look) -> Self {
        let running: Vec<&ContainerFacts> =
            look.containers.iter().filter(|facts| facts.status.is_up() && facts.has_gpu == Some(true)).collect();
        let end = Instant::now() + ALL_AT_MOST;
        let owners: BTreeSet<String> = running.iter().filter_map(|facts| facts.user.clone()).collect();
        let source = Arc::clone(&sources.processes);
        let found = one_by_one("user ids", owners, ONE_AT_MOST, end, move |name| source.user_id(name));
        // A user whom the name service does not know is named by his number.
        let id = |name: &str, answer: Option<Reading<u32>>| {
            answer.and_then(|id| id.known().copied()).or_else(|| name.parse().ok())
        };
        let ids =
            found.into_iter().filter_map(|(name, answer)| Some((name.clone(), id(&name, answer.ok())?))).collect();
        Self { sources, look, running, ids, end }
    }

    fn owners(&self) -> BTreeSet<u32> {
        self.ids.values().copied().collect()
    }

    /// The names of those who ask.
    fn names(&self, dropped: &[Dropped]) -> BTreeMap<u32, String> {
        let uids: BTreeSet<u32> = dropped.iter().filter_map(|dropped| dropped.uid).collect();
        let source = Arc::clone(&self.sources.processes);
        let names = one_by_one("names", uids, ONE_AT_MOST, self.end, move |uid| source.user_name(*uid));
        names.into_iter().filter_map(|(uid, name)| Some((uid, name.ok()?.known()?.clone()))).collect()
    }

    fn judge(&self, dropped: &Dropped, by: Option<String>, is_roots: bool) -> Result<Asked, Refused> {
        let refused = |container, id, reason| Refused { by: by.clone(), container, id, reason };
        if is_forged(dropped, is_roots) {
            let why = "a file of root's lies where users drop theirs: nobody knows who put it there";
            return Err(refused(None, None, why.to_owned()));
        }
        let request = dropped.request.as_ref().map_err(|why| refused(None, None, why.clone()))?;
        let asked_for = Some(sanitize(&request.container).chars().take(LONGEST_WHY).collect());
        let facts = match self.meant(&request.container) {
            Ok(facts) => facts,
            Err(CheckError::Ambiguous(_)) => {
                return Err(refused(
                    asked_for,
                    None,
                    "several running GPU containers have ids that begin so".to_owned(),
                ));
            }
            Err(_) => {
                return Err(refused(asked_for, None, "there is no running GPU container of this name".to_owned()));
            }
        };
        // Without an owner of the file, nobody asks.
        let uid = dropped.uid.ok_or_else(|| refused(asked_for, None, "nobody asks".to_owned()))?;
        may_keep(uid, &self.owner(facts))
            .map_err(|why| refused(Some(facts.name.clone()), Some(facts.id.clone()), why))?;
        Ok(Asked {
            id: facts.id.clone(),
            uid,
            by: by.unwrap_or_default(),
            span: Duration::from_secs(request.seconds.min(crate::duration::LONGEST.as_secs())),
            at: dropped.at,
            why: request.why.clone(),
        })
    }

    /// The running GPU container of this name, id, or beginning of an id.
    fn meant(&self, name: &str) -> Result<&'a ContainerFacts, CheckError> {
        if let Some(facts) = self.running.iter().find(|facts| facts.name == name) {
            return Ok(facts);
        }
        let mut by_id = self.running.iter().filter(|facts| !name.is_empty() && facts.id.as_str().starts_with(name));
        match (by_id.next(), by_id.next()) {
            (Some(facts), None) => Ok(facts),
            (Some(_), Some(_)) => Err(CheckError::Ambiguous(name.to_owned())),
            (None, _) => Err(CheckError::NoSuchContainer(name.to_owned())),
        }
    }

    fn owner(&self, facts: &'a ContainerFacts) -> Owner<'a> {
        let entry = self.look.inventory.containers.get(facts.id.short()).filter(|entry| entry.full_id == facts.id);
        let user = facts.user.as_deref();
        let uid = user.and_then(|user| self.ids.get(user).copied());
        let home = entry.and_then(|entry| mounted_home(entry.config.as_ref()));
        let main_uid = entry.and_then(|entry| entry.pid).and_then(|pid| self.main_uid(pid, &facts.id));
        // Where something else speaks for him, or nobody is named, they are not looked at.
        let matters = uid.is_some() && main_uid != uid && home.is_none();
        Owner {
            user,
            source: entry.map_or(crate::detect::UserSource::Unknown, |entry| entry.user_source),
            uid,
            home,
            directories: if matters { self.owner_of_directories(&facts.id) } else { None },
            main_uid,
        }
    }

    /// To whom the directories belong that are mounted into it and are not root's, where they agree.
    fn owner_of_directories(&self, id: &ContainerId) -> Option<u32> {
        let paths: BTreeSet<String> = self.look.bind_sources(id).iter().cloned().collect();
        let source = Arc::clone(&self.sources.processes);
        let mut answers =
            one_by_one("mounts", paths.clone(), ONE_AT_MOST, self.end, move |path| source.directory_owner(path));
        let mut owners = BTreeSet::new();
        for path in &paths {
            let owner = *answers.remove(path)?.ok()?.known()?;
            owners.extend(owner.filter(|uid| *uid != 0));
        }
        owners.first().copied().filter(|_| owners.len() == 1)
    }

    /// As whom the process runs, if it is this container's.
    fn main_uid(&self, pid: u32, id: &ContainerId) -> Option<u32> {
        let source = Arc::clone(&self.sources.processes);
        let mut answers = one_by_one("proc", [pid], ONE_AT_MOST, self.end, move |pid| source.process(*pid));
        let process = answers.remove(&pid)?.ok()?.ok()?;
        process.containers.known().is_some_and(|ids| ids.contains(id)).then_some(process.uid)
    }
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

//! A request to keep a container, held against the host: which is meant, and whether it is theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use super::drops::{Dropped, Owners, Request};
use crate::{
    deadline::one_by_one,
    detect::{Sources, mounted_home},
    idle::{
        evidence::ContainerFacts,
        journal::Look,
        rules::{Asked, LONGEST_WHY, Owner, may_keep},
    },
    model::{ContainerId, NotMeant, Reading, Unknown, UnknownKind, meant},
    source::ProcessError,
    text::sanitize,
};

/// What one name, or one process, may take.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// And all names together, and all processes.
const ALL_AT_MOST: Duration = Duration::from_secs(5);

/// Why a request is not granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotGranted {
    Refused(Refused),
    /// It asks for no container, but to be told when a GPU is free.
    Notice(Box<Request>),
    /// It can't be told yet. The file stays for the next check.
    Later,
}

/// A request that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) by: Option<String>,
    /// As it was asked for, or the container's own name.
    pub(super) container: Option<String>,
    pub(super) id: Option<ContainerId>,
    pub(super) reason: String,
}

/// The running GPU containers, and who their owners are.
pub(super) struct Host<'a> {
    sources: &'a Sources,
    look: &'a Look,
    running: Vec<&'a ContainerFacts>,
    main_uids: BTreeMap<ContainerId, Reading<Option<u32>>>,
    /// The user ids of their owners' names.
    ids: BTreeMap<String, u32>,
    end: Instant,
}

impl<'a> Host<'a> {
    /// Asks after the owners of all running GPU containers, or of `only` one.
    pub(super) fn new(sources: &'a Sources, look: &'a Look, only: Option<&ContainerFacts>) -> Self {
        let running: Vec<&ContainerFacts> =
            look.containers.iter().filter(|facts| facts.status.is_up() && facts.has_gpu == Some(true)).collect();
        let about: Vec<&ContainerFacts> =
            running.iter().copied().filter(|facts| only.is_none_or(|only| only.id == facts.id)).collect();
        // First, and in a time of its own: a name service that hangs takes nothing from it.
        let main_uids = main_uids(sources, look, &about);
        let end = Instant::now() + ALL_AT_MOST;
        let owners: BTreeSet<String> = about.iter().filter_map(|facts| facts.user.clone()).collect();
        let source = Arc::clone(&sources.processes);
        let found = one_by_one("user ids", owners, ONE_AT_MOST, end, move |name| source.user_id(name));
        // A user whom the name service does not know is named by his number.
        let id = |name: &str, answer: Option<Reading<u32>>| {
            answer.and_then(|id| id.known().copied()).or_else(|| name.parse().ok())
        };
        let ids =
            found.into_iter().filter_map(|(name, answer)| Some((name.clone(), id(&name, answer.ok())?))).collect();
        Self { sources, look, running, main_uids, ids, end }
    }

    /// The user ids of those who own something; `None` while not all could be had.
    pub(super) fn owners(&self) -> Owners {
        let named = self.running.iter().filter_map(|facts| facts.user.as_deref());
        Owners {
            uids: self.ids.values().copied().chain(self.main_uids.values().filter_map(|uid| *uid.known()?)).collect(),
            are_all: named.clone().all(|user| self.ids.contains_key(user)),
        }
    }

    /// The names of those who ask.
    pub(super) fn names(&self, dropped: &[Dropped]) -> BTreeMap<u32, String> {
        let uids: BTreeSet<u32> = dropped.iter().filter_map(|dropped| dropped.uid).collect();
        let source = Arc::clone(&self.sources.processes);
        let names = one_by_one("names", uids, ONE_AT_MOST, self.end, move |uid| source.user_name(*uid));
        names.into_iter().filter_map(|(uid, name)| Some((uid, name.ok()?.known()?.clone()))).collect()
    }

    /// Whether what was dropped is granted, as far as whose the container is.
    pub(super) fn judge(
        &self,
        dropped: &Dropped,
        names: &BTreeMap<u32, String>,
        is_roots: bool,
    ) -> Result<Asked, NotGranted> {
        // A file of root's lies where anybody could have put it.
        let is_forged = !is_roots && dropped.uid == Some(0);
        let name = dropped.uid.and_then(|uid| names.get(&uid));
        let by = dropped.uid.filter(|_| !is_forged).map(|uid| name.cloned().unwrap_or_else(|| uid.to_string()));
        let refused = |container, id, reason| NotGranted::Refused(Refused { by: by.clone(), container, id, reason });
        if is_forged {
            let why = "a file of root's lies where users drop theirs: nobody knows who put it there";
            return Err(refused(None, None, why.to_owned()));
        }
        let request = dropped.request.as_ref().map_err(|why| refused(None, None, why.clone()))?;
        if request.wait.is_some() {
            return Err(NotGranted::Notice(Box::new(request.clone())));
        }
        let asked_for = Some(sanitize(&request.container).chars().take(LONGEST_WHY).collect());
        let running = self.running.iter().copied();
        let meant = meant(running, &request.container, ContainerFacts::called);
        let facts = match meant {
            Ok(facts) => facts,
            Err(NotMeant::Several) => {
                let why = "several running GPU containers can be meant: give the id, or the engine with the name, as in podman/train";
                return Err(refused(asked_for, None, why.to_owned()));
            }
            Err(NotMeant::Nobody) => {
                return Err(refused(asked_for, None, "there is no running GPU container of this name".to_owned()));
            }
        };
        // Without an owner of the file, nobody asks.
        let uid = dropped.uid.ok_or_else(|| refused(asked_for, None, "nobody asks".to_owned()))?;
        let owner = self.owner(facts);
        if let Err(why) = may_keep(uid, &owner) {
            return Err(if self.can_tell_yet(facts, &owner, name) || !dropped.may_wait {
                refused(Some(facts.name.clone()), Some(facts.id.clone()), why)
            } else {
                NotGranted::Later
            });
        }
        Ok(Asked {
            id: facts.id.clone(),
            uid,
            by: by.unwrap_or_default(),
            span: Duration::from_secs(request.seconds.min(crate::duration::LONGEST.as_secs())),
            at: dropped.at,
            why: request.why.clone(),
        })
    }

    /// Whether all is known that can speak for somebody of this name, if he has one.
    fn can_tell_yet(&self, facts: &ContainerFacts, owner: &Owner<'_>, name: Option<&String>) -> bool {
        let unnamed = owner.uid.is_none() && owner.user.is_some_and(|user| name.is_none_or(|name| name == user));
        owner.engine.is_some() || !unnamed && self.main_uids.get(&facts.id).is_none_or(|uid| uid.known().is_some())
    }

    fn owner(&self, facts: &'a ContainerFacts) -> Owner<'a> {
        let entry = self.look.inventory.container(&facts.id);
        let user = facts.user.as_deref();
        let uid = user.and_then(|user| self.ids.get(user).copied());
        let home = entry.and_then(|entry| mounted_home(entry.config.as_ref()));
        let main_uid = self.main_uids.get(&facts.id).and_then(|uid| *uid.known()?);
        // Where something else speaks for him, or nobody is named, they are not looked at.
        let engine = facts.engine.owner();
        let matters = engine.is_none() && uid.is_some() && main_uid != uid && home.is_none();
        Owner {
            user,
            source: entry.map_or(crate::detect::UserSource::Unknown, |entry| entry.user_source),
            uid,
            home,
            directories: if matters { self.owner_of_directories(&facts.id) } else { None },
            engine,
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
}

/// As whom their main processes run; `None` for a process that has ended, or is another container's by now.
fn main_uids(
    sources: &Sources,
    look: &Look,
    containers: &[&ContainerFacts],
) -> BTreeMap<ContainerId, Reading<Option<u32>>> {
    let pid_of = |facts: &ContainerFacts| {
        let entry = look.inventory.container(&facts.id);
        Some((facts.id.clone(), entry?.pid?))
    };
    let pids: BTreeMap<ContainerId, u32> = containers.iter().filter_map(|facts| pid_of(facts)).collect();
    let source = Arc::clone(&sources.processes);
    let end = Instant::now() + ALL_AT_MOST;
    let asked: BTreeSet<u32> = pids.values().copied().collect();
    let answers = one_by_one("proc", asked, ONE_AT_MOST, end, move |pid| source.process(*pid));
    let uid = |id: &ContainerId, pid: u32| match answers.get(&pid) {
        Some(Ok(Ok(process))) => process.containers.as_ref().map(|ids| ids.contains(id).then_some(process.uid)),
        Some(Ok(Err(ProcessError::Gone { .. }))) => Reading::Known(None),
        Some(Ok(Err(error))) => Unknown::new(UnknownKind::Failed, error.to_string()).into(),
        Some(Err(error)) => Unknown::new(UnknownKind::TimedOut, error.to_string()).into(),
        None => Unknown::new(UnknownKind::NotAsked, "its main process").into(),
    };
    pids.iter().map(|(id, pid)| (id.clone(), uid(id, *pid))).collect()
}

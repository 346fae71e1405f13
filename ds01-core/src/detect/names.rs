//! What a user id is called: what the name service says, and where it says nothing, or something else, what it said before.
//!
//! A process and the life of a container go on being called what they were first called: a number that is somebody else's by
//! now, or a name service that gives another user's name for a while, makes nobody the owner of what another one started. What is
//! not said any more is marked with the time when it last was.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::{
    inventory::{ContainerEntry, Inventory, ProcessEntry},
    owner::{UNKNOWN_USER, UserSource},
};
use crate::{
    model::{Reading, Remembered, Unknown, UnknownKind},
    text::sanitize,
};

/// The longest name, in bytes: what Linux and directory servers allow at most.
const LONGEST: usize = 256;

/// What the name service said at one scan.
#[derive(Debug, Clone, Default)]
pub struct SeenUsers {
    /// Names by user id; none of an id that was not asked about.
    pub names: HashMap<u32, Reading<String>>,
    /// User ids by name: of owners that labels name, and of names that are new for their id.
    pub ids: HashMap<String, Reading<u32>>,
}

impl SeenUsers {
    /// Whether the name service says that this name is this user's.
    fn is_name_of(&self, name: &str, uid: u32) -> bool {
        self.ids.get(name).and_then(Reading::known) == Some(&uid)
    }

    /// Whether it says that this name is another user's.
    fn is_anothers(&self, name: &str, uid: u32) -> bool {
        self.ids.get(name).and_then(Reading::known).is_some_and(|other| *other != uid)
    }

    fn name(&self, uid: u32) -> Option<&str> {
        self.names.get(&uid)?.known().map(String::as_str)
    }
}

/// A name that was said at an earlier scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known<'a> {
    name: &'a str,
    remembered: Option<&'a Remembered>,
    scanned: Option<Timestamp>,
}

impl<'a> Known<'a> {
    /// What a container's owner was called at the scan before, where its main process ran as this user.
    pub(super) fn of_container(entry: &'a ContainerEntry, uid: u32, scanned: Option<Timestamp>) -> Option<Self> {
        // Inventories of versions before that field have the id of the main process alone.
        let was = entry.user_uid.or(entry.main_uid);
        let is_his = entry.user_source == UserSource::ProcessUid && was == Some(uid) && entry.user != uid.to_string();
        is_his.then(|| Self { name: &entry.user, remembered: entry.user_remembered.as_ref(), scanned })
    }

    /// What a process's user was called at the scan before.
    pub(super) fn of_process(entry: &'a ProcessEntry, uid: u32, scanned: Option<Timestamp>) -> Option<Self> {
        let is_named = entry.uid == uid && entry.user != uid.to_string();
        is_named.then(|| Self { name: &entry.user, remembered: entry.user_remembered.as_ref(), scanned })
    }

    /// The last scan at which it was said.
    fn as_of(&self) -> Option<Timestamp> {
        self.remembered.map(|one| one.as_of).or(self.scanned)
    }

    fn remembered(&self, why: String) -> Named {
        Named { name: self.name.to_owned(), remembered: self.as_of().map(|as_of| Remembered { as_of, why }) }
    }
}

/// What somebody is called, and whether that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub name: String,
    pub remembered: Option<Remembered>,
}

impl Named {
    fn now(name: &str) -> Self {
        Self { name: name.to_owned(), remembered: None }
    }
}

/// Names at one scan, after the scans before it.
pub(super) struct Names<'a> {
    seen: Option<&'a SeenUsers>,
    before: KnownNames<'a>,
}

impl<'a> Names<'a> {
    /// Those that were `seen`; `None` where nobody could ask.
    pub(super) fn new(seen: Option<&'a SeenUsers>, previous: &'a Inventory) -> Self {
        Self { seen, before: KnownNames::of(previous) }
    }

    /// What a user is called. `own` is what this very process, or the owner of this container, was called before.
    pub(super) fn name(&self, uid: u32, own: Option<Known<'_>>) -> Option<Named> {
        let Some(seen) = self.seen else {
            return own.map(|own| Named { name: own.name.to_owned(), remembered: own.remembered.cloned() });
        };
        let known = own.or_else(|| self.before.latest(uid));
        let said = match seen.names.get(&uid) {
            Some(Reading::Known(said)) => said.as_str(),
            Some(Reading::Unknown(why)) => return known.map(|known| known.remembered(why.detail.clone())),
            None => return known.map(|known| known.remembered("it was not asked".to_owned())),
        };
        match known {
            // One user can have several names, and a name service can say now this one, now that.
            Some(known) if known.name == said || seen.is_name_of(known.name, uid) => Some(Named::now(known.name)),
            Some(known) if own.is_some() || seen.is_anothers(said, uid) => {
                Some(known.remembered(format!("the name service calls user id {uid} {said} now")))
            }
            None if seen.is_anothers(said, uid) => None,
            _ => Some(Named::now(said)),
        }
    }

    /// The id of an owner whom a label or a directory names, given what it was. A number that has become another one is believed
    /// where its name is this one, and one that is not told any more as long as it is nobody else's.
    pub(super) fn id(&self, name: &str, before: Option<u32>) -> Option<u32> {
        let Some(seen) = self.seen else { return before };
        let is_called_else = |uid: u32| seen.name(uid).is_some_and(|other| other != name);
        match (seen.ids.get(name).and_then(Reading::known).copied(), before) {
            (Some(now), Some(before)) if now != before && is_called_else(now) && !is_called_else(before) => {
                Some(before)
            }
            (Some(now), _) => Some(now),
            (None, before) => before.filter(|uid| !is_called_else(*uid)),
        }
    }
}

/// All names of user ids in a picture.
pub(super) struct KnownNames<'a>(HashMap<u32, Vec<Known<'a>>>);

impl<'a> KnownNames<'a> {
    pub(super) fn of(picture: &'a Inventory) -> Self {
        let scanned = picture.last_scan;
        let processes = picture.host_processes.values().chain(picture.pending_processes.values());
        let of_processes =
            processes.filter_map(|entry| Some((entry.uid, Known::of_process(entry, entry.uid, scanned)?)));
        let of_containers = picture.containers.values().filter_map(|entry| {
            let uid = entry.user_uid.or(entry.main_uid)?;
            Some((uid, Known::of_container(entry, uid, scanned)?))
        });
        let mut all: HashMap<u32, Vec<Known<'a>>> = HashMap::new();
        for (uid, known) in of_processes.chain(of_containers) {
            let names = all.entry(uid).or_default();
            if !names.contains(&known) {
                names.push(known);
            }
        }
        Self(all)
    }

    /// The name that was said last.
    fn latest(&self, uid: u32) -> Option<Known<'a>> {
        self.0.get(&uid)?.iter().max_by_key(|known| known.as_of()).copied()
    }

    pub(super) fn names(&self, uid: u32) -> impl Iterator<Item = &'a str> {
        self.0.get(&uid).into_iter().flatten().map(|known| known.name)
    }

    /// Whether this id has a name already.
    pub(super) fn has(&self, uid: u32) -> bool {
        self.0.contains_key(&uid)
    }
}

/// The ids that owners named by labels and directories had in a picture.
pub(super) fn known_ids(picture: &Inventory) -> HashMap<&str, BTreeSet<u32>> {
    let mut all: HashMap<&str, BTreeSet<u32>> = HashMap::new();
    for entry in picture.containers.values().filter(|entry| entry.user_source != UserSource::ProcessUid) {
        if let Some(uid) = entry.user_uid {
            all.entry(&entry.user).or_default().insert(uid);
        }
    }
    all
}

/// An answer of the name service's, where it is a name.
pub(super) fn sound(uid: u32, said: Reading<String>) -> Reading<String> {
    let is_name = |name: &str| {
        let is_clean = !name.contains([char::REPLACEMENT_CHARACTER, ':']) && sanitize(name) == name;
        is_clean && !name.trim().is_empty() && name.len() <= LONGEST && name != UNKNOWN_USER
    };
    match said {
        Reading::Known(name) if !is_name(&name) => {
            let shown: String = sanitize(&name).chars().take(LONGEST).collect();
            let why = format!("the name service calls user id {uid} {shown:?}, which can be nobody's name");
            Unknown::new(UnknownKind::Failed, why).into()
        }
        said => said,
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;

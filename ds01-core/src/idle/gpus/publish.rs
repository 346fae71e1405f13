//! Writing what everybody may see into the directory that everybody can look into, and for each user what is his.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    idleness::Idleness,
    own::{own, owners},
    picture::{PICTURE_FILE, Picture, USERS_DIR},
    states::states,
};
use crate::{
    deadline::one_by_one,
    detect::Inventory,
    policy::{Policy, PublicView},
    source::ProcessSource,
    store::{Store, StoreError},
};

/// One writer at a time.
const LOCK_NAME: &str = "gpus.lock";

/// A scan waits no longer for a check that writes here.
const LOCK_AT_MOST: Duration = Duration::from_secs(2);

/// What one user's id may take, and all together: a directory server can hang.
const ONE_AT_MOST: Duration = Duration::from_millis(300);
const ALL_AT_MOST: Duration = Duration::from_secs(1);

/// So many users have a file of their own. More have nothing to do with one host's GPUs.
const MOST_USERS: usize = 256;

/// What is published.
#[derive(Clone, Copy)]
pub struct Public<'a> {
    /// The host as it was just seen.
    pub inventory: &'a Inventory,
    /// What the reaper remembers, where it can be read.
    pub idleness: Option<&'a Idleness>,
    /// The policy. Where there is none that is sound, what is shown is what the shipped one shows.
    pub policy: Option<&'a Policy>,
    /// Whether there is a policy that can't be read: no more is shown then than was before.
    pub unsound: bool,
    /// When it is.
    pub now: Timestamp,
}

/// Writes `gpus.json` into `dir`, and what is each user's own into a file that only he can read. Where there is no such directory,
/// nobody wants it.
///
/// A picture that is older than the one that lies there replaces nothing.
///
/// # Errors
///
/// What could not be written. What everybody sees comes first.
pub fn publish(dir: &Path, public: &Public<'_>, processes: &Arc<dyn ProcessSource>) -> Result<(), StoreError> {
    let store = match Store::open_existing(dir) {
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let _lock = store.lock(LOCK_NAME, LOCK_AT_MOST)?;
    store.remove_leftovers(PICTURE_FILE)?;
    // Nobody but root writes here, so what lies there can be believed.
    let before = store.read(PICTURE_FILE)?.and_then(|bytes| Picture::from_json(&bytes).ok());
    let view = match public.policy {
        _ if public.unsound => before.as_ref().map_or(PublicView::Off, |before| before.view),
        Some(policy) => policy.public_view,
        None => PublicView::default(),
    };
    if view == PublicView::Off {
        store.remove(PICTURE_FILE)?;
    } else {
        if before.is_some_and(|before| before.at > public.inventory.last_scan && before.at <= Some(public.now)) {
            return Ok(());
        }
        let zone = TimeZone::system();
        let states = states(public.inventory, public.idleness, public.policy, public.now, &zone);
        let picture = Picture::new(public.inventory, states, view);
        let bytes = crate::json::line(&picture).unwrap_or_default();
        store.replace_public(PICTURE_FILE, &bytes)?;
    }
    let users = store.open_to_pass(USERS_DIR)?;
    let ids = ids(public.inventory, processes);
    for_each_user(public, &users, &ids)
}

/// Everybody who has something here gets what is his. Whose is gone loses his file, unless not all ids are known.
fn for_each_user(public: &Public<'_>, users: &Store, ids: &Ids) -> Result<(), StoreError> {
    users.remove_all_leftovers()?;
    let mut kept = BTreeSet::new();
    let mut failed = None;
    for uid in owners(public.inventory, &ids.by_name).into_iter().take(MOST_USERS) {
        let mut own = own(public.inventory, uid, &ids.by_name);
        kept.insert(uid.to_string());
        for entry in own.containers.values_mut() {
            if let Some(kept) = public.idleness.and_then(|idleness| idleness.kept(entry)) {
                let said = serde_json::json!({ "by": kept.by, "until": kept.until(), "why": kept.why });
                entry.extra.insert("kept".to_owned(), said);
            }
        }
        let bytes = own.to_json().unwrap_or_default();
        // One who can't be given his file takes nobody else's away.
        if let Err(error) = users.replace_for(uid, &uid.to_string(), &bytes) {
            failed.get_or_insert(error);
        }
    }
    if ids.are_all {
        for name in users.names()?.iter().filter(|name| name.parse::<u32>().is_ok() && !kept.contains(*name)) {
            // Nor does what can't be removed keep the others' there.
            if let Err(error) = users.remove(name) {
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// The user ids of owners, by their names, and whether the name service told of all.
struct Ids {
    by_name: BTreeMap<String, u32>,
    are_all: bool,
}

fn ids(inventory: &Inventory, processes: &Arc<dyn ProcessSource>) -> Ids {
    let owners: BTreeSet<String> = inventory.containers.values().map(|entry| entry.user.clone()).collect();
    let end = Instant::now() + ALL_AT_MOST;
    let source = Arc::clone(processes);
    let asked = owners.iter().filter(|owner| *owner != crate::detect::UNKNOWN_USER).cloned();
    let found = one_by_one("user ids", asked, ONE_AT_MOST, end, move |name| source.user_id(name));
    // An answer that nobody is called so is an answer.
    let are_all = found.values().all(Result::is_ok);
    let by_name: BTreeMap<String, u32> = found
        .into_iter()
        .filter_map(|(name, answer)| {
            let uid = answer.ok().and_then(|id| id.known().copied()).or_else(|| name.parse().ok())?;
            Some((name, uid))
        })
        .collect();
    Ids { by_name, are_all }
}

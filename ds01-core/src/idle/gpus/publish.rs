//! Writing what everybody may see into the directory that everybody can look into, and for each user what is his.

use std::{collections::BTreeSet, io, path::Path, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    idleness::Idleness,
    own::{own, owners},
    picture::{PICTURE_FILE, Picture, USERS_DIR},
    states::states,
};
use crate::{
    detect::Inventory,
    policy::{Policy, PublicView},
    store::{Store, StoreError},
};

/// One writer at a time.
const LOCK_NAME: &str = "gpus.lock";

/// A scan waits no longer for a check that writes here.
const LOCK_AT_MOST: Duration = Duration::from_secs(2);

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
pub fn publish(dir: &Path, public: &Public<'_>) -> Result<(), StoreError> {
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
    for_each_user(public, &users)
}

/// Everybody who has something here gets what is his. Whose is gone loses his file.
fn for_each_user(public: &Public<'_>, users: &Store) -> Result<(), StoreError> {
    users.remove_all_leftovers()?;
    let mut kept = BTreeSet::new();
    let mut failed = None;
    for uid in owners(public.inventory).into_iter().take(MOST_USERS) {
        let mut own = own(public.inventory, uid);
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
    for name in users.names()?.iter().filter(|name| name.parse::<u32>().is_ok() && !kept.contains(*name)) {
        // Nor does what can't be removed keep the others' there.
        if let Err(error) = users.remove(name) {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

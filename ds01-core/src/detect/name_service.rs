//! Asking the name service who the users of a scan are.
//!
//! It can be slow, hang, or know thousands: what it does not answer in time is not known, and costs nothing but that. All
//! questions of a scan have a few seconds together, whatever is asked.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{
    inventory::Inventory,
    names::{KnownNames, SeenUsers, known_ids, sound},
};
use crate::{
    deadline::{DeadlineError, at_once},
    model::{Reading, Unknown, UnknownKind},
    source::ProcessSource,
};

/// What each of the three rounds may take: names, their ids, and names of ids that are in doubt.
const ROUND_AT_MOST: Duration = Duration::from_secs(1);

/// So many look-ups wait at once at most.
const MOST_AT_ONCE: usize = 64;

/// The names of these user ids, and the ids of these owners. `previous` tells which were known.
pub(super) fn ask(
    source: &Arc<dyn ProcessSource>,
    previous: &Inventory,
    uids: &BTreeSet<u32>,
    owners: &BTreeSet<String>,
    end: Instant,
) -> SeenUsers {
    let known = KnownNames::of(previous);
    let mut seen = SeenUsers { names: names(source, in_turn(uids, &known), end), ids: HashMap::new() };

    // A name that is new for its id may be another user's, and the one before it may be his still.
    let mut doubtful = owners.clone();
    for (uid, said) in seen.names.iter().filter_map(|(uid, said)| Some((*uid, said.known()?))) {
        if known.names(uid).next().is_none() || known.names(uid).any(|before| before != said) {
            doubtful.insert(said.clone());
            doubtful.extend(known.names(uid).map(ToOwned::to_owned));
        }
    }
    let asked = Arc::clone(source);
    let ids = at_once("user ids", doubtful, MOST_AT_ONCE, round(end), move |name| asked.user_id(name));
    let late = |error: DeadlineError| Unknown::new(UnknownKind::TimedOut, error.to_string()).into();
    seen.ids = ids.into_iter().map(|(name, id)| (name, id.unwrap_or_else(late))).collect();

    // An owner's id that is another one now, or none, may be somebody else's by now.
    let before = known_ids(previous);
    let mut changed = BTreeSet::new();
    for owner in owners {
        let Some(before) = before.get(owner.as_str()) else { continue };
        let now = seen.ids.get(owner).and_then(Reading::known).copied();
        if before.iter().any(|before| Some(*before) != now) {
            changed.extend(before.iter().copied().chain(now));
        }
    }
    changed.retain(|uid| !seen.names.contains_key(uid));
    seen.names.extend(names(source, changed.into_iter().collect(), end));
    say_what_is_missing(&seen, uids);
    seen
}

fn round(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now()).min(ROUND_AT_MOST)
}

/// Those without a name go first, in no order: where there is not time for all, each has its turn at some scan.
fn in_turn(uids: &BTreeSet<u32>, known: &KnownNames<'_>) -> Vec<u32> {
    let shuffled: HashSet<u32> = uids.iter().copied().collect();
    let (named, new): (Vec<u32>, Vec<u32>) = shuffled.into_iter().partition(|uid| known.has(*uid));
    new.into_iter().chain(named).collect()
}

fn names(source: &Arc<dyn ProcessSource>, uids: Vec<u32>, end: Instant) -> HashMap<u32, Reading<String>> {
    let asked = Arc::clone(source);
    let answers = at_once("names", uids, MOST_AT_ONCE, round(end), move |uid| asked.user_name(*uid));
    let late = |error: DeadlineError| {
        let kind =
            if matches!(error, DeadlineError::TimedOut(_)) { UnknownKind::TimedOut } else { UnknownKind::Failed };
        Unknown::new(kind, format!("the name service: {error}")).into()
    };
    answers.into_iter().map(|(uid, name)| (uid, sound(uid, name.unwrap_or_else(late)))).collect()
}

/// One line, however many they are.
fn say_what_is_missing(seen: &SeenUsers, uids: &BTreeSet<u32>) {
    let missing = uids.iter().filter_map(|uid| Some((uid, seen.names.get(uid)?.unknown()?)));
    let mut late = missing.filter(|(_, why)| why.kind == UnknownKind::TimedOut);
    if let Some((uid, why)) = late.next() {
        match late.count() {
            0 => warn!("the name of user id {uid} is not known: {why}"),
            more => warn!("the names of user id {uid} and {more} others are not known: {why}"),
        }
    }
}

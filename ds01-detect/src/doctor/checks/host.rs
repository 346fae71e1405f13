//! Who looks, and what the host lets them see.

use std::time::Duration;

use ds01_core::model::Reading;

use super::{
    super::{
        facts::{Facts, Lookup},
        finding::Finding,
    },
    AS_ROOT, count, listed,
};

/// A look-up that takes longer than this is felt: a scan has 25 seconds, and each user costs one.
const SLOW: Duration = Duration::from_secs(1);

/// Whether the doctor has the rights of the scan that it judges.
pub(super) fn rights(facts: &Facts) -> Finding {
    const CHECK: &str = "rights";
    match facts.uid {
        0 => Finding::ok(CHECK, "root, as the scans of the timer"),
        uid => Finding::warning(CHECK, format!("user id {uid}: what only root may see is missing here")).mend(AS_ROOT),
    }
}

/// Whether processes are hidden.
pub(super) fn hidepid(facts: &Facts) -> Finding {
    const CHECK: &str = "hidepid";
    let host = &facts.host;
    let root = host.proc_root.display();
    match (&host.hidepid, host.sees_init) {
        (None, true) => Finding::ok(CHECK, format!("{root} shows all processes")),
        (Some(option), true) => {
            Finding::ok(CHECK, format!("{root} has {option}: this user sees all processes, most users their own"))
        }
        (Some(option), false) => {
            let found = format!("{root} has {option}: other users' processes are hidden from user id {}", facts.uid);
            // Root without the right to trace is hidden from as well, and has no better user to turn to.
            Finding::warning(CHECK, found).mend_if((facts.uid != 0).then(|| AS_ROOT.to_owned()))
        }
        (None, false) => {
            Finding::failed(CHECK, format!("{root} shows no process 1: is it the host's? Name it with --proc-root"))
                .mend("findmnt --types proc")
        }
    }
}

/// Whether user ids get their names.
pub(super) fn users(facts: &Facts) -> Finding {
    const CHECK: &str = "users";
    let look = |uid: u32| format!("getent passwd {uid}");
    let lookups = &facts.users.lookups;
    let hung = lookups.iter().find_map(|lookup| Some((lookup.uid, lookup.answer.as_ref().err()?)));
    if let Some((uid, error)) = hung {
        let found = format!("asked for user id {uid}, the name service: {error}. Scans wait for it, and know no names");
        return Finding::failed(CHECK, found).mend(look(uid));
    }
    let nameless = |lookup: &&Lookup| matches!(lookup.answer, Ok((Reading::Unknown(_), _)));
    if let Some(root) = lookups.iter().find(|lookup| lookup.uid == 0).filter(nameless) {
        return Finding::failed(CHECK, "the name service knows no root: it knows nobody").mend(look(root.uid));
    }
    let without: Vec<u32> = lookups.iter().filter(nameless).map(|lookup| lookup.uid).collect();
    if let Some(first) = without.first() {
        let found =
            format!("no name for user id {}: shown by number, and no policy for a name applies", listed(&without));
        return Finding::warning(CHECK, found).mend(look(*first));
    }
    let took = |lookup: &Lookup| lookup.answer.as_ref().map_or(Duration::ZERO, |(_, took)| *took);
    match lookups.iter().max_by_key(|lookup| took(lookup)) {
        Some(slowest) if took(slowest) > SLOW => {
            let found =
                format!("user id {} took {:.1} s: each scan waits for it", slowest.uid, took(slowest).as_secs_f64());
            Finding::warning(CHECK, found).mend(format!("time {}", look(slowest.uid)))
        }
        _ if lookups.len() > 1 => {
            Finding::ok(CHECK, format!("root and {} have names", count(lookups.len() - 1, "other user")))
        }
        _ => Finding::ok(CHECK, "root has a name; nobody else is logged in or holds a GPU"),
    }
}

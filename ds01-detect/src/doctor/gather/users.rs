//! The name service, asked for the users that a scan would ask it for: root, who is logged in, who holds a GPU.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ds01_core::{
    deadline,
    source::{ProcessSource, proc::ProcFs},
};

use super::{
    super::facts::{FileFacts, Lookup, Place, UserFacts},
    group_of,
};

/// The first user id of people.
const FIRST_USER: u32 = 1000;
/// `/proc/PID/loginuid` of a process that nobody's login led to.
const NOBODY_LOGGED_IN: u32 = u32::MAX;
/// So many users are enough to judge the name service by.
const MOST_USERS: usize = 20;
/// All look-ups together may take so many times the deadline.
const PATIENCE: u32 = 2;

pub(super) fn facts(
    processes: &Arc<ProcFs>,
    proc_root: &Path,
    files: &FileFacts,
    socket: &Place,
    limit: Duration,
) -> UserFacts {
    let end = Instant::now() + limit * PATIENCE;
    let people: BTreeSet<u32> = logged_in(proc_root).into_iter().chain(with_a_gpu(files)).collect();
    let uids: Vec<u32> = [0].into_iter().chain(people).take(MOST_USERS).collect();
    let processes = Arc::clone(processes);
    let mut answers = deadline::one_by_one("users", uids.iter().copied(), limit, end, move |uid| {
        let start = Instant::now();
        (processes.user_name(*uid), start.elapsed())
    });
    let lookup = |uid| {
        let answer = answers.remove(&uid)?.map_err(|error| error.to_string());
        Some(Lookup { uid, answer })
    };
    let lookups = uids.into_iter().filter_map(lookup).collect();
    let gids: BTreeSet<u32> =
        [&files.state, &files.activity, &files.log, socket].into_iter().filter_map(group_of).collect();
    let names = deadline::one_by_one("groups", gids, limit, end, |gid| {
        users::get_group_by_gid(*gid).map(|group| group.name().to_string_lossy().into_owned())
    });
    let groups: BTreeMap<u32, String> = names.into_iter().filter_map(|(gid, name)| Some((gid, name.ok()??))).collect();
    UserFacts { lookups, groups }
}

/// Whose logins led to a process.
pub(super) fn logged_in(proc_root: &Path) -> BTreeSet<u32> {
    let folders = fs::read_dir(proc_root).into_iter().flatten().flatten();
    let processes = folders.filter(|folder| folder.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let uids = processes.filter_map(|process| {
        let text = fs::read_to_string(process.path().join("loginuid")).ok()?;
        text.trim().parse().ok()
    });
    uids.filter(|uid| (FIRST_USER..NOBODY_LOGGED_IN).contains(uid)).collect()
}

/// Whose processes the inventory has.
fn with_a_gpu(files: &FileFacts) -> BTreeSet<u32> {
    let processes = files.inventory.iter().flat_map(|inventory| inventory.host_processes.values());
    // Users of containers have no names here, and need none.
    processes
        .filter(|process| !process.in_container)
        .map(|process| process.uid)
        .filter(|uid| *uid >= FIRST_USER)
        .collect()
}

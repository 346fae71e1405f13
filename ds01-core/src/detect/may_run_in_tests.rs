//! Whose processes can be of which engine's containers.

use super::*;
use crate::model::{Reading, Unknown, UnknownKind, UsersGroup};

const ALICE: u32 = 1001;
const BEN: u32 = 1002;

fn id() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

/// Of this user's, below this one's slice, in a control group that is named like a container by a third.
fn process(uid: u32, slice: u32, chosen_by: Option<u32>) -> Process {
    let not_read = || Unknown::new(UnknownKind::NotAsked, "not read");
    Process {
        pid: 700,
        start_ticks: 1,
        started_at: "2026-03-02T12:00:00Z".parse().unwrap(),
        uid,
        login_uid: not_read().into(),
        comm: "python3".to_owned(),
        exe: not_read().into(),
        cmdline: not_read().into(),
        user_slice: Reading::Known(Some(slice)),
        containers: Reading::Known(if chosen_by.is_none() { vec![id()] } else { Vec::new() }),
        users_group: chosen_by.map(|uid| UsersGroup { uid: Some(uid), containers: vec![id()] }),
        belongs_to: Vec::new(),
    }
}

fn seen() -> SeenProcesses {
    SeenProcesses {
        host: Host { name: "lab".to_owned(), boot_id: "boot".to_owned() },
        by_pid: HashMap::new(),
        users: SeenUsers::default(),
        subordinate: [(ALICE, vec![100_000..=165_535])].into(),
    }
}

fn runs_in(process: &Process, engine: &str) -> bool {
    seen().runs_in(process, &id(), &engine.parse().unwrap())
}

#[test]
fn the_ids_that_a_user_may_use_in_containers_are_his() {
    for (uid, is_hers) in
        [(ALICE, true), (100_000, true), (165_535, true), (99_999, false), (165_536, false), (0, false)]
    {
        assert_eq!(runs_in(&process(uid, ALICE, Some(ALICE)), "docker:1001"), is_hers, "{uid}");
    }
    assert!(!runs_in(&process(100_000, BEN, Some(BEN)), "docker:1002"), "they are nobody else's");
}

#[test]
fn a_name_that_a_user_chose_is_one_of_his_own_engines() {
    let hers = |chosen_by| runs_in(&process(ALICE, ALICE, chosen_by), "docker:1001");
    assert!(hers(Some(ALICE)) && hers(None));
    assert!(!hers(Some(BEN)), "though the process and the slice are hers");
    let roots = |chosen_by| runs_in(&process(ALICE, ALICE, chosen_by), "docker");
    assert!(roots(None));
    assert!(!roots(Some(ALICE)) && !roots(Some(BEN)), "what root's engine holds is not found by it");
}

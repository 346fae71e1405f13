//! Filters against a naive one, and against the JSON.

use ds01_core::{
    detect::{
        Inventory, Origin,
        inventory::{ContainerEntry, ProcessEntry},
    },
    model::ContainerStatus,
};
use proptest::prelude::*;

use super::{container, gpu_uuid, host::given, inventory, looked, now, options, process};
use crate::{json, row::rows};

const USERS: [&str; 3] = ["alice", "bob", "unknown"];
const TYPES: [&str; 6] = ["ds01-managed", "devcontainer", "compose", "raw-docker", "unknown", "host-process"];

fn containers() -> impl Strategy<Value = Vec<ContainerEntry>> {
    let origin = prop::sample::select(vec![
        Origin::Managed,
        Origin::DevContainer,
        Origin::Compose,
        Origin::RawDocker,
        Origin::Unknown,
    ]);
    let status = prop::sample::select(vec!["created", "running", "paused", "restarting", "exited", "dead", "odd"]);
    let one = (prop::sample::select(&USERS[..]), origin, status, prop::option::of(any::<bool>()));
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let entry = |(n, (user, origin, status, has_gpu)): (usize, (&str, Origin, &str, Option<bool>))| {
            container(&format!("c{n}"), |c| {
                if has_gpu == Some(true) {
                    given(c, &[&gpu_uuid(0)]);
                }
                c.user = user.to_owned();
                c.origin = origin;
                c.status = ContainerStatus::from(status.to_owned());
                c.has_gpu = has_gpu;
            })
        };
        all.into_iter().enumerate().map(entry).collect()
    })
}

fn processes() -> impl Strategy<Value = Vec<ProcessEntry>> {
    prop::collection::vec(prop::sample::select(&USERS[..]), 0..4)
        .prop_map(|users| (100..).zip(users).map(|(pid, user)| process(pid, user, "x", &[&gpu_uuid(0)])).collect())
}

#[derive(Debug, Clone)]
struct Asked {
    users: Vec<&'static str>,
    types: Vec<&'static str>,
    gpu_only: bool,
    all: bool,
}

prop_compose! {
    fn asked()(
        users in prop::sample::subsequence(&USERS[..], 0..=USERS.len()),
        types in prop::sample::subsequence(&TYPES[..], 0..=TYPES.len()),
        gpu_only in any::<bool>(),
        all in any::<bool>(),
    ) -> Asked {
        Asked { users, types, gpu_only, all }
    }
}

impl Asked {
    fn arguments(&self) -> Vec<&'static str> {
        let users = self.users.iter().flat_map(|user| ["--user", user]);
        let types = self.types.iter().flat_map(|name| ["--type", name]);
        let flags = [self.gpu_only.then_some("--gpu-only"), self.all.then_some("--all")];
        users.chain(types).chain(flags.into_iter().flatten()).collect()
    }

    /// What should be left, said as plainly as the spec says it.
    fn naive(&self, inventory: &Inventory) -> Vec<String> {
        let mut left = Vec::new();
        for (id, entry) in &inventory.containers {
            let user = self.users.is_empty() || self.users.iter().any(|user| *user == entry.user);
            let kind = self.types.is_empty() || self.types.iter().any(|name| *name == entry.origin.as_str());
            let gpu = !self.gpu_only || entry.has_gpu != Some(false);
            let stopped = ["created", "exited", "dead", "removing"].contains(&entry.status.as_str());
            if user && kind && gpu && (self.all || !stopped) {
                left.push(id.clone());
            }
        }
        for (pid, entry) in &inventory.host_processes {
            let user = self.users.is_empty() || self.users.iter().any(|user| *user == entry.user);
            if user && (self.types.is_empty() || self.types.contains(&"host-process")) {
                left.push(pid.to_string());
            }
        }
        left.sort();
        left
    }
}

proptest! {
    #[test]
    fn filters_are_what_a_naive_one_says(containers in containers(), processes in processes(), asked in asked()) {
        let inventory = inventory(containers, processes);
        let options = options(&asked.arguments());
        let mut ids: Vec<String> = looked(&inventory, &options).rows.into_iter().map(|row| row.id).collect();
        ids.sort();
        prop_assert_eq!(&ids, &asked.naive(&inventory));

        // JSON is filtered alike.
        let mut filtered = inventory.clone();
        let mut shown = rows(&inventory, now(), true);
        shown.retain(|row| options.filter.shows(row));
        json::retain(&mut filtered, &shown);
        let pids = filtered.host_processes.keys().map(ToString::to_string);
        let mut ids: Vec<String> = filtered.containers.keys().cloned().chain(pids).collect();
        ids.sort();
        prop_assert_eq!(ids, asked.naive(&inventory));
    }
}

#[test]
fn what_a_filter_hides_is_not_called_stopped() {
    let stopped = |user: &str| {
        container(user, |c| {
            c.user = user.to_owned();
            c.status = ContainerStatus::Exited;
        })
    };
    let host = inventory(vec![stopped("alice"), stopped("bob")], vec![]);
    assert!(
        super::piped(&host, &["--user", "bob"])
            .contains("0 containers, 0 with GPU, 0 host GPU processes (and 1 stopped: --all)")
    );
    assert!(super::piped(&host, &["--user", "bob", "-a"]).contains("1 container, "));
}

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::*;
use crate::source::proc::group::{Owner, places};

const A: &str = "4f1d0c7e9b2a6538d1e0f7c4b3a29586e7d4c1b0a9f8e7d6c5b4a39281706f5e";
const POD: &str = "4a163a05-439d-484b-8e53-2968bc15824f";

/// Every capture with what it is: in the words of the table, then whose, where the path tells.
const CAPTURED: &[(&str, &str)] = &[
    ("forged-hybrid-podman.txt", "user-unit libpod-A.scope of 1000"),
    ("forged-v1-docker.txt", "user-unit docker-A.scope of 1000"),
    ("forged-v2-docker-twice.txt", "user-unit docker-A.scope of 1000"),
    ("forged-v2-docker.txt", "user-unit docker-A.scope of 1000"),
    ("forged-v2-kubernetes.txt", "user-unit cri-containerd-A.scope of 1000"),
    ("forged-v2-lxc.txt", "user-unit init.scope of 1000"),
    ("forged-v2-session.txt", "user-unit session-3.scope of 1000"),
    ("forged-v2-slurm.txt", "user-unit slurmstepd.scope of 1000"),
    ("host-hybrid-login-session.txt", "session 3 of 1000"),
    ("host-hybrid.txt", ""),
    ("host-v2-containerd-shim.txt", "unit containerd.service"),
    ("host-v2-docker-buildkit.txt", "unit docker.service"),
    ("host-v2-login-session.txt", "session 3 of 1000"),
    ("host-v2-lxc-monitor.txt", ""),
    ("host-v2-podman-conmon.txt", "unit libpod-conmon-A.scope"),
    ("host-v2-podman-healthcheck.txt", "unit A-58e3c1f2a7.service"),
    ("host-v2-slurmstepd.txt", "unit slurmstepd.scope"),
    ("host-v2-system-service.txt", "unit ollama.service"),
    ("host-v2-virtual-machine.txt", "unit machine-qemu\\x2d1\\x2dtrain.scope"),
    ("hybrid-docker-in-docker-one-hierarchy.txt", "container 0123456789ab"),
    ("hybrid-docker-unified-says-containerd.txt", "container 4f1d0c7e9b2a"),
    ("hybrid-kubernetes-cgroupfs.txt", "pod 4a163a05-439d-484b-8e53-2968bc15824f"),
    ("hybrid-lxc-payload-directory.txt", "lxc train-vm"),
    ("user-v1-unit.txt", "user-unit jupyter.service of 1000"),
    ("user-v2-docker-rootless.txt", "user-unit docker-A.scope of 1000"),
    ("user-v2-podman-rootless.txt", "user-unit libpod-A.scope of 1000"),
    ("user-v2-terminal.txt", "user-unit vte-spawn-2f6b.scope of 1000"),
    ("user-v2-unit.txt", "user-unit jupyter.service of 1000"),
    ("v1-docker.txt", "container 4f1d0c7e9b2a"),
    ("v1-kubernetes-cgroupfs.txt", "pod 4a163a05-439d-484b-8e53-2968bc15824f"),
    ("v1-kubernetes-systemd-name.txt", "pod ff49d0be-16b7-4a49-bb9e-8ec1f1f4e27f"),
    ("v1-lxc.txt", "lxc train-vm"),
    ("v1-podman-cgroupfs.txt", "container libpod 4f1d0c7e9b2a"),
    ("v1-slurm-job.txt", "slurm-job 8161.batch of 1000"),
    ("v1-slurm-several-nodes.txt", "slurm-job 8161.0 of 1000"),
    ("v2-docker-cgroupfs.txt", "container 4f1d0c7e9b2a"),
    ("v2-docker-from-another-namespace-deleted.txt", "container docker 4f1d0c7e9b2a"),
    ("v2-docker-in-docker.txt", "container 0123456789ab"),
    ("v2-docker-in-lxc.txt", "lxc train-vm"),
    ("v2-docker-systemd-inside.txt", "container docker 4f1d0c7e9b2a"),
    ("v2-docker-systemd.txt", "container docker 4f1d0c7e9b2a"),
    ("v2-kubernetes-cgroupfs.txt", "pod 4a163a05-439d-484b-8e53-2968bc15824f"),
    ("v2-kubernetes-containerd.txt", "pod 44c76ce5-f953-4bd3-bc89-12621681af49"),
    ("v2-kubernetes-crio.txt", "pod 30cea2cf-1b80-4807-abad-d81453e199c5"),
    ("v2-kubernetes-guaranteed.txt", "pod 4a163a05-439d-484b-8e53-2968bc15824f"),
    ("v2-kubernetes-in-docker.txt", "container 0123456789ab"),
    ("v2-kubernetes-static-pod.txt", "pod 5f399c1fa43c88a5bc2ce03e7f2f35a1"),
    ("v2-lxc-payload.txt", "lxc train-vm"),
    ("v2-lxd-project-instance.txt", "lxc ml_train-1"),
    ("v2-podman-pod.txt", "container libpod 4f1d0c7e9b2a"),
    ("v2-podman.txt", "container libpod 4f1d0c7e9b2a"),
    ("v2-slurm-job.txt", "slurm-job 8161.0"),
    ("v2-slurm-several-nodes.txt", "slurm-job 8161.batch"),
];

fn told(text: &str, claims: Claims) -> Vec<Belonging> {
    belongings(&places(text, |_, _| Vec::new()), claims)
}

fn in_words(text: &str) -> String {
    let all = told(text, Claims::default());
    assert!(all.len() < 2 && all.iter().all(|one| one.proof == Proof::Path), "{all:?}");
    let one = |one: &Belonging| match one.uid {
        Some(uid) => format!("{one} of {uid}"),
        None => one.to_string(),
    };
    all.first().map(one).unwrap_or_default().replace(A, "A")
}

#[test]
fn captured_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/captured/proc/cgroup");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        found.insert(name, in_words(&fs::read_to_string(entry.path()).unwrap()));
    }
    let expected = CAPTURED.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect();
    assert_eq!(found, expected);
}

/// As [`CAPTURED`] has it, with the directories' owners as on a real host: root's down to the user's, and the user's below.
#[test]
fn what_root_named_is_proven_and_what_a_user_named_is_the_users_own() {
    let owned = |text: &str, roots: usize, uid: u32| {
        let owner = |at: usize| Owner { uid: if at < roots { 0 } else { uid }, shared: false };
        belongings(&places(text, |_, parts| (0..parts.len()).map(owner).collect()), Claims::default())
    };
    let job = "0::/slurm/uid_1000/job_42/step_0/uid_1/job_43/step_1\n";
    let [one] = &owned(job, 3, 1000)[..] else { panic!("a job") };
    assert_eq!(
        (one.to_string(), one.proof),
        ("slurm-job 42.0".to_owned(), Proof::Cgroup),
        "Slurm gives steps to their users"
    );
    let [one] = &owned("0::/lxc.payload.c1/lxc.payload.c2/init.scope\n", 0, 1_000_000)[..] else {
        panic!("an instance")
    };
    assert_eq!((one.to_string(), one.proof), ("lxc c1".to_owned(), Proof::Cgroup), "its directory is its own root's");
    // A directory that root gave to a user, outside of systemd.
    for below in [format!("docker-{A}.scope"), "slurm/uid_0/job_1".to_owned(), "lxc.payload.c1".to_owned()] {
        let [one] = &owned(&format!("0::/shared/{below}\n"), 0, 1000)[..] else { panic!("{below}") };
        assert_eq!((one.kind, one.uid, one.proof), (BelongingKind::UserUnit, Some(1000), Proof::Cgroup), "{below}");
    }
    // A service of the system that may make groups below its own stays one.
    let [one] = &owned(&format!("0::/system.slice/ci.service/docker-{A}.scope\n"), 1, 998)[..] else {
        panic!("a unit")
    };
    assert_eq!((one.to_string(), one.uid), ("unit ci.service".to_owned(), None));
}

#[test]
fn roots_own_units_are_roots() {
    assert_eq!(
        in_words("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n"),
        "user-unit x.service of 0"
    );
    assert_eq!(in_words("0::/user.slice/user-0.slice/session-c1.scope\n"), "session c1 of 0");
}

#[test]
fn names_that_are_none() {
    for path in [
        "/",
        "/init.scope",
        "/user.slice",
        "/user.slice/user-x.slice/session-3.scopes",
        "/job_42/step_0",
        "/x/uid_1000/job_42",
        "/slurm/uid_1000/job_4x",
        "/slurm/uid_1000/job_",
        "/kubepods.slice",
        "/kubepods/burstable/podium of/x",
        "/pod4a163a05/x",
        "/x-pod4a163a05.slice",
        "/lxc.payload.",
        "/lxc.payload",
        "/lxc",
        "/x/lxc/y",
    ] {
        assert_eq!(in_words(&format!("0::{path}\n")), "", "{path}");
    }
}

#[test]
fn what_the_process_says_of_its_own_job_is_added_and_of_another_is_not() {
    let said = |job: &str| Claims {
        slurm_job: Some(job.to_owned()),
        slurm_partition: Some("gpu".to_owned()),
        ..Claims::default()
    };
    let job = "0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0\n";
    let [own] = &told(job, said("42"))[..] else { panic!("one job") };
    assert_eq!(own.says, [("partition".to_owned(), "gpu".to_owned())].into());
    let [other] = &told(job, said("43"))[..] else { panic!("one job") };
    assert_eq!((other.id.as_deref(), other.says.len()), (Some("42"), 0));

    let [session, claimed] = &told("0::/user.slice/user-7.slice/session-3.scope\n", said("42"))[..] else {
        panic!("two")
    };
    assert_eq!((session.kind, session.proof), (BelongingKind::Session, Proof::Path));
    assert_eq!((claimed.to_string(), claimed.proof), ("slurm-job 42?".to_owned(), Proof::Process));
}

#[test]
fn containers_without_a_control_group_stand_beside_what_they_run_in() {
    let claims = Claims { apptainer: Some("torch.sif".to_owned()), enroot: Some(String::new()), ..Claims::default() };
    let all = told("0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0\n", claims);
    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["slurm-job 42.0", "apptainer torch.sif?", "enroot?"]);
}

proptest! {
    /// Whatever a user makes below the own service manager, it is the user's own, and says nothing else.
    #[test]
    fn nothing_below_a_users_own_group_passes_for_anything_else(
        below in prop::collection::vec(
            prop_oneof![
                "[a-z0-9@._:-]{1,20}",
                Just(format!("docker-{A}.scope")),
                Just("slurmstepd.scope".to_owned()),
                Just("job_42".to_owned()),
                Just(format!("kubepods-pod{POD}.slice")),
                Just("kubepods".to_owned()),
                Just(format!("pod{POD}")),
                Just("lxc.payload.c1".to_owned()),
                Just("user.slice".to_owned()),
                Just("user-0.slice".to_owned()),
                Just("session-1.scope".to_owned()),
                Just("user@0.service".to_owned()),
            ],
            0..6,
        ),
        v1 in any::<bool>(),
    ) {
        let path = format!("/user.slice/user-1000.slice/user@1000.service/{}", below.join("/"));
        let text = if v1 { format!("1:name=systemd:{path}\n0::/user.slice\n") } else { format!("0::{path}\n") };
        let places = places(&text, |_, _| Vec::new());
        let all = belongings(&places, Claims::default());
        prop_assert_eq!(all.len(), 1);
        prop_assert_eq!((all[0].kind, all[0].uid), (BelongingKind::UserUnit, Some(1000)));
        prop_assert_eq!(crate::source::proc::cgroup::containers_of(&places), []);
    }

    #[test]
    fn any_text_is_survived(text in any::<String>(), environ in any::<Vec<u8>>()) {
        told(&text, Claims::of_environment(&environ).with_mounts(&text));
    }
}

//! Who sees what: nobody, a user with two of five containers, a member of the group, root. As the table in `docs/security.md`
//! says it.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, inventory::FILE_NAME, look},
    idle::gpus::{Public, publish},
    policy::{Document, Policy, PolicyFiles, parse},
    source::fake::{ContainerSpec, FakeHost, GpuRequest, GpuSpec, ProcessSpec},
};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{outcome, program};

const NOBODY: (u32, u32) = (65_534, 65_534);
const ALICE: (u32, u32) = (54_001, 54_001);
/// A group that stands for Docker's.
const GROUP: u32 = 54_321;
const MEMBER: (u32, u32) = (54_002, GROUP);
const ROOT: (u32, u32) = (0, 0);

/// Only root can be somebody else.
fn as_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root || std::env::var_os("DS01_REQUIRE_RIG").is_none(), "these tests need root");
    if !is_root {
        eprintln!("skipped: only root can see what others see");
    }
    is_root
}

/// An installed host: state, what is public, and the program where everybody can run it.
struct Host {
    dir: TempDir,
}

fn policy(view: &str) -> Policy {
    let text = format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\npublic_view: {view}\n");
    let policy = Document { path: "limits.yaml".into(), bytes: text.into() };
    parse(&PolicyFiles { policy, overrides: None, exemptions: None, members: Default::default() }).unwrap().policy
}

/// Five containers, two of them alice's; one that only says that it is hers.
fn lab(now: Timestamp) -> FakeHost {
    let host = FakeHost::new("lab", now - Duration::from_secs(30));
    host.with_users([(ALICE.0, "alice".to_owned()), (54_003, "ben".to_owned())].into());
    let gpu = |index: u32| GpuSpec {
        index,
        uuid: format!("GPU-{index}"),
        name: "NVIDIA A100".into(),
        memory_mb: 81_920,
        ..GpuSpec::default()
    };
    host.add_gpus(&[gpu(0), gpu(1), gpu(2)]).unwrap();
    let container = |name: &str, uid, gpu: &str, label: Option<&str>| ContainerSpec {
        name: name.to_owned(),
        uid,
        image: format!("image-of-{name}"),
        labels: label.map(|user| ("ds01.user".to_owned(), user.to_owned())).into_iter().collect(),
        gpus: Some(GpuRequest::Ids(vec![gpu.to_owned()])),
        ..ContainerSpec::default()
    };
    for spec in [
        container("hers-one", ALICE.0, "0", None),
        container("hers-two", ALICE.0, "0", Some("alice")),
        container("says-it-is-hers", 0, "1", Some("alice")),
        container("bens", 54_003, "1", None),
        container("nobodys", 0, "1", None),
    ] {
        host.add_container(&spec).unwrap();
    }
    let process = ProcessSpec {
        pid: 500,
        uid: 54_003,
        cmdline: "python3 --token hunter2".into(),
        gpus: [("1".into(), Some(700))].into(),
        ..ProcessSpec::default()
    };
    host.add_process(&process).unwrap();
    host
}

impl Host {
    fn new(view: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Self { dir };
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(host.dir.path(), 0o755);
        for (name, bits) in [("state", 0o2750), ("public", 0o2755)] {
            fs::create_dir(host.path(name)).unwrap();
            chown(host.path(name), Some(0), Some(GROUP)).unwrap();
            mode(&host.path(name), bits);
        }
        fs::copy(program(), host.path("ds01-workloads")).unwrap();
        let now = Timestamp::now();
        let lab = lab(now);
        let mut inventory = Inventory::empty();
        for _ in 0..2 {
            inventory = look(&lab.sources(), &inventory, Duration::from_secs(5), &Settings::default());
            lab.advance(Duration::from_secs(15));
        }
        fs::write(host.path("state").join(FILE_NAME), inventory.to_json().unwrap()).unwrap();
        chown(host.path("state").join(FILE_NAME), Some(0), Some(GROUP)).unwrap();
        mode(&host.path("state").join(FILE_NAME), 0o640);
        let policy = policy(view);
        let public = Public { inventory: &inventory, idleness: None, policy: Some(&policy), unsound: false, now };
        publish(&host.path("public"), &public).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the program says to this user and group: standard output, standard error, exit status.
    fn shows(&self, (uid, gid): (u32, u32), arguments: &[&str]) -> (String, String, i32) {
        let mut command = Command::new(self.path("ds01-workloads"));
        command.env_clear().stdin(Stdio::null()).args(arguments);
        command.arg("--state-dir").arg(self.path("state")).arg("--public-dir").arg(self.path("public"));
        if uid != 0 {
            command.uid(uid).gid(gid);
        }
        outcome(command)
    }
}

/// What nobody but its owner, the group and root sees.
const DETAILS: [&str; 4] = ["hunter2", "image-of-bens", "image-of-says-it-is-hers", "image-of-nobodys"];

fn has(text: &str, words: &[&str]) -> Vec<bool> {
    words.iter().map(|word| text.contains(word)).collect()
}

#[test]
fn each_sees_exactly_what_the_table_says() {
    if !as_root() {
        return;
    }
    let names = ["hers-one", "hers-two", "says-it-is-hers", "bens", "nobodys"];
    let host = Host::new("owners");

    let (out, err, code) = host.shows(NOBODY, &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(has(&out, &names), [false; 5], "{out}");
    assert!(out.contains("alice") && out.contains("ben") && out.contains("2    A100"), "{out}");
    assert!(out.contains("public part (public_view: owners)") && out.contains("None of your own"), "{out}");
    let (json, said, _) = host.shows(NOBODY, &["--json"]);
    assert!(said.contains("public part"), "{said}");
    assert_eq!(has(&json, &DETAILS), [false; 4], "{json}");

    let (out, _, code) = host.shows(ALICE, &[]);
    assert_eq!((code, has(&out, &names)), (0, vec![true, true, false, false, false]), "{out}");
    let (json, ..) = host.shows(ALICE, &["--json"]);
    assert_eq!(has(&json, &["image-of-hers-one", "image-of-hers-two"]), [true, true], "what is hers is whole");
    assert_eq!(has(&json, &DETAILS), [false; 4], "{json}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["public"]["gpus"].as_array().unwrap().len(), 3);
    assert_eq!(json["containers"].as_object().unwrap().len(), 2);
    let (ids, ..) = host.shows(ALICE, &["-o", "name"]);
    assert_eq!(ids.lines().collect::<Vec<_>>(), ["hers-one", "hers-two"]);

    for who in [MEMBER, ROOT] {
        let (out, err, code) = host.shows(who, &[]);
        assert_eq!((code, err.as_str(), has(&out, &names)), (0, "", vec![true; 5]), "{out}");
        let (json, ..) = host.shows(who, &["--json"]);
        assert_eq!(has(&json, &DETAILS), [true; 4]);
    }
}

#[test]
fn the_gpus_are_for_everybody_and_the_free_one_is_named() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    for who in [NOBODY, ALICE, MEMBER, ROOT] {
        let (out, _, code) = host.shows(who, &["--by-gpu", "--free", "--json"]);
        let json: Value = serde_json::from_str(&out).unwrap();
        let states: Vec<(&str, &str)> = json["gpus"]
            .as_array()
            .unwrap()
            .iter()
            .map(|gpu| (gpu["gpu"].as_str().unwrap(), gpu["state"].as_str().unwrap()))
            .collect();
        assert_eq!((code, &states[..]), (0, &[("2", "free"), ("0", "held"), ("1", "held")][..]), "{who:?}");
        let named = out.contains("hers-one");
        assert_eq!(named, who == MEMBER || who == ROOT, "{out}");
        let (free, err, code) = host.shows_wait(who, &["--gpus", "1", "--memory", "40G"]);
        assert_eq!((free.as_str(), err.as_str(), code), ("GPU-2\n", "", 0));
        let (_, _, code) = host.shows(who, &["--by-gpu", "--free", "--gpu", "0"]);
        assert_eq!(code, 1, "that one is not free");
    }
}

#[test]
fn levels_show_less_and_off_leaves_nothing() {
    if !as_root() {
        return;
    }
    let full = Host::new("full").shows(NOBODY, &["--by-gpu"]).0;
    assert_eq!(has(&full, &["hers-one", "alice", "hunter2"]), [true, true, false], "{full}");
    let anonymous = Host::new("anonymous").shows(NOBODY, &["--by-gpu"]).0;
    assert_eq!(has(&anonymous, &["hers-one", "alice", "held"]), [false, false, true], "{anonymous}");
    let off = Host::new("off");
    let (out, err, code) = off.shows(NOBODY, &[]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("may not read") && err.contains("public_view") && !err.contains("usermod"), "{err}");
    assert_eq!(off.shows(ROOT, &["--by-gpu"]).2, 0);
}

#[test]
fn nobody_reads_anothers_file_or_learns_whose_there_are() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let users = host.path("public/users");
    assert!(users.join(ALICE.0.to_string()).exists());
    let mut list = Command::new("ls");
    list.arg(&users).uid(NOBODY.0).gid(NOBODY.1).stderr(Stdio::null());
    assert!(!list.status().unwrap().success());
    let mut read = Command::new("cat");
    read.arg(users.join(ALICE.0.to_string())).uid(NOBODY.0).gid(GROUP).stderr(Stdio::null()).stdout(Stdio::null());
    assert!(!read.status().unwrap().success());
}

impl Host {
    fn shows_wait(&self, (uid, gid): (u32, u32), arguments: &[&str]) -> (String, String, i32) {
        let mut command = Command::new(self.path("ds01-workloads"));
        command.env_clear().stdin(Stdio::null()).arg("wait").args(arguments);
        command.arg("--state-dir").arg(self.path("state")).arg("--public-dir").arg(self.path("public"));
        command.arg("--keep-dir").arg(self.path("keep"));
        if uid != 0 {
            command.uid(uid).gid(gid);
        }
        outcome(command)
    }
}

#[test]
fn waiting_ends_when_there_is_enough_when_there_never_is_or_in_time() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let (out, err, code) = host.shows_wait(NOBODY, &["--gpus", "2", "--timeout", "1s"]);
    assert_eq!((out.as_str(), code), ("", 4), "{err}");
    assert!(err.contains("not free in time: 2 GPUs"), "{err}");
    let (_, err, code) = host.shows_wait(NOBODY, &["--mig", "3g.40gb"]);
    assert_eq!(code, 1);
    assert!(err.contains("this host has 0 of what you ask for (1 MIG instance 3g.40gb)"), "{err}");
    assert_eq!(host.shows_wait(NOBODY, &["--memory", "lots"]).2, 2);

    // A request is left where everybody can, and only its owner is asked who asks.
    fs::create_dir(host.path("keep")).unwrap();
    fs::set_permissions(host.path("keep"), Permissions::from_mode(0o1733)).unwrap();
    let (out, err, code) = host.shows_wait(ALICE, &["--gpus", "2", "--notify"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Asked to be told about 2 GPUs"), "{out}");
    let left = fs::read_dir(host.path("keep")).unwrap().next().unwrap().unwrap();
    let request: Value = serde_json::from_slice(&fs::read(left.path()).unwrap()).unwrap();
    assert_eq!((&request["wait"]["gpus"], &request["seconds"]), (&Value::from(2), &Value::from(86_400)));
}

#[test]
fn an_old_picture_names_no_free_gpu_and_a_new_one_ends_the_wait() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let file = host.path("public/gpus.json");
    let mut picture: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    picture["at"] = Value::from((Timestamp::now() - Duration::from_secs(3_600)).to_string());
    fs::write(&file, picture.to_string()).unwrap();
    let (out, err, code) = host.shows_wait(NOBODY, &["--timeout", "1s"]);
    assert_eq!((out.as_str(), code), ("", 4));
    assert!(err.contains("the last scan was 1h ago"), "{err}");
    assert_eq!(host.shows(NOBODY, &["--by-gpu", "--free"]).2, 1);

    let mut command = Command::new(host.path("ds01-workloads"));
    command.arg("wait").arg("--state-dir").arg(host.path("state")).arg("--public-dir").arg(host.path("public"));
    let waiting = command.uid(NOBODY.0).gid(NOBODY.1).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    picture["at"] = Value::from(Timestamp::now().to_string());
    let new = host.path("public/new");
    fs::write(&new, picture.to_string()).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
    fs::rename(&new, &file).unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"GPU-2\n".as_slice()));
}

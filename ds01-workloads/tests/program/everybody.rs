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

pub(crate) const NOBODY: (u32, u32) = (65_534, 65_534);
pub(crate) const ALICE: (u32, u32) = (54_001, 54_001);
/// A group that stands for Docker's.
const GROUP: u32 = 54_321;
pub(crate) const MEMBER: (u32, u32) = (54_002, GROUP);
pub(crate) const ROOT: (u32, u32) = (0, 0);

/// Only root can be somebody else.
pub(crate) fn as_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root || std::env::var_os("DS01_REQUIRE_RIG").is_none(), "these tests need root");
    if !is_root {
        eprintln!("skipped: only root can see what others see");
    }
    is_root
}

/// An installed host: state, what is public, and the program where everybody can run it.
pub(crate) struct Host {
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
    pub(crate) fn new(view: &str) -> Self {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the program says to this user and group: standard output, standard error, exit status.
    pub(crate) fn shows(&self, (uid, gid): (u32, u32), arguments: &[&str]) -> (String, String, i32) {
        let mut command = Command::new(self.path("ds01-workloads"));
        command.env_clear().stdin(Stdio::null()).args(arguments);
        command.arg("--state-dir").arg(self.path("state")).arg("--public-dir").arg(self.path("public"));
        if uid != 0 {
            command.uid(uid).gid(gid);
        }
        outcome(command)
    }

    /// The same of `wait`.
    pub(crate) fn shows_wait(&self, (uid, gid): (u32, u32), arguments: &[&str]) -> (String, String, i32) {
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

/// Over ssh, what is one's own and what everybody may see would look like a whole host with little on it.
#[test]
fn a_fleet_is_told_nothing_of_a_host_whose_inventory_it_may_not_read() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    let names = [("nobody", NOBODY), ("alice", ALICE), ("member", MEMBER)];
    let as_whom: String = names
        .iter()
        .map(|(name, (uid, gid))| format!("{name}) user='--reuid {uid} --regid {gid} --clear-groups' ;;\n"))
        .collect();
    let ssh = format!(
        "#!/bin/sh\nuser=\nfor word in \"$@\"; do case $word in\n{as_whom}esac; done\n\
         exec setpriv $user {0}/ds01-workloads --state-dir {0}/state --public-dir {0}/public --json\n",
        host.dir.path().display()
    );
    fs::write(host.path("ssh"), ssh).unwrap();
    fs::set_permissions(host.path("ssh"), Permissions::from_mode(0o755)).unwrap();
    fs::write(host.path("hosts"), "nobody\nalice\nmember\n").unwrap();
    let path = |name: &str| host.path(name).display().to_string();
    let asked = ["--hosts", &path("hosts"), "--ssh", &path("ssh"), "--fleet-memory", &path("memory")];
    let (out, err, code) = host.shows(ROOT, &[&asked[..], &["--fleet-config", "/nonexistent", "--json"]].concat());
    assert_eq!((err.as_str(), code), ("", 0));
    let seen: Value = serde_json::from_str(&out).unwrap();
    for told in &seen["hosts"].as_array().unwrap()[..] {
        if told["host"] == "member" {
            assert_eq!((told["state"].as_str(), told["containers"].as_array().unwrap().len()), (Some("answers"), 5));
            continue;
        }
        assert_eq!((told["state"].as_str(), &told["gpus"]), (Some("silent"), &Value::Null), "{told:#}");
        assert!(told["why"].as_str().unwrap().contains("join the group docker there"), "{told:#}");
    }
    let (out, _, _) = host.shows(ROOT, &[&asked[..], &["--fleet-config", "/nonexistent", "--by-gpu"]].concat());
    assert!(!out.contains("nobody GPU") && !out.contains("alice GPU") && out.contains("member GPU 0"), "{out}");
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
    let (ids, said, _) = host.shows(ALICE, &["-o", "name"]);
    assert_eq!(ids.lines().collect::<Vec<_>>(), ["hers-one", "hers-two"]);
    assert!(said.contains("your own workloads alone"), "{said}");
    for form in [&["-q"][..], &["-o", "name"], &["-o", "custom-columns=NAME:.name", "--no-headers"]] {
        let (out, said, code) = host.shows(NOBODY, form);
        assert_eq!((out.as_str(), code), ("", 0), "{form:?}");
        assert!(said.contains("your own workloads alone"), "{form:?}: {said}");
        assert_eq!(host.shows(MEMBER, form).1, "", "{form:?}");
    }

    for who in [MEMBER, ROOT] {
        let (out, err, code) = host.shows(who, &[]);
        assert_eq!((code, err.as_str(), has(&out, &names)), (0, "", vec![true; 5]), "{out}");
        let (json, ..) = host.shows(who, &["--json"]);
        assert_eq!(has(&json, &DETAILS), [true; 4]);
    }
}

#[test]
fn who_sees_a_part_is_told_of_no_name_that_it_is_not_here_while_it_is() {
    if !as_root() {
        return;
    }
    let host = Host::new("owners");
    for form in [&[][..], &["--json"], &["-o", "name"]] {
        let said = |who, filter: &[&str]| host.shows(who, &[filter, form].concat()).1;
        for here in [&["--gpu", "2"][..], &["--user", "ben"], &["--gpu", "GPU-1", "--user", "alice"]] {
            for who in [NOBODY, ALICE] {
                let said = said(who, here);
                assert!(!said.contains("no GPU") && !said.contains("nobody"), "{here:?} {form:?}: {said}");
            }
        }
        assert!(said(NOBODY, &["--gpu", "9"]).contains("this host has no GPU 9: it has 0, 1, 2"), "{form:?}");
        assert!(said(NOBODY, &["--user", "zoe"]).contains("nobody of the name zoe holds a GPU here"), "{form:?}");
    }
    let (out, ..) = host.shows(ALICE, &["--gpu", "2"]);
    assert!(!out.contains("None of your own") && out.contains("0 containers"), "what was not asked for is here: {out}");

    // The table of GPUs says it, too.
    for who in [NOBODY, ROOT] {
        let (_, said, code) = host.shows(who, &["--by-gpu", "--gpu", "9", "--user", "zoe"]);
        assert!(said.contains("no GPU 9") && said.contains("nobody of the name zoe") && code == 0, "{said}");
        assert_eq!(host.shows(who, &["--by-gpu", "--gpu", "2"]).1, "");
    }
    for other in [&["--by-gpu", "--belongs-to", "pod"][..], &["--by-gpu", "--free", "--user", "zoe"]] {
        let (out, said, code) = host.shows(ROOT, other);
        assert_eq!((out.as_str(), code), ("", 2), "{other:?}: {said}");
        assert!(said.contains(other[other.len() - 2]), "{said}");
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
    assert!(!err.contains("`ds01-workloads`"), "that is what was just run: {err}");
    assert!(off.shows(NOBODY, &["--by-gpu"]).1.contains("`ds01-workloads` shows what is yours"));
    let (out, err, code) = off.shows(ALICE, &[]);
    let seen = has(&out, &["hers-one", "hers-two", "bens", "says-it-is-hers", "public_view"]);
    assert_eq!((code, err.as_str(), seen), (0, "", vec![true, true, false, false, true]), "{out}");
    let (out, err, code) = off.shows(ALICE, &["--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["containers"].as_object().unwrap().len(), json.get("public"), code), (2, None, 0));
    assert!(err.contains("your own workloads alone"), "{err}");
    assert_eq!(off.shows(ALICE, &["-o", "name", "--user", "alice"]).0, "hers-one\nhers-two\n");
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

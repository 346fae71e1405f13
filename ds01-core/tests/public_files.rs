//! What everybody may see, as files: who can read which, and what nobody gains by planting something there.

#![allow(clippy::unwrap_used, reason = "clippy knows #[test] functions, not their helpers")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use ds01_core::{
    detect::{Inventory, Settings, look},
    idle::gpus::{Picture, Public, publish},
    policy::{Document, Policy, PolicyFiles, PublicView, parse},
    source::fake::{ContainerSpec, Disappear, FakeHost, GpuRequest, GpuSpec, ProcessSpec, Step},
};
use tempfile::TempDir;

const ALICE: u32 = 1001;

struct Lab {
    host: FakeHost,
    inventory: Inventory,
    dir: TempDir,
}

fn policy(view: &str) -> Policy {
    let text = format!("defaults: {{idle_timeout: 30m, max_runtime: 24h}}\npublic_view: {view}\n");
    let policy = Document { path: "limits.yaml".into(), bytes: text.into() };
    parse(&PolicyFiles { policy, overrides: None, exemptions: None, members: Default::default() }).unwrap().policy
}

fn lab() -> Lab {
    let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
    host.with_users([(ALICE, "alice".to_owned())].into());
    host.add_gpus(&[GpuSpec { uuid: "GPU-0".into(), ..GpuSpec::default() }]).unwrap();
    let hers = ContainerSpec {
        name: "hers".into(),
        uid: ALICE,
        gpus: Some(GpuRequest::Count(1)),
        processes: vec![ProcessSpec { pid: 400, gpus: [("0".into(), Some(9))].into(), ..ProcessSpec::default() }],
        ..ContainerSpec::default()
    };
    host.add_container(&hers).unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    Lab { host, inventory: Inventory::empty(), dir }
}

impl Lab {
    fn scan(&mut self) {
        self.host.advance(Duration::from_secs(30));
        let limit = Duration::from_secs(5);
        self.inventory = look(&self.host.sources(), &self.inventory, limit, &Settings::default());
    }

    fn publish(&self, policy: Option<&Policy>, unsound: bool) -> Result<(), String> {
        let now = self.inventory.last_scan.unwrap();
        let public = Public { inventory: &self.inventory, idleness: None, policy, unsound, now };
        publish(self.dir.path(), &public).map_err(|error| error.to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn picture(&self) -> Option<Picture> {
        fs::read(self.path("gpus.json")).ok().map(|bytes| Picture::from_json(&bytes).unwrap())
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn everybody_reads_the_one_and_each_user_his_own() {
    let mut lab = lab();
    lab.scan();
    let published = lab.publish(Some(&policy("owners")), false);
    assert_eq!(mode(&lab.path("gpus.json")), 0o644);
    assert_eq!(lab.picture().unwrap().gpus[0].holders[0].user.as_deref(), Some("alice"));
    assert_eq!(mode(&lab.path("users")) & 0o777, 0o711, "nobody can list whose files there are");
    // Only root can give files away.
    if is_root() {
        published.unwrap();
        let hers = lab.path("users/1001");
        assert_eq!((mode(&hers), fs::metadata(&hers).unwrap().uid()), (0o400, ALICE));
        let own = Inventory::from_json(&fs::read(hers).unwrap()).unwrap();
        assert_eq!(own.containers.values().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["hers"]);

        let gone = Disappear { containers: vec!["hers".into()], ..Disappear::default() };
        lab.host.apply(&Step { disappear: gone, ..Step::default() }, false).unwrap();
        lab.scan();
        lab.publish(Some(&policy("owners")), false).unwrap();
        assert_eq!(fs::read_dir(lab.path("users")).unwrap().count(), 0, "who has nothing here has no file");
    }
}

/// A label names whom it likes: 256 such names, and real users had no file.
#[test]
fn labels_that_name_hundreds_of_people_push_nobody_out() {
    let mut lab = lab();
    for uid in 1..=300 {
        let labels = [("ds01.user".to_owned(), uid.to_string())].into();
        lab.host.add_container(&ContainerSpec { name: format!("c{uid}"), labels, ..ContainerSpec::default() }).unwrap();
    }
    lab.scan();
    let published = lab.publish(None, false);
    if is_root() {
        published.unwrap();
        let names: Vec<_> = fs::read_dir(lab.path("users")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["1001"], "who has something here, and nobody who is only named");
    }
}

#[test]
fn what_can_not_be_removed_keeps_nothing_else_there() {
    let mut lab = lab();
    lab.scan();
    let _ = lab.publish(None, false);
    fs::create_dir(lab.path("users/4711")).unwrap();
    let old: Vec<PathBuf> = (9_000..9_040).map(|uid| lab.path(&format!("users/{uid}"))).collect();
    old.iter().for_each(|file| fs::write(file, "old").unwrap());
    let published = lab.publish(None, false);
    assert!(old.iter().all(|file| !file.exists()), "in whatever order they are listed");
    if is_root() {
        assert!(published.unwrap_err().contains("users/4711"));
        assert!(lab.path("users/1001").exists());
    }
}

#[test]
fn the_policy_says_how_much_and_off_is_off() {
    let mut lab = lab();
    lab.scan();
    for view in ["full", "anonymous", "off", "owners"] {
        let _ = lab.publish(Some(&policy(view)), false);
        let shown = lab.picture().map_or(PublicView::Off, |picture| picture.view);
        assert_eq!(shown.as_str(), view);
    }
    // A policy that can't be read shows no more than was shown before.
    let _ = lab.publish(None, true);
    assert_eq!(lab.picture().unwrap().view, PublicView::Owners);
    let _ = lab.publish(Some(&policy("off")), false);
    let _ = lab.publish(None, true);
    assert_eq!(lab.picture(), None);
    let _ = lab.publish(None, false);
    assert_eq!(lab.picture().unwrap().view, PublicView::Owners, "as shipped where there is none");
}

/// What stands in it moves no cursor and turns no text around, with whatever a user reads it.
#[test]
fn names_that_would_act_on_a_terminal_are_escaped_for_everybody() {
    let mut lab = lab();
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}evil\nname\u{7f}";
    let spec = ContainerSpec { name: hostile.into(), gpus: Some(GpuRequest::Count(1)), ..ContainerSpec::default() };
    lab.host.add_container(&spec).unwrap();
    lab.scan();
    let _ = lab.publish(Some(&policy("full")), false);
    let text = fs::read_to_string(lab.path("gpus.json")).unwrap();
    assert!(text.contains(r"\u001b[2J\u009b31m\u202eevil\nname\u007f"), "{text}");
    assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
    let picture = lab.picture().unwrap();
    let names = picture.gpus[0].holders.iter().filter_map(|holder| holder.name.as_deref());
    assert!(names.collect::<Vec<_>>().contains(&hostile), "and means the same");
}

#[test]
fn an_older_picture_replaces_no_newer_one() {
    let mut lab = lab();
    lab.scan();
    let before = lab.inventory.clone();
    lab.scan();
    let newer = lab.inventory.last_scan;
    let _ = lab.publish(None, false);
    let (now, inventory) = (newer.unwrap(), &before);
    let public = Public { inventory, idleness: None, policy: None, unsound: false, now };
    let _ = publish(lab.dir.path(), &public);
    assert_eq!(lab.picture().unwrap().at, newer);
}

#[test]
fn nothing_is_made_where_nobody_wants_it_and_nothing_planted_is_followed() {
    let mut lab = lab();
    lab.scan();
    let elsewhere = lab.path("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, lab.path("gpus.json")).unwrap();
    assert!(lab.publish(None, false).unwrap_err().contains("link"));
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
    fs::remove_file(lab.path("gpus.json")).unwrap();

    symlink("/tmp", lab.path("users")).unwrap();
    assert!(lab.publish(None, false).unwrap_err().contains("users"), "a link in the place of the users' directory");
    assert!(lab.picture().is_some(), "what everybody sees comes first");
    fs::remove_file(lab.path("users")).unwrap();

    fs::set_permissions(lab.dir.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(lab.publish(None, false).unwrap_err().contains("can write to this directory"));

    fs::remove_dir_all(lab.dir.path()).unwrap();
    lab.publish(None, false).unwrap();
    assert!(!lab.dir.path().exists());
    fs::create_dir(lab.dir.path()).unwrap();
}

#[test]
fn what_is_of_no_use_is_said_in_short_and_safe_words() {
    let said = |text: &str| Picture::from_json(text.as_bytes()).unwrap_err();
    let other = r#"{"schema_version":"2","devices":[]}"#;
    assert_eq!(said(other), r#"written by another version: schema_version is "2", this program reads 1"#);
    let whole = |version: &str, view: &str| {
        format!(r#"{{"schema_version":"{version}","host":null,"at":null,"view":"{view}","gpus":[]}}"#)
    };
    assert!(Picture::from_json(whole("1", "full").as_bytes()).is_ok());
    for hostile in ["\u{202e}".to_owned(), "x".repeat(4096)] {
        for text in [whole(&hostile, "full"), whole("1", &hostile)] {
            let said = said(&text);
            assert!(said.len() < 400 && !said.contains('\u{202e}'), "{said:?}");
        }
    }
}

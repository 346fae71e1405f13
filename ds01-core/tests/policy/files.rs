//! The files on disk: what a careful root program reads, and what it refuses, with the reason.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use ds01_core::policy::{ContainerType, load};
use tempfile::TempDir;

const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: 24h}\ngroups: {student: {}, faculty: {members: []}}\n";

/// A folder with a sound policy in it.
struct Config(TempDir);

impl Config {
    fn new() -> Self {
        let config = Self(TempDir::new().unwrap());
        fs::create_dir(config.path("groups")).unwrap();
        fs::set_permissions(config.path("groups"), Permissions::from_mode(0o755)).unwrap();
        config.write("resource-limits.yaml", POLICY);
        config
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// The words with which the policy is refused.
    fn refused(&self) -> String {
        load(&self.path("resource-limits.yaml")).unwrap_err().to_string()
    }

    fn group_of(&self, user: &str) -> String {
        let loaded = load(&self.path("resource-limits.yaml")).unwrap();
        loaded.policy.resolve(Some(user), ContainerType::Managed).group.value
    }
}

#[test]
fn the_files_beside_the_policy_are_read() {
    let config = Config::new();
    assert_eq!(config.group_of("alice"), "student");
    config.write("groups/faculty.members", "alice\n");
    config.write("user-overrides.yaml", "alice: {idle_timeout: 4h}\n");
    config.write("lifecycle-exemptions.yaml", "exemptions: []\n");
    assert_eq!(config.group_of("alice"), "faculty");
    let loaded = load(&config.path("resource-limits.yaml")).unwrap();
    let idle = loaded.policy.resolve(Some("alice"), ContainerType::Docker).limits.idle_timeout;
    assert_eq!(idle.place.unwrap().file.as_ref(), config.path("user-overrides.yaml"));
}

#[test]
fn a_missing_policy_is_an_error_and_no_set_of_values() {
    let config = Config::new();
    fs::remove_file(config.path("resource-limits.yaml")).unwrap();
    assert!(config.refused().contains("nobody is judged by built-in values"));
}

/// Root may open everything: what fails for everybody is reading this process's memory from its start.
#[test]
fn a_policy_that_cannot_be_read_is_an_error() {
    assert!(load("/proc/self/mem".as_ref()).unwrap_err().to_string().contains("the file can't be read"));
}

#[test]
fn a_missing_folder_of_members_is_none() {
    let config = Config::new();
    fs::remove_dir(config.path("groups")).unwrap();
    assert_eq!(config.group_of("alice"), "student");
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let config = Config::new();
    fs::create_dir(config.path("groups/faculty.members")).unwrap();
    fs::create_dir(config.path("user-overrides.yaml")).unwrap();
    let said = config.refused();
    assert_eq!(said.matches("this is a folder, not a file").count(), 2, "{said}");
    assert!(said.contains("groups/faculty.members: error"), "{said}");
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let config = Config::new();
    fs::remove_dir(config.path("groups")).unwrap();
    config.write("groups", "alice\n");
    assert!(config.refused().contains("this is not a folder"));
}

#[test]
fn links_are_not_followed_wherever_they_lead() {
    let elsewhere = Config::new();
    let list = elsewhere.write("list", "alice\n");
    for target in [list, "/nowhere".into(), "student.members".into()] {
        let config = Config::new();
        symlink(&target, config.path("groups/faculty.members")).unwrap();
        assert!(config.refused().contains("this is a symbolic link"), "{target:?}");
    }
    let config = Config::new();
    symlink(elsewhere.path("list"), config.path("user-overrides.yaml")).unwrap();
    assert!(config.refused().contains("this is a symbolic link"));
    let config = Config::new();
    fs::remove_dir(config.path("groups")).unwrap();
    symlink(elsewhere.path("groups"), config.path("groups")).unwrap();
    assert!(config.refused().contains("this is not a folder"));
}

/// Emacs marks a file that is open in it with such a link.
#[test]
fn hidden_files_are_nobodys_members() {
    let config = Config::new();
    symlink("root@host.42:1", config.path("groups/.#faculty.members")).unwrap();
    assert_eq!(config.group_of("alice"), "student");
}

#[test]
fn the_policy_itself_may_be_a_link() {
    let (config, elsewhere) = (Config::new(), Config::new());
    fs::remove_file(config.path("resource-limits.yaml")).unwrap();
    symlink(elsewhere.path("resource-limits.yaml"), config.path("resource-limits.yaml")).unwrap();
    assert_eq!(config.group_of("alice"), "student");
}

#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let config = Config::new();
    let pipe = config.path("groups/faculty.members");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    assert!(config.refused().contains("this is a pipe"));
    assert!(load("/dev/zero".as_ref()).unwrap_err().to_string().contains("this is a device"));
}

#[test]
fn what_everybody_can_write_is_refused() {
    let open = |path| fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    for name in ["resource-limits.yaml", "user-overrides.yaml", "lifecycle-exemptions.yaml", "groups/faculty.members"] {
        let config = Config::new();
        if name != "resource-limits.yaml" {
            config.write(name, "# nobody\n");
        }
        open(config.path(name));
        assert!(config.refused().contains("everybody can write to it"), "{name}");
    }
    let config = Config::new();
    fs::set_permissions(config.path("groups"), Permissions::from_mode(0o777)).unwrap();
    assert!(config.refused().contains("everybody can write to it"));
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let config = Config::new();
    config.write("groups/faculty.members", &"alice\n".repeat(1 << 20));
    assert!(config.refused().contains("the most that is read"));
}

/// Only root can give files away, and only others are kept from reading: as somebody else this says nothing.
#[test]
fn files_of_others_are_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let config = Config::new();
    let list = config.write("groups/faculty.members", "alice\n");
    std::os::unix::fs::chown(&list, Some(12_345), None).unwrap();
    assert!(config.refused().contains("uid 12345, who is neither root nor the policy's owner"));
    std::os::unix::fs::chown(config.path("resource-limits.yaml"), Some(12_345), None).unwrap();
    let loaded = load(&config.path("resource-limits.yaml")).unwrap();
    assert!(loaded.warnings[0].to_string().contains("who can change what is enforced"));
}

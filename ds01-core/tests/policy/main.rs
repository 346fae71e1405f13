//! The policy, from its files to what holds for whom.

// Clippy lets test functions panic, but not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ages;
mod files;
mod fixtures;
mod hostile;
mod journal;
mod metrics;
mod monitoring;
mod notify;
mod properties;
mod public_view;
mod shipped;

use std::path::{Path, PathBuf};

use ds01_core::policy::{ContainerType, Document, Policy, PolicyFiles};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A policy of one file.
fn one_file(text: impl Into<Vec<u8>>) -> PolicyFiles {
    PolicyFiles {
        policy: Document { path: "resource-limits.yaml".into(), bytes: text.into() },
        overrides: None,
        exemptions: None,
        members: Default::default(),
    }
}

/// The files of a folder, named as seen from it, so that what is said of them is the same wherever the folder is.
fn folder(folder: &Path) -> PolicyFiles {
    let read = |name: &str| std::fs::read(folder.join(name)).ok().map(|bytes| Document { path: name.into(), bytes });
    let mut files = one_file(read("resource-limits.yaml").expect("every folder has one").bytes);
    files.overrides = read("user-overrides.yaml");
    files.exemptions = read("lifecycle-exemptions.yaml");
    for entry in std::fs::read_dir(folder.join("groups")).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let (Some(group), Some(document)) = (name.strip_suffix(".members"), read(&format!("groups/{name}"))) {
            files.members.insert(group.to_owned(), document);
        }
    }
    files
}

/// What a policy says to a user and type, without saying where: name and value of every setting, and the group.
fn values(policy: &Policy, user: &str, kind: ContainerType) -> Vec<(String, String)> {
    let resolved = policy.resolve(Some(user), kind);
    let mut values = vec![("group".to_owned(), resolved.group.value.clone())];
    values.extend(resolved.rows().into_iter().map(|row| (row.name.to_owned(), row.value.to_string())));
    values
}

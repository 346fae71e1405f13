//! The policies that are replayed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ds01_core::policy::{self, Policy};
use jiff::Timestamp;

use crate::{
    CONSOLE,
    cli::Policies,
    failure::{Failure, count_findings},
};

/// What a policy is called in headings.
pub(super) const IN_FORCE: &str = "IN FORCE";
pub(super) const OLD: &str = "OLD";
pub(super) const NEW: &str = "NEW";

/// Files beside the policy that are a part of it.
const BESIDE: [&str; 3] = ["user-overrides.yaml", "lifecycle-exemptions.yaml", "groups"];

/// A policy with its name.
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) policy: Policy,
}

/// The policies, the one that is asked about first.
pub(super) struct Given {
    pub(super) main: Named,
    /// What it is held against, beside what really happened.
    pub(super) other: Option<Named>,
    /// When the policy in force was last changed, where it is one of them.
    pub(super) changed: Option<Timestamp>,
}

impl Given {
    /// Reads them. One that is not sound is an error, as it is for a check.
    pub(super) fn load(policies: &Policies) -> Result<Self, Failure> {
        Ok(match policies {
            Policies::InForce(path) => Self { main: load(IN_FORCE, path)?, other: None, changed: changed(path) },
            Policies::New { new, in_force } => {
                Self { main: load(NEW, new)?, other: Some(load(IN_FORCE, in_force)?), changed: changed(in_force) }
            }
            Policies::Compare { old, new } => {
                let old = load(OLD, old)?;
                Self { main: load(NEW, new)?, other: Some(old), changed: None }
            }
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Named> {
        std::iter::once(&self.main).chain(&self.other)
    }

    pub(super) fn policies(&self) -> Vec<&Policy> {
        self.all().map(|one| &one.policy).collect()
    }

    /// Whether two were given to be compared.
    pub(super) fn are_compared(&self) -> bool {
        self.other.as_ref().is_some_and(|other| other.name == OLD)
    }

    /// Where the policy in force is among them.
    pub(super) fn in_force(&self) -> Option<usize> {
        self.all().position(|one| one.name == IN_FORCE)
    }
}

fn load(name: &'static str, path: &Path) -> Result<Named, Failure> {
    let loaded = policy::load(path)?;
    if !loaded.warnings.is_empty() {
        let warnings = count_findings(&loaded.warnings);
        CONSOLE.say(format_args!(
            "{warnings} about {path}: see ds01-idle check-config --config {path}",
            path = path.display()
        ));
    }
    Ok(Named { name, path: path.to_owned(), policy: loaded.policy })
}

/// When the policy, or what lies beside it, was last changed.
fn changed(path: &Path) -> Option<Timestamp> {
    let beside = BESIDE.iter().map(|name| path.with_file_name(name));
    let members = fs::read_dir(path.with_file_name("groups")).into_iter().flatten().flatten().map(|file| file.path());
    let files = std::iter::once(path.to_owned()).chain(beside).chain(members);
    let changes = files.filter_map(|file| fs::metadata(file).ok()?.modified().ok());
    changes.max().and_then(|at| Timestamp::try_from(at).ok())
}

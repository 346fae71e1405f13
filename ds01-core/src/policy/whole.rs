//! A policy that was read whole.

use std::collections::BTreeMap;

use super::{
    diagnostic::Diagnostic,
    engines::Engines,
    exemptions::Exemption,
    journal::Retention,
    level::{ContainerType, Place},
    metrics::Metrics,
    monitoring::Monitoring,
    names::ByUser,
    notify::Notify,
    public_view::PublicView,
    settings::{Located, Said},
};

/// The group of whom no file names in any, where no file says which.
const DEFAULT_GROUP: &str = "student";

/// A policy that was read whole.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `defaults`, with `policies` among its rules.
    pub(super) defaults: Said,
    pub(super) groups: BTreeMap<String, (Said, Place)>,
    pub(super) types: BTreeMap<ContainerType, Said>,
    /// `user-overrides.yaml`, which wins over the other.
    pub(super) overrides_file: ByUser<(Said, Place)>,
    /// `user_overrides` of the main file.
    pub(super) overrides_inline: ByUser<(Said, Place)>,
    /// The group of each user whom a file names.
    pub(super) members: ByUser<(String, Place)>,
    pub(super) default_group: Option<Located<String>>,
    pub(super) exemptions: Vec<Exemption>,
    /// Which container engines are looked at, and on which of them containers may be stopped.
    pub engines: Engines,
    /// Which containers and processes are the platform's own.
    pub monitoring: Monitoring,
    /// How people are told.
    pub notify: Notify,
    /// How much of the past is kept.
    pub journal: Retention,
    /// What the metrics file tells.
    pub metrics: Metrics,
    /// What everybody is shown of the GPUs.
    pub public_view: PublicView,
}

/// A policy, and what its author should look at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Warnings, in the order of files and lines.
    pub warnings: Vec<Diagnostic>,
}

impl Policy {
    /// What holds where no file says anything.
    pub fn built_in() -> Self {
        Self {
            defaults: Said::default(),
            groups: BTreeMap::new(),
            types: BTreeMap::new(),
            overrides_file: ByUser::default(),
            overrides_inline: ByUser::default(),
            members: ByUser::default(),
            default_group: None,
            exemptions: Vec::new(),
            engines: Engines::default(),
            monitoring: Monitoring::default(),
            notify: Notify::default(),
            journal: Retention::default(),
            metrics: Metrics::default(),
            public_view: PublicView::default(),
        }
    }

    /// The group of whom no file names in any.
    pub fn default_group(&self) -> &str {
        self.default_group.as_ref().map_or(DEFAULT_GROUP, |group| &group.value)
    }
}

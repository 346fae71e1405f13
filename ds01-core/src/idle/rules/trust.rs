//! What counts of what the maker of a container wrote: its labels and its name.
//!
//! Whoever makes a container chooses its labels, and a name that nobody has yet. By default all of them count, as they help people
//! who forget. A policy can demand more: `trust_labels` names those that count, and the others exempt nobody.

use crate::{
    detect::Origin,
    idle::evidence::ContainerFacts,
    policy::{ContainerType, DEVCONTAINER_LABELS, DEVCONTAINER_NAMES, MONITORING_LABEL, Monitoring},
};

/// How the label of a Compose project begins its life: with the project's name.
const COMPOSE_LABEL: &str = "com.docker.compose.project";

/// Why a container is the platform's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Infrastructure<'a> {
    /// The policy has its name.
    Name(&'a str),
    /// The policy has its image.
    Image(&'a str),
    /// The policy has its owner, and its main process runs as that user.
    Owner(&'a str),
    /// It has this label, which its maker wrote.
    Label(&'a str),
}

impl<'a> Infrastructure<'a> {
    /// Why this container is one of the platform's own; `None` for one that is not.
    pub fn of(facts: &'a ContainerFacts, monitoring: &'a Monitoring) -> Option<Self> {
        let has = |label: &str, counts: fn(&str) -> bool| {
            monitoring.trusts(label) && facts.labels.get(label).is_some_and(|value| counts(value))
        };
        let label = monitoring.infrastructure_label.as_str();
        if monitoring.infrastructure_containers.contains(&facts.name) {
            Some(Self::Name(&facts.name))
        } else if monitoring.is_infrastructure_image(&facts.image) {
            Some(Self::Image(&facts.image))
        } else if let Some(user) = facts.proven_user().filter(|user| names(&monitoring.infrastructure_users, user)) {
            Some(Self::Owner(user))
        } else if has(label, |value| value != "false") {
            Some(Self::Label(label))
        } else if has(MONITORING_LABEL, |value| value == "true") {
            Some(Self::Label(MONITORING_LABEL))
        } else {
            None
        }
    }
}

impl std::fmt::Display for Infrastructure<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Image(image) => write!(f, "image {image}"),
            Self::Owner(user) => write!(f, "owner {user}"),
            Self::Label(label) => write!(f, "label {label}"),
        }
    }
}

fn names(all: &[String], one: &str) -> bool {
    all.iter().any(|name| name == one)
}

/// What makes it a dev container, as `trust_labels` calls it: a label, or its name. `None` for one that is none.
///
/// The journal keeps none of these labels. There, a dev container whose name begins so is one by its name.
pub fn dev_container_by(facts: &ContainerFacts) -> Option<&'static str> {
    let labelled = facts.labels.keys().any(|key| key.starts_with("devcontainer."));
    let by_name = !labelled && facts.name.starts_with("vsc-");
    (facts.origin == Origin::DevContainer).then_some(if by_name { DEVCONTAINER_NAMES } else { DEVCONTAINER_LABELS })
}

/// Its type in the policy, considering what counts there: a dev container by a label that does not is a plain one, or of Compose.
pub fn type_that_counts(facts: &ContainerFacts, monitoring: &Monitoring) -> ContainerType {
    match dev_container_by(facts) {
        Some(by) if !monitoring.trusts(by) => type_without(facts),
        _ => facts.container_type(),
    }
}

/// What a dev container would be without its labels of that kind.
pub fn type_without(facts: &ContainerFacts) -> ContainerType {
    if facts.labels.contains_key(COMPOSE_LABEL) { ContainerType::Compose } else { ContainerType::Docker }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;

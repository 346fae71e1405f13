//! What counts of what the maker of a container wrote: its labels and its name.
//!
//! Whoever makes a container chooses its labels, and a name that nobody has yet. By default all of them count, as they help people
//! who forget. A policy can demand more: `trust_labels` names those that count, and the others exempt nobody.

use crate::{
    detect::Origin,
    idle::evidence::ContainerFacts,
    policy::{ContainerType, DEVCONTAINER_LABELS, DEVCONTAINER_NAMES, Infrastructure, Monitoring, Whose},
};

/// How the label of a Compose project begins its life: with the project's name.
const COMPOSE_LABEL: &str = "com.docker.compose.project";

/// Why this container is one of the platform's own; `None` for one that is not.
pub(crate) fn infrastructure<'a>(facts: &'a ContainerFacts, monitoring: &'a Monitoring) -> Option<Infrastructure<'a>> {
    // What runs on a user's own daemon is not the platform's, whatever he calls it.
    if facts.engine.owner().is_some() {
        return None;
    }
    let whose =
        Whose { name: &facts.name, image: &facts.image, labels: &facts.labels, proven_user: facts.proven_user() };
    monitoring.infrastructure(&whose)
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

//! `monitoring`: which containers and processes are the platform's own.

use super::{
    reader::{Entry, Reader},
    schema,
    yaml::Node,
};

/// The label that marks a container as one that watches, with the value `true`.
pub const MONITORING_LABEL: &str = "ds01.monitoring";

/// In `trust_labels`: any label of this kind makes a container a dev container.
pub const DEVCONTAINER_LABELS: &str = "devcontainer.*";

/// In `trust_labels`: a name that begins so makes a container a dev container.
pub const DEVCONTAINER_NAMES: &str = "vsc-*";

/// Whom detection and the reaper leave alone, as the policy file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitoring {
    /// Names of the platform's own containers.
    pub infrastructure_containers: Vec<String>,
    /// Images of the platform's own containers, with or without a tag.
    pub infrastructure_images: Vec<String>,
    /// Users whose containers are the platform's own, where the main process says that they are theirs.
    pub infrastructure_users: Vec<String>,
    /// The label that marks a container as the platform's own.
    pub infrastructure_label: String,
    /// Which labels and names count that whoever makes a container chooses; `None` is all of them.
    pub trust_labels: Option<Vec<String>>,
    /// Names of system processes, beyond those that detection knows.
    pub system_processes: Vec<String>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            infrastructure_containers: Vec::new(),
            infrastructure_images: Vec::new(),
            infrastructure_users: Vec::new(),
            infrastructure_label: "ds01.protected".to_owned(),
            trust_labels: None,
            system_processes: Vec::new(),
        }
    }
}

impl Monitoring {
    /// Whether this label counts, or this way to be a dev container: [`DEVCONTAINER_LABELS`] or [`DEVCONTAINER_NAMES`].
    pub fn trusts(&self, label: &str) -> bool {
        self.trust_labels.as_ref().is_none_or(|trusted| trusted.iter().any(|one| one == label))
    }

    /// Whether an image is one of the platform's own: as it is written in the policy, or with a tag or digest behind that.
    pub fn is_infrastructure_image(&self, image: &str) -> bool {
        let is_tag = |rest: &str| rest.starts_with([':', '@']) && !rest.contains('/');
        self.infrastructure_images
            .iter()
            .any(|own| image.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || is_tag(rest)))
    }
}

const KEYS: [&str; 6] = [
    "infrastructure_containers",
    "infrastructure_images",
    "infrastructure_users",
    "infrastructure_label",
    "trust_labels",
    "system_processes",
];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Monitoring {
    let mut monitoring = Monitoring::default();
    let mut trusted = None;
    for entry in reader.entries(node, "`monitoring`") {
        let mut names = || reader.names(entry).into_iter().map(|(name, _)| name.to_owned()).collect();
        match entry.key {
            "infrastructure_containers" => monitoring.infrastructure_containers = names(),
            "infrastructure_images" => monitoring.infrastructure_images = names(),
            "infrastructure_users" => monitoring.infrastructure_users = names(),
            "system_processes" => monitoring.system_processes = names(),
            "infrastructure_label" => match reader.scalar(entry) {
                Some(given) if entry.value.is_null() || given.text.trim().is_empty() => {
                    reader.error(
                        entry.at,
                        "`infrastructure_label` names no label",
                        "write a label, such as `ds01.protected`",
                    );
                }
                Some(given) => given.text.clone_into(&mut monitoring.infrastructure_label),
                None => {}
            },
            "trust_labels" => trusted = Some(entry),
            _ => reader.unknown_key(entry, "`monitoring`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    // The platform's label can stand below it.
    if let Some(entry) = trusted {
        monitoring.trust_labels = Some(trust_labels(reader, entry, &monitoring.infrastructure_label));
    }
    monitoring
}

fn trust_labels(reader: &mut Reader<'_>, entry: Entry<'_>, infrastructure_label: &str) -> Vec<String> {
    if entry.value.is_null() {
        let help = "write `[]` to trust none, or remove the key to trust all";
        reader.error(entry.at, "`trust_labels` has no value", help);
    }
    let known = [infrastructure_label, MONITORING_LABEL, DEVCONTAINER_LABELS, DEVCONTAINER_NAMES];
    let mut trusted = Vec::new();
    for (name, at) in reader.names(entry) {
        if known.contains(&name) {
            trusted.push(name.to_owned());
        } else {
            let message = format!("`{name}` in `trust_labels` exempts nobody");
            reader.error(at, message, format!("what does is {}", known.map(|one| format!("`{one}`")).join(", ")));
        }
    }
    trusted
}

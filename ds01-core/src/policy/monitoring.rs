//! `monitoring`: which containers and processes are the platform's own.

use std::{collections::BTreeMap, fmt};

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

/// A container, as far as the policy can know it for one of the platform's own.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its image.
    pub image: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its owner, where its main process runs as that user: all else is chosen by whoever makes a container.
    pub proven_user: Option<&'a str>,
}

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

impl fmt::Display for Infrastructure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name {name}"),
            Self::Image(image) => write!(f, "image {image}"),
            Self::Owner(user) => write!(f, "owner {user}"),
            Self::Label(label) => write!(f, "label {label}"),
        }
    }
}

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
    /// Why a container is one of the platform's own; `None` for one that is not.
    pub fn infrastructure<'a>(&'a self, of: &Whose<'a>) -> Option<Infrastructure<'a>> {
        let has = |label: &str, counts: fn(&str) -> bool| {
            self.trusts(label) && of.labels.get(label).is_some_and(|value| counts(value))
        };
        let is_one_of = |all: &[String], one: &str| all.iter().any(|name| name == one);
        let label = self.infrastructure_label.as_str();
        if is_one_of(&self.infrastructure_containers, of.name) {
            Some(Infrastructure::Name(of.name))
        } else if self.is_infrastructure_image(of.image) {
            Some(Infrastructure::Image(of.image))
        } else if let Some(user) = of.proven_user.filter(|user| is_one_of(&self.infrastructure_users, user)) {
            Some(Infrastructure::Owner(user))
        } else if has(label, |value| value != "false") {
            Some(Infrastructure::Label(label))
        } else if has(MONITORING_LABEL, |value| value == "true") {
            Some(Infrastructure::Label(MONITORING_LABEL))
        } else {
            None
        }
    }

    /// Whether this label counts, or this way to be a dev container: [`DEVCONTAINER_LABELS`] or [`DEVCONTAINER_NAMES`].
    pub fn trusts(&self, label: &str) -> bool {
        self.trust_labels.as_ref().is_none_or(|trusted| trusted.iter().any(|one| one == label))
    }

    /// Whether an image is one of the platform's own: as it is written in the policy, or with a tag or digest behind that.
    fn is_infrastructure_image(&self, image: &str) -> bool {
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

//! `monitoring`: which containers and processes are the platform's own.

use std::collections::BTreeMap;

use super::{reader::Reader, schema, yaml::Node};

/// Whom detection and the reaper leave alone, as the policy file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitoring {
    /// Names of the platform's own containers.
    pub infrastructure_containers: Vec<String>,
    /// The label that marks a container as the platform's own.
    pub infrastructure_label: String,
    /// Names of system processes, beyond those that detection knows.
    pub system_processes: Vec<String>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            infrastructure_containers: Vec::new(),
            infrastructure_label: "ds01.protected".to_owned(),
            system_processes: Vec::new(),
        }
    }
}

impl Monitoring {
    /// Why a container of this name, with these labels, is the platform's own; `None` where it is not.
    pub fn infrastructure(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<String> {
        let label = &self.infrastructure_label;
        if self.infrastructure_containers.iter().any(|own| own == name) {
            Some(format!("name {name}"))
        } else if labels.get(label).is_some_and(|value| value != "false") {
            Some(format!("label {label}"))
        } else if labels.get("ds01.monitoring").is_some_and(|value| value == "true") {
            Some("label ds01.monitoring".to_owned())
        } else {
            None
        }
    }
}

const KEYS: [&str; 3] = ["infrastructure_containers", "infrastructure_label", "system_processes"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Monitoring {
    let mut monitoring = Monitoring::default();
    for entry in reader.entries(node, "`monitoring`") {
        let mut names = || reader.names(entry).into_iter().map(|(name, _)| name.to_owned()).collect();
        match entry.key {
            "infrastructure_containers" => monitoring.infrastructure_containers = names(),
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
            _ => reader.unknown_key(entry, "`monitoring`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    monitoring
}

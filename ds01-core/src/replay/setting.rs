//! In what two policies differ for one container.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    idle::{
        Now,
        journal::Life,
        rules::{ContainerPolicy, infrastructure},
    },
    policy::{Enforcement, Policy, Row},
};

/// Settings of what happens after a stop.
const AFTERWARDS: [&str; 6] = [
    "gpu_hold_after_stop",
    "container_hold_after_stop",
    "sigterm_grace",
    "gpu_hold_after_manual_stop",
    "created_container_timeout",
    "remove_stopped",
];

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Differs {
    /// A setting has another value.
    Setting {
        /// In the old policy.
        old: Row,
        /// In the new one.
        new: Row,
    },
    /// Its owner is exempt from this in one of them.
    Exempt {
        /// From what.
        from: Enforcement,
        /// Whether it is the new one.
        in_new: bool,
    },
    /// It is the platform's own in one of them.
    Infrastructure {
        /// Whether it is the new one.
        in_new: bool,
    },
}

/// In what two policies differ for a container, of what decides whether it is stopped.
pub fn differing(old: &Policy, new: &Policy, life: &Life, at: Timestamp, zone: &TimeZone) -> Vec<Differs> {
    let facts = life.facts(&Now { at, boot_id: life.boot_id.clone(), boot_ms: life.boot_ms });
    let [old, new] = [old, new].map(|policy| ContainerPolicy::of(policy, &facts, at, zone));
    let mut differs = Vec::new();
    let ours = |policy: &ContainerPolicy| infrastructure(&facts, &policy.monitoring).is_some();
    if ours(&old) != ours(&new) {
        differs.push(Differs::Infrastructure { in_new: ours(&new) });
    }
    for from in [Enforcement::IdleTimeout, Enforcement::MaxRuntime] {
        let [was, is] = [&old, &new].map(|policy| policy.exemption(from).is_some());
        if was != is {
            differs.push(Differs::Exempt { from, in_new: is });
        }
    }
    let rows = old.resolved.rows().into_iter().zip(new.resolved.rows());
    let settings = rows.filter(|(old, new)| old.value != new.value && !AFTERWARDS.contains(&old.name));
    differs.extend(settings.map(|(old, new)| Differs::Setting { old, new }));
    differs
}

//! In what two policies differ for one container.

use jiff::{Timestamp, tz::TimeZone};

use super::stop::Cause;
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

/// Settings that a stop for run time looks at.
const OF_RUNTIME: [&str; 3] = ["max_runtime", "warn_at", "max_stops_per_run"];

/// In what two policies differ for a container, of what decides whether it is stopped for one of these.
pub fn differing(
    [old, new]: [&Policy; 2],
    life: &Life,
    causes: &[Cause],
    at: Timestamp,
    zone: &TimeZone,
) -> Vec<Differs> {
    let facts = life.facts(&Now { at, boot_id: life.boot_id.clone(), boot_ms: life.boot_ms });
    let [old, new] = [old, new].map(|policy| ContainerPolicy::of(policy, &facts, at, zone));
    let mut differs = Vec::new();
    let ours = |policy: &ContainerPolicy| infrastructure(&facts, &policy.monitoring).is_some();
    if ours(&old) != ours(&new) {
        differs.push(Differs::Infrastructure { in_new: ours(&new) });
    }
    let exemptions = [(Enforcement::IdleTimeout, Cause::Idle), (Enforcement::MaxRuntime, Cause::Runtime)];
    for (from, _) in exemptions.into_iter().filter(|(_, cause)| causes.contains(cause)) {
        let [was, is] = [&old, &new].map(|policy| policy.exemption(from).is_some());
        if was != is {
            differs.push(Differs::Exempt { from, in_new: is });
        }
    }
    let rows = old.resolved.rows().into_iter().zip(new.resolved.rows());
    let matters = |name: &str| {
        causes.contains(&Cause::Runtime) && OF_RUNTIME.contains(&name)
            || causes.contains(&Cause::Idle) && name != OF_RUNTIME[0] && !AFTERWARDS.contains(&name)
    };
    let settings = rows.filter(|(old, new)| old.value != new.value && matters(old.name));
    differs.extend(settings.map(|(old, new)| Differs::Setting { old, new }));
    differs
}

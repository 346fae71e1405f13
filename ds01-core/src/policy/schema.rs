//! The keys that are known: the settings in both spellings, and those of the wider platform.

use super::settings::{LimitsLayer, RulesLayer};
use crate::duration::Unit;

/// The settings that are spans of time, and so have two spellings: `grace_period: 30m` and `grace_period_m: 30`.
const DURATIONS: &[&str] = &[
    "idle_timeout",
    "max_runtime",
    "gpu_hold_after_stop",
    "container_hold_after_stop",
    "grace_period",
    "keepalive_max_duration",
    "keep_max",
    "sigterm_grace",
    "gpu_hold_after_manual_stop",
    "created_container_timeout",
];

const UNIT_SUFFIXES: &[(&str, Unit)] = &[
    ("_d", Unit::Days),
    ("_days", Unit::Days),
    ("_h", Unit::Hours),
    ("_hours", Unit::Hours),
    ("_m", Unit::Minutes),
    ("_min", Unit::Minutes),
    ("_minutes", Unit::Minutes),
    ("_s", Unit::Seconds),
    ("_sec", Unit::Seconds),
    ("_seconds", Unit::Seconds),
];

/// Sections of the file that other programs of the platform read.
pub(crate) const PLATFORM_SECTIONS: &[&str] = &[
    "access",
    "access_control",
    "advanced",
    "aggregate",
    "aggregate_limits",
    "alerts",
    "allocation",
    "bare_metal",
    "bare_metal_access",
    "description",
    "docker",
    "enforcement",
    "gpu",
    "gpu_allocation",
    "gpus",
    "images",
    "logging",
    "metadata",
    "mig",
    "network",
    "notifications",
    "paths",
    "priorities",
    "quotas",
    "reservations",
    "schema_version",
    "slices",
    "storage",
    "version",
    "wizard",
    "wrapper",
];

/// Keys of `defaults`, a group, a user override or a container type that other programs of the platform read.
const PLATFORM_LIMITS: &[&str] = &[
    "access_control",
    "aggregate",
    "aggregate_limits",
    "allocation",
    "allow_bare_metal",
    "allow_full_gpu",
    "approved_by",
    "approved_on",
    "bare_metal",
    "bare_metal_access",
    "blkio_weight",
    "category",
    "comment",
    "cpu",
    "cpu_limit",
    "cpu_quota",
    "cpu_shares",
    "cpu_weight",
    "cpus",
    "cpuset",
    "default_gpu_count",
    "default_mig_count",
    "description",
    "disk_quota",
    "expires_on",
    "gpu_limit",
    "gpu_memory",
    "gpu_quota",
    "gpus",
    "io_read_bps",
    "io_read_iops",
    "io_weight",
    "io_write_bps",
    "io_write_iops",
    "max_containers",
    "max_containers_per_user",
    "max_cpus",
    "max_gpu",
    "max_gpus",
    "max_gpus_per_container",
    "max_gpus_per_user",
    "max_memory",
    "max_mig",
    "max_mig_instances",
    "max_mig_per_container",
    "max_pids",
    "max_tasks",
    "mem_limit",
    "memory",
    "memory_high",
    "memory_limit",
    "memory_max",
    "memory_reservation",
    "memory_swap",
    "memory_swap_max",
    "memswap_limit",
    "mig_quota",
    "network_mode",
    "note",
    "notes",
    "pids",
    "pids_limit",
    "pids_max",
    "priority",
    "reason",
    "reservation_end",
    "reservation_start",
    "reserved_gpus",
    "restart_policy",
    "shm",
    "shm_size",
    "storage",
    "storage_data",
    "storage_tmp",
    "storage_workspace",
    "swap",
    "tasks_max",
    "ulimit_memlock",
    "ulimit_nofile",
    "ulimits",
];

/// Keys of `policies` that other programs of the platform read.
const PLATFORM_RULES: &[&str] = &[
    "auto_stop_idle",
    "checkpoint_warning",
    "enforce_storage_quotas",
    "graceful_errors",
    "require_workspace_mount",
    "soft_limit_threshold",
    "suggest_alternatives",
];

/// What a mapping of settings is, and so which keys it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Defaults,
    Group,
    UserOverride,
    ContainerType,
    /// `policies`, wherever it stands.
    Policies,
}

/// What a key is in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Limit(&'static str, Option<Unit>),
    Rule(&'static str, Option<Unit>),
    Policies,
    Members,
    /// Another program's business.
    Platform,
    Unknown,
}

impl Scope {
    pub(crate) fn key(self, key: &str) -> Key {
        let base = setting(key);
        match (self, key, base) {
            (Self::Policies, _, Some((name, unit))) if RulesLayer::NAMES.contains(&name) => Key::Rule(name, unit),
            (Self::Policies, _, _) if PLATFORM_RULES.contains(&key) => Key::Platform,
            (Self::Policies, _, _) => Key::Unknown,
            (Self::Group, "members", _) => Key::Members,
            (_, "policies", _) => Key::Policies,
            (_, _, Some((name, unit))) if LimitsLayer::NAMES.contains(&name) => Key::Limit(name, unit),
            (Self::ContainerType, _, Some(("sigterm_grace", unit))) => Key::Rule("sigterm_grace", unit),
            _ if PLATFORM_LIMITS.contains(&key) => Key::Platform,
            _ => Key::Unknown,
        }
    }

    /// What to say of a key that is not known here: where it belongs, or which key looks like it.
    pub(crate) fn hint(self, key: &str) -> String {
        match setting(key) {
            Some((name, _)) if self == Self::Policies && LimitsLayer::NAMES.contains(&name) => {
                return format!("`{key}` belongs beside `policies`, not in it");
            }
            Some(_) => return format!("`{key}` belongs in `policies`, here or at the top of the file"),
            None => {}
        }
        let mut known: Vec<String> = Vec::new();
        let names = if self == Self::Policies { RulesLayer::NAMES } else { LimitsLayer::NAMES };
        for name in names {
            known.push((*name).to_owned());
            if DURATIONS.contains(name) {
                known.extend(UNIT_SUFFIXES.iter().map(|(suffix, _)| format!("{name}{suffix}")));
            }
        }
        let others: &[&str] = if self == Self::Policies { PLATFORM_RULES } else { PLATFORM_LIMITS };
        known.extend(others.iter().map(|name| (*name).to_owned()));
        match self {
            Self::Policies => {}
            Self::Group => known.extend(["policies".to_owned(), "members".to_owned()]),
            Self::ContainerType => known.extend(["policies".to_owned(), "sigterm_grace_seconds".to_owned()]),
            Self::Defaults | Self::UserOverride => known.push("policies".to_owned()),
        }
        hint(key, known.iter().map(String::as_str))
    }
}

/// The setting that a key names, and the unit that it carries.
fn setting(key: &str) -> Option<(&'static str, Option<Unit>)> {
    let named = |wanted: &str| LimitsLayer::NAMES.iter().chain(RulesLayer::NAMES).copied().find(|name| *name == wanted);
    if let Some(name) = named(key) {
        return Some((name, None));
    }
    UNIT_SUFFIXES.iter().find_map(|(suffix, unit)| {
        let name = named(key.strip_suffix(suffix)?)?;
        DURATIONS.contains(&name).then_some((name, Some(*unit)))
    })
}

/// The known name nearest to `name`, when one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    known
        .map(|candidate| (strsim::osa_distance(&lower, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len().max(4) / 3)
        .map(|(_, candidate)| candidate)
}

/// What to do about an unknown name: write the nearest known one, or take it out.
pub(crate) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("write `{nearest}` if that is meant"),
        None => "nothing reads it: remove it, or look for the right name in the reference".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_a_setting() {
        for name in DURATIONS {
            assert_eq!(setting(name), Some((*name, None)));
            assert_eq!(setting(&format!("{name}_h")), Some((*name, Some(Unit::Hours))));
        }
        assert_eq!(setting("gpu_idle_threshold_h"), None);
        assert_eq!(setting("sigterm_grace_seconds"), Some(("sigterm_grace", Some(Unit::Seconds))));
    }

    #[test]
    fn keys_are_known_where_they_belong() {
        assert_eq!(Scope::Defaults.key("idle_timeout_h"), Key::Limit("idle_timeout", Some(Unit::Hours)));
        assert_eq!(Scope::Policies.key("idle_timeout"), Key::Unknown);
        assert_eq!(Scope::Group.key("grace_period"), Key::Unknown);
        assert_eq!(Scope::Group.key("members"), Key::Members);
        assert_eq!(Scope::Defaults.key("members"), Key::Unknown);
        assert_eq!(Scope::ContainerType.key("sigterm_grace_s"), Key::Rule("sigterm_grace", Some(Unit::Seconds)));
        assert_eq!(Scope::UserOverride.key("max_gpus"), Key::Platform);
    }

    #[test]
    fn hints_name_the_nearest_key_or_the_right_place() {
        assert!(Scope::Defaults.hint("idle_timout").contains("`idle_timeout`"));
        assert!(Scope::Defaults.hint("Idle_Timeout_H").contains("`idle_timeout_h`"));
        assert!(Scope::Group.hint("grace_period").contains("belongs in `policies`"));
        assert!(Scope::Policies.hint("max_runtime_h").contains("beside `policies`"));
        assert!(Scope::Defaults.hint("frobnicate").contains("nothing reads it"));
    }
}

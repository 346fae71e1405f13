//! Every event that any of the programs can emit: one list, from which both the documentation and the only type that can
//! be emitted are made.

use serde::Serialize;

use crate::{
    model::{ContainerId, ContainerStatus, Enforcement, GpuAccess, Origin, SuspicionKind},
    source::SourceName,
};

/// An event type, as `ds01-detect --event-types` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventType {
    /// `category.action`.
    pub name: &'static str,
    /// When it is emitted.
    pub about: &'static str,
    /// Its details.
    pub fields: &'static [Field],
}

/// One detail of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The key in `details`.
    pub name: &'static str,
    /// What it holds, with its unit.
    pub about: &'static str,
}

macro_rules! events {
    ($($(#[doc = $about:literal])+ $name:literal $variant:ident {
        $($(#[doc = $field_about:literal])+ $field:ident: $type:ty $(, if $skip:literal)?;)*
    })*) => {
        /// What an event says: the only things that can be emitted.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Details {
            $($(#[doc = $about])+ $variant {
                $($(#[doc = $field_about])+ $(#[serde(skip_serializing_if = $skip)])? $field: $type,)*
            },)*
        }

        impl Details {
            /// `category.action`.
            pub fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }

        /// All event types of all programs.
        pub const EVENT_TYPES: &[EventType] = &[
            $(EventType {
                name: $name,
                about: concat!($($about),+).trim_ascii(),
                fields: &[$(Field { name: stringify!($field), about: concat!($($field_about),+).trim_ascii() },)*],
            },)*
        ];
    };
}

events! {
    /// A container was listed that the scan before did not know.
    "detection.container_discovered" ContainerDiscovered {
        /// The full id.
        container_id: ContainerId;
        /// Its name.
        name: String;
        /// How it came to be.
        origin: Origin;
        /// Whether it can use a GPU; null when its details could not be read.
        has_gpu: Option<bool>;
        /// Its image.
        image: String;
    }
    /// A container that the scan before knew is no longer there, running or stopped.
    "detection.container_exited" ContainerExited {
        /// The full id.
        container_id: ContainerId;
        /// Its name.
        name: String;
        /// How it came to be.
        origin: Origin;
    }
    /// A container's state is another one: it was started, paused, stopped.
    "detection.container_status_changed" ContainerStatusChanged {
        /// The full id.
        container_id: ContainerId;
        /// Its name.
        name: String;
        /// The engine's word at the scan before.
        old_status: ContainerStatus;
        /// The engine's word now.
        new_status: ContainerStatus;
    }
    /// A container's origin, owner or GPU access is another one.
    "detection.classification_changed" ClassificationChanged {
        /// The full id.
        container_id: ContainerId;
        /// Its name.
        name: String;
        /// Origin at the scan before.
        old_origin: Origin;
        /// Origin now.
        new_origin: Origin;
        /// Owner at the scan before; left out when it is the same.
        old_user: Option<String>, if "Option::is_none";
        /// Owner now; left out when it is the same.
        new_user: Option<String>, if "Option::is_none";
        /// Whether it could use a GPU at the scan before, or null; left out when it is the same.
        old_has_gpu: Option<Option<bool>>, if "Option::is_none";
        /// Whether it can use a GPU now, or null; left out when it is the same.
        new_has_gpu: Option<Option<bool>>, if "Option::is_none";
        /// The rule that gave access at the scan before, or null; left out when it is the same.
        old_gpu_access: Option<Option<GpuAccess>>, if "Option::is_none";
        /// The rule that gives access now, or null; left out when it is the same.
        new_gpu_access: Option<Option<GpuAccess>>, if "Option::is_none";
    }
    /// A process outside all listed containers holds a GPU context, at two scans in a row.
    "detection.host_gpu_process_discovered" HostGpuProcessDiscovered {
        /// The pid as the host numbers it.
        pid: u32;
        /// Its command line; null when it could not be read.
        cmdline: Option<String>;
        /// What it holds on all GPUs, in MiB; null when the driver does not say.
        gpu_memory_mb: Option<u64>;
        /// The first GPU or MIG instance it holds.
        gpu_uuid: Option<String>;
    }
    /// Such a process ended, or let go of its GPUs.
    "detection.host_gpu_process_exited" HostGpuProcessExited {
        /// The pid as the host numbered it.
        pid: u32;
        /// Its command line; null when it could not be read.
        cmdline: Option<String>;
    }
    /// The driver books GPU memory to a process that no longer exists, at two scans in a row.
    "detection.dead_process_discovered" DeadProcessDiscovered {
        /// The pid as the host numbered it.
        pid: u32;
        /// What is booked to it on all GPUs, in MiB; null when the driver does not say.
        gpu_memory_mb: Option<u64>;
        /// The first GPU or MIG instance that it is on.
        gpu_uuid: Option<String>;
    }
    /// The driver let go of such a process's memory.
    "detection.dead_process_cleared" DeadProcessCleared {
        /// The pid as the host numbered it.
        pid: u32;
    }
    /// A source erred: its part of the picture is kept as it was until it answers again.
    "detection.source_failed" SourceFailed {
        /// Which source: a container engine such as docker or podman, nvml, amd or proc.
        source: SourceName;
        /// What was asked of what, and what came back.
        error: String;
    }
    /// A source that had failed gave all its facts again.
    "detection.source_recovered" SourceRecovered {
        /// Which source: a container engine such as docker or podman, nvml, amd or proc.
        source: SourceName;
        /// How long it had failed, in seconds.
        outage_seconds: u64;
    }
    /// A container's owner was warned: it will be stopped for idleness.
    "maintenance.idle_warning" IdleWarning {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// Observed idle time, in seconds.
        idle_seconds: u64;
        /// The same in words, such as 24m.
        idle_duration: String;
        /// What the last look showed: GPU, CPU, network and processes.
        evidence: String;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
        /// After how many more seconds it will be stopped.
        stop_in_seconds: u64;
    }
    /// A container was stopped for idleness.
    "maintenance.idle_kill" IdleKill {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// Observed idle time, in seconds.
        idle_seconds: u64;
        /// The same in words, such as 24m.
        idle_duration: String;
        /// What the last look showed: GPU, CPU, network and processes.
        evidence: String;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
    }
    /// A container's owner was warned: it will be stopped for its run time.
    "maintenance.runtime_warning" RuntimeWarning {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// How long it has run, in seconds.
        runtime_seconds: u64;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
        /// After how many more seconds it will be stopped.
        stop_in_seconds: u64;
    }
    /// A container was stopped for its run time.
    "maintenance.runtime_kill" RuntimeKill {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// How long it has run, in seconds.
        runtime_seconds: u64;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
    }
    /// A container could not be stopped, or did not end.
    "maintenance.stop_failed" StopFailed {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
        /// What went wrong.
        error: String;
    }
    /// A container's owner was warned: it will be removed.
    "maintenance.removal_warning" RemovalWarning {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
        /// After how many more seconds it will be removed.
        removal_in_seconds: u64;
    }
    /// A container that had ended was removed after its hold, without its volumes.
    "maintenance.container_removed" ContainerRemoved {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
    }
    /// A container that was never started was removed.
    "maintenance.created_cleanup" CreatedCleanup {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
    }
    /// A user asked to keep an idle container, and it is kept: until then it is not stopped for idleness.
    "maintenance.kept" Kept {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Who asked.
        by: String;
        /// Until when it is kept; null when that is beyond what the clock can say.
        until: Option<jiff::Timestamp>;
        /// For how many seconds from now.
        left_seconds: u64;
        /// The reason that was given, or null.
        why: Option<String>;
    }
    /// A request to keep a container was refused.
    "maintenance.keep_refused" KeepRefused {
        /// The container's name, or what was given as such; null where nothing could be read.
        container: Option<String>;
        /// The full id; left out when no container was found.
        container_id: Option<ContainerId>, if "Option::is_none";
        /// Who asked, by the owner of the file; null for several users together.
        by: Option<String>;
        /// Why it was refused.
        reason: String;
    }
    /// A container's GPUs are free: it is gone, and so are its contexts.
    "maintenance.gpu_released" GpuReleased {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// UUIDs of its GPUs and MIG instances.
        gpus: Vec<String>;
    }
    /// A container would have been stopped, and its owner is exempt.
    "maintenance.exempt" Exempt {
        /// Its name.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// Its type in the policy.
        container_type: &'static str;
        /// From what: idle_timeout or max_runtime.
        exempt_from: Enforcement;
        /// Observed idle time, in seconds.
        idle_seconds: u64;
        /// How long it has run, in seconds.
        runtime_seconds: u64;
    }
    /// A notice reached people.
    "notice.delivered" NoticeDelivered {
        /// The name of the container that it is about.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// What it says: warning, stop, removal or information.
        severity: &'static str;
        /// The way it took: terminals, wall, or hook: and the name of a program.
        channel: String;
        /// For whom it was.
        recipient: String;
        /// How many terminals or addresses it reached.
        count: u64;
        /// Which.
        places: Vec<String>;
    }
    /// A notice was put where it can reach people, and nobody knows yet whether it has.
    "notice.written" NoticeWritten {
        /// The name of the container that it is about.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// What it says: warning, stop, removal or information.
        severity: &'static str;
        /// The way it takes: hooks or login.
        channel: String;
        /// For whom it is.
        recipient: String;
        /// Where: names of hooks, or a file.
        places: Vec<String>;
    }
    /// A notice reached nobody on one way.
    "notice.failed" NoticeFailed {
        /// The name of the container that it is about.
        container: String;
        /// The full id.
        container_id: ContainerId;
        /// What it says: warning, stop, removal or information.
        severity: &'static str;
        /// The way it took: terminals, wall, hooks, login, or hook: and the name of a program.
        channel: String;
        /// For whom it was.
        recipient: String;
        /// Why it reached nobody.
        error: String;
    }
    /// Something looks wrong, for an admin to judge. Nobody is stopped for it.
    "suspicion.raised" Suspicion {
        /// What: exempt_by_label, kept_for_days, kept_busy, busy_at_idle_power, busy_and_hung, latched_counter or memory_of_dead_process.
        kind: SuspicionKind;
        /// The name of the container that it is about; null where it is about none.
        container: Option<String>;
        /// The full id; left out where it is about no container.
        container_id: Option<ContainerId>, if "Option::is_none";
        /// UUIDs of the GPUs and MIG instances that it is about.
        gpus: Vec<String>;
        /// The process that it is about; left out where it is about none.
        pid: Option<u32>, if "Option::is_none";
        /// Since when.
        since: jiff::Timestamp;
        /// What was seen, in words and figures.
        evidence: String;
        /// What an admin can do about it.
        advice: String;
    }
    /// Demand for GPUs became high, or ceased to be: idle timeouts are shorter, or as long as before.
    "system.high_demand" HighDemand {
        /// Whether it is high now.
        high: bool;
        /// GPUs and MIG instances that are given to running containers.
        assigned: u64;
        /// All of them.
        total: u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_of_the_form_category_action() {
        for (place, event_type) in EVENT_TYPES.iter().enumerate() {
            let (category, action) = event_type.name.split_once('.').unwrap();
            assert!(!category.is_empty() && !action.is_empty() && !action.contains('.'));
            assert!(!event_type.about.is_empty() && event_type.fields.iter().all(|field| !field.about.is_empty()));
            assert!(EVENT_TYPES[..place].iter().all(|other| other.name != event_type.name), "{}", event_type.name);
        }
    }

    #[test]
    fn what_is_written_is_what_is_registered() {
        let details = Details::SourceRecovered { source: SourceName::DOCKER, outage_seconds: 90 };
        let registered = EVENT_TYPES.iter().find(|event_type| event_type.name == details.event_type()).unwrap();
        let written = serde_json::to_value(&details).unwrap();
        let keys: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
        let fields: Vec<_> = registered.fields.iter().map(|field| field.name).collect();
        assert_eq!(keys.len(), fields.len());
        assert!(fields.iter().all(|field| keys.contains(field)));
    }
}

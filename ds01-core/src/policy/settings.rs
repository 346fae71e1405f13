//! The settings: their names, types, rules and built-in values, stated once.

use std::time::Duration;

use super::{
    level::{Level, Place, Sourced},
    value::{self, Given, GpuUnknown, RemoveStopped, Shown, Wrong},
};

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// A value with its place in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// One resolved setting, as tables and programs are shown it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The key in the policy file, without a unit.
    pub name: &'static str,
    /// Its value.
    pub value: Shown,
    /// Who said so.
    pub level: Level,
    /// Where. `None` for built-in values.
    pub place: Option<Place>,
}

/// What numbers count, by the setting.
const UNITS: [(&str, &str); 6] = [
    ("gpu_idle_threshold", "%"),
    ("gpu_process_threshold", "%"),
    ("gpu_power_threshold", "W"),
    ("cpu_idle_threshold", "% of one core"),
    ("network_idle_threshold", "bytes"),
    ("idle_detection_window", "checks"),
];

impl Row {
    /// Its value for people: a number with what it counts.
    pub fn in_its_unit(&self) -> String {
        let unit = UNITS.iter().find(|(name, _)| *name == self.name).map(|(_, unit)| unit);
        match (&self.value, unit) {
            (Shown::Number(_) | Shown::Count(_), Some(unit)) => format!("{} {unit}", self.value),
            (value, _) => value.to_string(),
        }
    }
}

/// Makes, of one list of settings, the resolved struct, the layer that one place of a file fills, and what both can do.
macro_rules! settings {
    ($(#[$resolved_doc:meta])* $resolved:ident, $layer:ident:
        $($(#[$doc:meta])* $name:ident: $type:ty = $built_in:expr, $read:path;)*) => {
        $(#[$resolved_doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $resolved {
            $($(#[$doc])* pub $name: Sourced<$type>,)*
        }

        /// What one place of a file says; `None` is a key that is not there.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $layer {
            $(pub(crate) $name: Option<Located<$type>>,)*
        }

        impl $layer {
            /// The keys, in the order of tables.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads the value of the key `name`, which has to be one of [`Self::NAMES`], and keeps it.
            pub(crate) fn set(&mut self, name: &str, given: &Given<'_>, place: Place) -> Result<(), Wrong> {
                match name {
                    $(stringify!($name) => self.$name = Some(Located { value: $read(given)?, place }),)*
                    _ => {}
                }
                Ok(())
            }
        }

        impl $resolved {
            /// The value of each setting from the nearest layer that has its key, else the built-in one.
            pub(crate) fn resolve(layers: &[(&Level, &$layer)]) -> Self {
                Self {
                    $($name: layers
                        .iter()
                        .find_map(|(level, layer)| layer.$name.as_ref().map(|found| Sourced {
                            value: found.value.clone(),
                            level: (*level).clone(),
                            place: Some(found.place.clone()),
                        }))
                        .unwrap_or_else(|| Sourced { value: $built_in, level: Level::BuiltIn, place: None }),)*
                }
            }

            /// The settings one by one, in the order of tables.
            pub fn rows(&self) -> Vec<Row> {
                vec![$(Row {
                    name: stringify!($name),
                    value: Shown::from(self.$name.value.clone()),
                    level: self.$name.level.clone(),
                    place: self.$name.place.clone(),
                }),*]
            }
        }
    };
}

settings! {
    /// The limits of one user's containers of one type. `None` is no limit.
    Limits, LimitsLayer:
    /// How long a container may be idle before it is stopped.
    idle_timeout: Option<Duration> = Some(minutes(30)), value::limit;
    /// How long a container may run from its start.
    max_runtime: Option<Duration> = Some(minutes(24 * 60)), value::limit;
    /// How long a container that was stopped keeps its GPU.
    gpu_hold_after_stop: Option<Duration> = Some(minutes(15)), value::hold;
    /// How long a stopped container is kept.
    container_hold_after_stop: Option<Duration> = Some(minutes(30)), value::hold;
}

settings! {
    /// How idleness is judged and what is done about it.
    Rules, RulesLayer:
    /// A whole GPU is idle below this part of its time, in percent (0 to 100).
    gpu_idle_threshold: f64 = 5.0, value::gpu_percent;
    /// A container's own processes are idle on a GPU up to this part of its time, in percent (0 to 100): one that does nothing
    /// shows exactly 0.
    gpu_process_threshold: f64 = 0.0, value::gpu_percent;
    /// And takes no more power than this above its idle power, in watts (0 to 1000). `None` is any power.
    gpu_power_threshold: Option<f64> = Some(2.0), value::gpu_watts;
    /// A container's CPU use is idle below this, in percent of one core.
    cpu_idle_threshold: f64 = 2.0, value::core_percent;
    /// A container's network is idle below this many bytes, received and sent since the last check.
    network_idle_threshold: u64 = 1_048_576, value::bytes;
    /// Idle checks in a row before a stop.
    idle_detection_window: u64 = 3, value::checks;
    /// What a container is whose GPU nothing can be said about.
    gpu_unknown: GpuUnknown = GpuUnknown::Secondary, value::gpu_unknown;
    /// How long after its start a container is left alone.
    grace_period: Duration = minutes(30), value::grace;
    /// The part of the idle timeout after which a warning is given (more than 0, to 1).
    warn_at: f64 = 0.8, value::warn_at;
    /// The keep-alive file's path in the container.
    keepalive_path: String = "/workspace/.keep-alive".to_owned(), value::path;
    /// How old a keep-alive file may be. `None` is any age.
    keepalive_max_duration: Option<Duration> = Some(minutes(24 * 60)), value::hold;
    /// How long a user can keep an idle container by asking, counted from the first request of an idle spell. `None` is no limit.
    keep_max: Option<Duration> = Some(minutes(24 * 60)), value::hold;
    /// The most containers that one run stops. `None` is no cap.
    max_stops_per_run: Option<u64> = None, value::stops;
    /// How long a container has between SIGTERM and SIGKILL, in whole seconds.
    sigterm_grace: Duration = Duration::from_secs(60), value::stop_grace;
    /// How long a container that ended in another way than by a stop of ds01 is kept before it is removed. `None` is for ever.
    gpu_hold_after_manual_stop: Option<Duration> = Some(minutes(15)), value::hold;
    /// How long a container may stay created and never started. `None` is for ever.
    created_container_timeout: Option<Duration> = Some(minutes(30)), value::limit;
    /// Which containers may be removed.
    remove_stopped: RemoveStopped = RemoveStopped::Managed, value::remove_stopped;
    /// Demand is high when this part of the GPUs and MIG instances is given away (0 to 1). `None` is never.
    high_demand_threshold: Option<f64> = Some(0.8), value::demand;
    /// The part that high demand takes from idle timeouts (0 to less than 1).
    high_demand_idle_reduction: f64 = 0.5, value::reduction;
}

/// What `defaults`, a group, a user override or a container type says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) limits: LimitsLayer,
    pub(crate) rules: RulesLayer,
    pub(crate) members: Vec<Located<String>>,
    /// Whether the key `members` was there at all.
    pub(crate) lists_members: bool,
}

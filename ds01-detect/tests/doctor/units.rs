//! What systemd says of the units, as `systemctl show` prints it.

use std::{collections::BTreeMap, fmt::Write};

use jiff::{Timestamp, ToSpan};

pub(crate) const DETECTOR: &str = "ds01-workload-detector";
pub(crate) const IDLE: &str = "ds01-idle-checker";
const LEDGER: &str = "ds01-ledger";
pub(crate) const SAMPLER: &str = "ds01-gpu-sampler.service";

pub(crate) const NOTIFY: &str = "ds01-notify.path";

/// Units, each with its properties.
#[derive(Debug, Clone)]
pub(crate) struct Units(BTreeMap<String, Vec<(&'static str, String)>>);

impl Units {
    /// Both timers started and enabled, their last runs good, Docker and the persistence daemon there.
    pub(crate) fn sound() -> Self {
        let mut units = Self(BTreeMap::new());
        for (name, seconds) in [(DETECTOR, 12), (IDLE, 200), (LEDGER, 1200)] {
            let time = seconds_ago(seconds);
            let timer = [
                ("LastTriggerUSec", time.clone()),
                ("Result", "success".to_owned()),
                ("LoadState", "loaded".to_owned()),
                ("ActiveState", "active".to_owned()),
                ("UnitFileState", "enabled".to_owned()),
            ];
            let service = [
                ("Result", "success".to_owned()),
                ("ExecMainExitTimestamp", time),
                ("ExecMainStatus", "0".to_owned()),
                ("LoadState", "loaded".to_owned()),
                ("ActiveState", "inactive".to_owned()),
                ("UnitFileState", "static".to_owned()),
            ];
            units.0.insert(format!("{name}.timer"), timer.to_vec());
            units.0.insert(format!("{name}.service"), service.to_vec());
        }
        for name in ["docker.service", "nvidia-persistenced.service", SAMPLER, NOTIFY] {
            units.0.insert(
                name.to_owned(),
                [("LoadState", "loaded".to_owned()), ("ActiveState", "active".to_owned())].to_vec(),
            );
        }
        units.with(NOTIFY, "UnitFileState", "enabled")
    }

    /// With another value of one property.
    pub(crate) fn with(mut self, unit: &str, property: &'static str, value: impl Into<String>) -> Self {
        let properties = self.0.entry(unit.to_owned()).or_default();
        properties.retain(|(name, _)| *name != property);
        properties.push((property, value.into()));
        self
    }

    /// Without that unit, as systemd tells of one that is not there.
    pub(crate) fn without(self, unit: &str) -> Self {
        self.with(unit, "LoadState", "not-found").with(unit, "ActiveState", "inactive").with(unit, "UnitFileState", "")
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (unit, properties) in &self.0 {
            if !text.is_empty() {
                text.push('\n');
            }
            // Writing to a string does not fail. The name stands among the others, as in the captured answers.
            for (at, (name, value)) in properties.iter().enumerate() {
                let _ = writeln!(text, "{name}={value}");
                if at == 0 {
                    let _ = writeln!(text, "Id={unit}");
                }
            }
        }
        text
    }
}

/// A time in the past, as systemd writes it.
pub(crate) fn seconds_ago(seconds: i64) -> String {
    (Timestamp::now() - seconds.seconds()).strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string()
}

//! Whether systemd runs a unit that works by itself: a timer, or what waits for files.

use super::{
    super::{
        facts::{Facts, Unit, Units},
        finding::{Finding, Verdict},
    },
    devices::without_harm,
};

/// A unit, and what it means where it does not run.
pub(super) struct Watched {
    pub(super) check: &'static str,
    pub(super) unit: &'static str,
    /// What it means that nothing is run.
    pub(super) otherwise: String,
    /// How bad it is that it is not installed, and that it is not started.
    pub(super) missing: Verdict,
    pub(super) stopped: Verdict,
}

impl Watched {
    /// The unit, which is started.
    ///
    /// # Errors
    ///
    /// What is to be said of one that is not.
    pub(super) fn started<'a>(&self, facts: &'a Facts) -> Result<&'a Unit, Finding> {
        let Self { check, unit: name, otherwise, .. } = self;
        match &facts.units {
            Units::NoSystemd(why) => return Err(Finding::new(check, self.missing, format!("{why}: {otherwise}"))),
            Units::Silent(why) => return Err(Finding::warning(check, why).mend(format!("systemctl status {name}"))),
            Units::Told(_) => {}
        }
        let Some(unit) = facts.units.get(name) else {
            return Err(Finding::new(check, self.missing, format!("not installed: {otherwise}")));
        };
        if unit.load == "masked" {
            let found = format!("masked: {otherwise}");
            let unmask = without_harm("unmask", name);
            return Err(Finding::new(check, self.stopped, found).mend_if(mends(self.stopped, unmask)));
        }
        if unit.load != "loaded" {
            let found = format!("systemd can't load it ({}): {otherwise}", unit.load);
            return Err(Finding::failed(check, found).mend(format!("systemd-analyze verify {name}")));
        }
        if unit.active != "active" {
            let enabled = if unit.enabled.is_empty() { "" } else { ", " };
            let found = format!("{}{enabled}{}: {otherwise}", unit.active, unit.enabled);
            // Enabled, it is meant to run, and will after the next boot.
            let verdict = match (unit.active.as_str(), unit.enabled.as_str()) {
                ("failed", _) => Verdict::Failed,
                (_, "enabled") => self.stopped.max(Verdict::Warning),
                _ => self.stopped,
            };
            let start = match unit.enabled.as_str() {
                "enabled" => format!("sudo systemctl start {name}"),
                _ => without_harm("enable --now", name),
            };
            return Err(Finding::new(check, verdict, found).mend_if(mends(verdict, start)));
        }
        Ok(unit)
    }

    /// What was found of a unit that is started and as it should be, unless it is gone with the next boot.
    pub(super) fn lasting(&self, unit: &Unit, found: String) -> Finding {
        match unit.enabled.as_str() {
            "enabled" | "static" | "enabled-runtime" | "generated" | "linked" | "alias" => {
                Finding::ok(self.check, found)
            }
            _ => Finding::warning(self.check, format!("{found}, and not enabled: gone with the next boot"))
                .mend(without_harm("enable", self.unit)),
        }
    }
}

/// A command for what is a fault; what was chosen to be so needs none.
fn mends(verdict: Verdict, command: String) -> Option<String> {
    (verdict != Verdict::Ok).then_some(command)
}

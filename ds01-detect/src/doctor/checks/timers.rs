//! The timers, and how their last runs ended.

use std::time::Duration;

use ds01_core::units;

use super::{
    super::{
        facts::{DETECTOR_SERVICE, DETECTOR_TIMER, Facts, IDLE_SERVICE, IDLE_TIMER, Unit, Units},
        finding::{Finding, Verdict},
    },
    devices::without_harm,
};

/// One of the two.
struct Timer {
    check: &'static str,
    timer: &'static str,
    service: &'static str,
    /// What it means that nothing is run.
    otherwise: &'static str,
    /// How bad it is that it is not installed, and that it is not started.
    missing: Verdict,
    stopped: Verdict,
    /// Three times its interval: it is late.
    late_after: Duration,
}

/// The scans.
pub(super) fn detector(facts: &Facts) -> Finding {
    timer(
        facts,
        &Timer {
            check: "detector-timer",
            timer: DETECTOR_TIMER,
            service: DETECTOR_SERVICE,
            otherwise: "nothing scans by itself",
            missing: Verdict::Warning,
            stopped: Verdict::Failed,
            late_after: Duration::from_secs(90),
        },
    )
}

/// The reaper, which is installed without being enabled: an admin decides when it begins.
pub(super) fn idle(facts: &Facts) -> Finding {
    timer(
        facts,
        &Timer {
            check: "idle-timer",
            timer: IDLE_TIMER,
            service: IDLE_SERVICE,
            otherwise: "no idle container is stopped",
            missing: Verdict::Skipped,
            stopped: Verdict::Ok,
            late_after: Duration::from_secs(900),
        },
    )
}

fn timer(facts: &Facts, about: &Timer) -> Finding {
    let Timer { check, timer, otherwise, .. } = about;
    match &facts.units {
        Units::NoSystemd(why) => {
            return Finding::skipped(check, format!("{why}: there is no timer to judge"));
        }
        Units::Silent(why) => return Finding::warning(check, why).mend(format!("systemctl status {timer}")),
        Units::Told(_) => {}
    }
    let Some(unit) = facts.units.get(timer) else {
        return Finding::new(check, about.missing, format!("not installed: {otherwise}"));
    };
    if unit.load == "masked" {
        let found = format!("masked: {otherwise}");
        return Finding::new(check, about.stopped, found).mend_if(mends(about.stopped, without_harm("unmask", timer)));
    }
    if unit.load != "loaded" {
        let found = format!("systemd can't load it ({}): {otherwise}", unit.load);
        return Finding::failed(check, found).mend(format!("systemd-analyze verify {timer}"));
    }
    if unit.active != "active" {
        let enabled = if unit.enabled.is_empty() { "" } else { ", " };
        let found = format!("{}{enabled}{}: {otherwise}", unit.active, unit.enabled);
        // Enabled, it is meant to run, and will after the next boot.
        let verdict = match (unit.active.as_str(), unit.enabled.as_str()) {
            ("failed", _) => Verdict::Failed,
            (_, "enabled") => about.stopped.max(Verdict::Warning),
            _ => about.stopped,
        };
        let start = match unit.enabled.as_str() {
            "enabled" => format!("sudo systemctl start {timer}"),
            _ => without_harm("enable --now", timer),
        };
        return Finding::new(check, verdict, found).mend_if(mends(verdict, start));
    }
    running(facts, about, unit)
}

/// A command for what is a fault; what was chosen to be so needs none.
fn mends(verdict: Verdict, command: String) -> Option<String> {
    (verdict != Verdict::Ok).then_some(command)
}

/// A timer that is started: what its runs came to.
fn running(facts: &Facts, about: &Timer, unit: &Unit) -> Finding {
    let Timer { check, timer, service, .. } = about;
    let journal = format!("sudo journalctl -u {service} -n 20");
    let ago = |then: jiff::Timestamp| Duration::try_from(facts.now.duration_since(then)).unwrap_or_default();
    let run = facts.units.get(service);
    if let Some(run) = run.filter(|run| !matches!(run.result.as_str(), "" | "success")) {
        let when = run.ended.map(|ended| format!(" {} ago", units::duration(ago(ended)))).unwrap_or_default();
        let status =
            if run.result == "exit-code" { format!(" with status {}", run.exit_status) } else { String::new() };
        return Finding::failed(check, format!("its last run ended{when}{status} ({})", run.result)).mend(journal);
    }
    // While a run is under way, the next one is not due.
    let at_work = run.is_some_and(|run| matches!(run.active.as_str(), "active" | "activating"));
    let Some(last) = unit.triggered.map(ago) else {
        return Finding::warning(check, "started, and has run nothing yet").mend(format!("systemctl status {timer}"));
    };
    if last > about.late_after && !at_work {
        let found = format!("its last run was {} ago, and none since", units::duration(last));
        return Finding::failed(check, found).mend(journal);
    }
    let found = format!("last run {} ago", units::duration(last));
    match unit.enabled.as_str() {
        "enabled" | "static" | "enabled-runtime" | "generated" | "linked" | "alias" => Finding::ok(check, found),
        _ => Finding::warning(check, format!("{found}, and not enabled: gone with the next boot"))
            .mend(without_harm("enable", timer)),
    }
}

//! The timers, and how their last runs ended.

use std::time::Duration;

use ds01_core::units;

use super::{
    super::{
        facts::{
            DETECTOR_SERVICE, DETECTOR_TIMER, Facts, IDLE_SERVICE, IDLE_TIMER, LEDGER_SERVICE, LEDGER_TIMER, Unit,
            Units,
        },
        finding::{Finding, Verdict},
    },
    unit::Watched,
};

/// One of them.
struct Timer {
    timer: Watched,
    service: &'static str,
    /// Three times its interval: it is late.
    late_after: Duration,
}

/// The scans.
pub(super) fn detector(facts: &Facts) -> Finding {
    let timer = Watched {
        check: "detector-timer",
        unit: DETECTOR_TIMER,
        otherwise: "nothing scans by itself".to_owned(),
        missing: Verdict::Warning,
        stopped: Verdict::Failed,
    };
    judged(facts, &Timer { timer, service: DETECTOR_SERVICE, late_after: Duration::from_secs(90) })
}

/// The reaper, which is installed without being enabled: an admin decides when it begins.
pub(super) fn idle(facts: &Facts) -> Finding {
    let timer = Watched {
        check: "idle-timer",
        unit: IDLE_TIMER,
        otherwise: "no idle container is stopped".to_owned(),
        missing: Verdict::Skipped,
        stopped: Verdict::Ok,
    };
    judged(facts, &Timer { timer, service: IDLE_SERVICE, late_after: Duration::from_secs(900) })
}

/// What adds up who used what, and clears the past away.
pub(super) fn ledger(facts: &Facts) -> Finding {
    let timer = Watched {
        check: "ledger-timer",
        unit: LEDGER_TIMER,
        otherwise: "nothing adds up who used what, and the journal grows".to_owned(),
        missing: Verdict::Warning,
        stopped: Verdict::Warning,
    };
    judged(facts, &Timer { timer, service: LEDGER_SERVICE, late_after: Duration::from_secs(3 * 3600) })
}

fn judged(facts: &Facts, about: &Timer) -> Finding {
    if let Units::NoSystemd(why) = &facts.units {
        return Finding::skipped(about.timer.check, format!("{why}: there is no timer to judge"));
    }
    match about.timer.started(facts) {
        Ok(unit) => running(facts, about, unit),
        Err(finding) => finding,
    }
}

/// A timer that is started: what its runs came to.
fn running(facts: &Facts, about: &Timer, unit: &Unit) -> Finding {
    let Timer { timer: Watched { check, unit: timer, .. }, service, .. } = about;
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
    about.timer.lasting(unit, found)
}

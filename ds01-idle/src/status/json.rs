//! The answer for programs.
//!
//! ```json
//! {
//!   "at": "2026-03-02T12:30:00Z",
//!   "last_check": "2026-03-02T12:28:10Z",
//!   "judged": true, "overdue": false,
//!   "high_demand": false,
//!   "demand": {"assigned": 3, "total": 8},
//!   "containers": [{
//!     "id": "<64 digits>", "name": "train", "user": "alice", "type": "docker", "status": "running",
//!     "gpus": ["GPU-..."],
//!     "signals": {
//!       "gpu": {"idle": 0.0}, "cpu": {"idle": 0.3}, "network": {"unknown": "not supported: on the host's network"},
//!       "processes": {"idle": {"started": null, "input": false}}
//!     },
//!     "observed_seconds": 30.0, "observed_age_seconds": 2.5, "observed_percent": 100,
//!     "idle_seconds": 1440, "idle_limit_seconds": 1800,
//!     "run_seconds": 7200, "run_limit_seconds": 172800,
//!     "kept": {"by": "alice", "until": "2026-03-02T18:05:00Z", "why": "overnight run"},
//!     "reason": "idle", "next": "kept by alice until 18:05: overnight run"
//!   }]
//! }
//! ```
//!
//! `judged` is false when a source told nothing, so that nobody could be judged: see standard error. `overdue` is true when the
//! timer makes no checks; `next` then says what would have been done by now (`would be stopped now`). A signal is `active`,
//! `idle` or `unknown`, with its figure (percent of the GPU's time, percent of one core, bytes since the last check) or the
//! reason; the GPU's can also be `worked`, an object with `percent` when looked at and `watts` above its idle power between looks; `signals` is null for a container that was observed only once. `observed_seconds` is the length of the
//! interval that they speak of, and `observed_age_seconds` how long ago it ended. `observed_percent` is for how much of the time
//! since it was last seen at work anybody could see what it did: the rest counts neither as idle nor as work.
//! `kept` is null where nobody asked to keep it, or that is over. A limit is null where there is none. `reason` and `next` are the words of the table, and may change.

use ds01_core::{
    idle::{Checked, Signals, Track},
    json,
    model::EngineName,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::Shown;

#[derive(Serialize)]
struct Output<'a> {
    at: Timestamp,
    last_check: Option<Timestamp>,
    judged: bool,
    overdue: bool,
    high_demand: bool,
    demand: Option<DemandOut>,
    containers: Vec<ContainerOut<'a>>,
}

#[derive(Serialize)]
struct DemandOut {
    assigned: u64,
    total: u64,
}

#[derive(Serialize)]
struct ContainerOut<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "EngineName::is_docker")]
    engine: &'a EngineName,
    name: &'a str,
    user: Option<&'a str>,
    r#type: &'static str,
    status: &'a str,
    gpus: &'a [String],
    signals: Option<&'a Signals>,
    observed_seconds: Option<f64>,
    observed_age_seconds: Option<f64>,
    observed_percent: Option<u64>,
    idle_seconds: u64,
    idle_limit_seconds: Option<u64>,
    run_seconds: Option<u64>,
    run_limit_seconds: Option<u64>,
    kept: Option<KeptOut<'a>>,
    reason: String,
    next: String,
}

#[derive(Serialize)]
struct KeptOut<'a> {
    by: &'a str,
    until: Option<Timestamp>,
    why: Option<&'a str>,
}

pub(super) fn document(checked: &Checked, shown: &[Shown<'_>], overdue: bool) -> Result<Vec<u8>, serde_json::Error> {
    let zone = TimeZone::system();
    let containers = shown.iter().map(|one| container(checked, one, &zone)).collect();
    json::pretty(&Output {
        at: checked.look.now.at,
        last_check: checked.before.as_ref().map(|before| before.at),
        judged: checked.blind().is_none(),
        overdue,
        high_demand: checked.state.high_demand,
        demand: checked.demand.map(|demand| DemandOut { assigned: demand.assigned, total: demand.total }),
        containers,
    })
}

fn container<'a>(checked: &'a Checked, one: &'a Shown<'a>, zone: &TimeZone) -> ContainerOut<'a> {
    let Shown { facts, decision, case, .. } = one;
    let track = case.as_ref().and_then(|case| case.track);
    let interval = track.and_then(|track| track.interval.as_ref());
    ContainerOut {
        id: facts.id.as_str(),
        engine: &facts.engine,
        name: &facts.name,
        user: facts.user.as_deref(),
        r#type: facts.container_type().as_str(),
        status: facts.status.as_str(),
        gpus: &facts.gpus,
        signals: interval.map(|interval| &interval.signals),
        observed_seconds: interval.map(|interval| std::time::Duration::from_millis(interval.length_ms).as_secs_f64()),
        observed_age_seconds: track.filter(|track| track.interval.is_some()).map(|track| {
            let age = checked.look.now.since(track.last.boot_ms);
            age.as_secs_f64()
        }),
        observed_percent: track.and_then(Track::observed_percent),
        idle_seconds: decision.idle.as_secs(),
        idle_limit_seconds: decision.idle_limit.map(|limit| limit.as_secs()),
        run_seconds: case.as_ref().map(|case| case.ran_for().as_secs()),
        run_limit_seconds: case.as_ref().and_then(|case| Some(case.runtime_used()?.1.as_secs())),
        kept: case.as_ref().and_then(|case| case.kept).filter(|kept| kept.left().is_some()).map(|kept| KeptOut {
            by: &kept.by,
            until: kept.until(),
            why: kept.why.as_deref(),
        }),
        reason: decision.reason.as_ref().map_or_else(|| "not running".to_owned(), ToString::to_string),
        next: one.next(checked.look.now.at, zone),
    }
}

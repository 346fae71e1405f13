//! The answer for programs.
//!
//! ```json
//! {
//!   "at": "2026-03-02T12:30:00Z",
//!   "judged": true,
//!   "suspicions": [{
//!     "kind": "busy_at_idle_power",
//!     "container_id": "<64 digits>", "container": "train", "user": "alice",
//!     "gpus": ["GPU-..."], "pid": null,
//!     "since": "2026-03-02T08:00:00Z",
//!     "evidence": "GPU 0 at 99 % and more for 4h30m, at 125.0 W at most; it takes 120.5 W when it idles",
//!     "advice": "ask its owner whether it hangs: ..."
//!   }]
//! }
//! ```
//!
//! `judged` is false when a source told nothing: then there is no list to trust, see standard error. The container's fields are null
//! where it is about none. `evidence` and `advice` are words, and may change.

use ds01_core::{
    idle::{Checked, Suspicion},
    json,
    model::SuspicionKind,
};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Output<'a> {
    at: Timestamp,
    judged: bool,
    suspicions: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    kind: SuspicionKind,
    container_id: Option<&'a str>,
    container: Option<&'a str>,
    user: Option<&'a str>,
    gpus: &'a [String],
    pid: Option<u32>,
    since: Timestamp,
    evidence: &'a str,
    advice: &'a str,
}

pub(super) fn document(checked: &Checked) -> Result<Vec<u8>, serde_json::Error> {
    json::pretty(&Output {
        at: checked.look.now.at,
        judged: checked.blind().is_none(),
        suspicions: checked.suspicions.iter().map(one).collect(),
    })
}

fn one(suspicion: &Suspicion) -> One<'_> {
    let container = suspicion.container.as_ref();
    One {
        kind: suspicion.kind,
        container_id: container.map(|(id, _)| id.as_str()),
        container: container.map(|(_, name)| name.as_str()),
        user: suspicion.user.as_deref(),
        gpus: &suspicion.gpus,
        pid: suspicion.pid,
        since: suspicion.since,
        evidence: &suspicion.evidence,
        advice: &suspicion.advice,
    }
}

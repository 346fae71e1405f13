//! What Prometheus is told of a check.

use tracing::warn;

use super::checked::{CheckOptions, Checked};
use crate::{
    idle::rules::Action,
    metrics::{CheckPart, Judged, MetricsError},
    model::IdleTime,
    store::Store,
    units::millis,
};

impl Checked {
    /// Tells Prometheus of what is known by now. That it can't be told fails no check.
    pub(super) fn tell_metrics(&self, store: &Store, options: &CheckOptions) {
        if let Err(error) = self.try_to_tell(store, options) {
            warn!("{error}; the metrics are as they were");
        }
    }

    fn try_to_tell(&self, store: &Store, options: &CheckOptions) -> Result<(), MetricsError> {
        let (Some(file), Some(mark)) = (&options.metrics, &self.state.last_check) else { return Ok(()) };
        let Some(writing) = file.begin(store)? else { return Ok(()) };
        // A check of some containers says nothing of the limits of others.
        let earlier = writing.check_part().filter(|_| !options.only.is_empty());
        let judged = self.state.tracks.iter().map(|(id, track)| {
            let limit_ms = match self.plan.decisions.get(id) {
                Some(decision) => decision.idle_limit.map(millis),
                None => earlier.as_ref().and_then(|part| part.judged.get(id)).and_then(|judged| judged.limit_ms),
            };
            let idle = IdleTime { idle_ms: track.idle_ms, observed_percent: track.observed_percent() };
            (id.clone(), Judged { idle, limit_ms })
        });
        let judged = judged.collect();
        let suspicions = self.state.habits.counts();
        let suspicions = suspicions.into_iter().map(|(kind, count)| (kind.as_str().to_owned(), count)).collect();
        writing.checked(&CheckPart { at: mark.at, counts: self.state.counts.clone(), suspicions, judged })
    }
}

/// How a stop or removal is counted that failed.
pub(super) fn failure_of(action: &Action) -> Option<(&'static str, &'static str)> {
    use crate::idle::{rules::Removal, state::StopCause};

    Some(match action {
        Action::Stop { cause: StopCause::Idle, .. } => ("stop_failed", "idle"),
        Action::Stop { cause: StopCause::Runtime, .. } => ("stop_failed", "max_runtime"),
        Action::Remove(Removal::Held) => ("remove_failed", "held"),
        Action::Remove(Removal::NeverStarted) => ("remove_failed", "never_started"),
        _ => return None,
    })
}

//! Decisions as events: which one says what was done.

use std::time::Duration;

use super::{
    decide::{Action, Removal, StopCause},
    facts::{ContainerFacts, Demand},
    rules::shown,
    track::Track,
};
use crate::event::Details;

/// The event of an action that was carried out; `None` for [`Action::Nothing`].
pub fn event(facts: &ContainerFacts, action: &Action, track: Option<&Track>, ran_for: Duration) -> Option<Details> {
    let container = facts.name.clone();
    let container_id = facts.id.clone();
    let container_type = facts.container_type().as_str();
    let gpus = facts.gpus.clone();
    let idle = track.map(Track::idle).unwrap_or_default();
    let (idle_seconds, idle_duration) = (idle.as_secs(), shown(idle));
    let signals = track.and_then(|track| track.interval.as_ref()).map(|interval| interval.signals.to_string());
    let evidence = signals.unwrap_or_else(|| "nothing was observed".to_owned());
    let runtime_seconds = ran_for.as_secs();
    Some(match action {
        Action::Nothing => return None,
        Action::Warn { left, .. } => Details::IdleWarning {
            container,
            container_id,
            container_type,
            idle_seconds,
            idle_duration,
            evidence,
            gpus,
            stop_in_seconds: left.as_secs(),
        },
        Action::Stop { cause: StopCause::Idle, .. } => {
            Details::IdleKill { container, container_id, container_type, idle_seconds, idle_duration, evidence, gpus }
        }
        Action::WarnOfRuntime { left } => Details::RuntimeWarning {
            container,
            container_id,
            container_type,
            runtime_seconds,
            gpus,
            stop_in_seconds: left.as_secs(),
        },
        Action::Stop { cause: StopCause::Runtime, .. } => {
            Details::RuntimeKill { container, container_id, container_type, runtime_seconds, gpus }
        }
        Action::TellExempt(from) => Details::Exempt {
            container,
            container_id,
            container_type,
            exempt_from: *from,
            idle_seconds,
            runtime_seconds,
        },
        Action::Remove(Removal::NeverStarted) => {
            Details::CreatedCleanup { container, container_id, container_type, gpus }
        }
        Action::Remove(Removal::Held) => Details::ContainerRemoved { container, container_id, container_type, gpus },
    })
}

/// The event of demand becoming high (`true`), or ceasing to be.
pub fn high_demand(high: bool, demand: Demand) -> Details {
    Details::HighDemand { high, assigned: demand.assigned, total: demand.total }
}

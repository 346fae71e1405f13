//! Decisions as events: which one says what was done.

use std::time::Duration;

use super::decision::{Action, Removal};
use crate::{
    duration::whole_seconds,
    event::Details,
    idle::{
        evidence::ContainerFacts,
        state::{StopCause, Track},
    },
    model::Demand,
};

/// The event of a container whose GPUs are free.
pub fn released(facts: &ContainerFacts) -> Details {
    Details::GpuReleased {
        container: facts.name.clone(),
        container_id: facts.id.clone(),
        container_type: facts.container_type().as_str(),
        gpus: facts.gpus.clone(),
    }
}

/// The event of an action that was carried out; `None` for [`Action::Nothing`].
pub fn event(facts: &ContainerFacts, action: &Action, track: Option<&Track>, ran_for: Duration) -> Option<Details> {
    let container = facts.name.clone();
    let container_id = facts.id.clone();
    let container_type = facts.container_type().as_str();
    let gpus = facts.gpus.clone();
    let idle = track.map(Track::idle).unwrap_or_default();
    let (idle_seconds, idle_duration) = (idle.as_secs(), whole_seconds(idle));
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
        Action::WarnOfRemoval { left, .. } => Details::RemovalWarning {
            container,
            container_id,
            container_type,
            gpus,
            removal_in_seconds: left.as_secs(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        idle::test_support::{THRESHOLDS, facts, seen},
        model::Enforcement,
    };

    #[test]
    fn each_action_has_its_event() {
        let (left, grace) = (Duration::from_secs(300), Duration::from_secs(60));
        for (action, name) in [
            (Action::Warn { left, keep_alive_refused: None }, "maintenance.idle_warning"),
            (Action::Stop { cause: StopCause::Idle, grace }, "maintenance.idle_kill"),
            (Action::WarnOfRuntime { left }, "maintenance.runtime_warning"),
            (Action::Stop { cause: StopCause::Runtime, grace }, "maintenance.runtime_kill"),
            (Action::TellExempt(Enforcement::IdleTimeout), "maintenance.exempt"),
            (Action::WarnOfRemoval { left, removal: Removal::Held }, "maintenance.removal_warning"),
            (Action::Remove(Removal::NeverStarted), "maintenance.created_cleanup"),
            (Action::Remove(Removal::Held), "maintenance.container_removed"),
        ] {
            assert_eq!(event(&facts(), &action, None, left).unwrap().event_type(), name);
        }
        assert_eq!(event(&facts(), &Action::Nothing, None, left), None);
        assert_eq!(high_demand(true, Demand { assigned: 4, total: 4 }).event_type(), "system.high_demand");
    }

    #[test]
    fn a_stop_for_idleness_says_how_long_and_by_what_evidence() {
        let mut track = Track::new(&seen(1_000));
        track.observe(&seen(1_090), &THRESHOLDS);
        let stop = Action::Stop { cause: StopCause::Idle, grace: Duration::from_secs(60) };
        let details = event(&facts(), &stop, Some(&track), Duration::from_secs(7_200)).unwrap();
        let expected = serde_json::json!({
            "container": "train",
            "container_id": "ab".repeat(32),
            "container_type": "docker",
            "idle_seconds": 90,
            "idle_duration": "1m30s",
            "evidence": "GPU 0 %, CPU 0.0 % of one core, network 0B, nothing started",
            "gpus": ["GPU-1"],
        });
        assert_eq!(serde_json::to_value(details).unwrap(), expected);
    }
}

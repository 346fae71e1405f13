//! What became of notices that take their time: an event for each, and what it means for the warning.

use crate::{
    event::{Details, Event},
    idle::{
        notice::{Severity, recipient_of},
        state::IdleState,
    },
    model::{ContainerId, EngineName, Now},
    outbox::{Ended, News},
    policy::RequireDelivery,
};

/// Takes in what became of earlier notices: the events that say so.
pub(super) fn take_in(
    state: &mut IdleState,
    news: &[News],
    required: &RequireDelivery,
    engine_of: impl Fn(&ContainerId) -> EngineName,
    now: &Now,
) -> Vec<Event> {
    let mut events = Vec::new();
    for News { entry, hook, ended } in news {
        let (Ok(container_id), Some(severity)) =
            (entry.container.id.parse::<ContainerId>(), Severity::of_name(&entry.severity))
        else {
            continue;
        };
        let channel = format!("hook:{hook}");
        if severity == Severity::Warning {
            match ended {
                Ended::Delivered(_) => state.confirm(&container_id, entry.check, &channel, required, now),
                Ended::Failed(_) => state.not_told(&container_id, entry.check, required),
            }
        }
        let engine = engine_of(&container_id);
        let recipient = recipient_of(entry.user.as_deref());
        let (container, severity) = (entry.container.name.clone(), severity.as_str());
        let details = match ended.clone() {
            Ended::Delivered(place) => {
                let (count, places) = (1, vec![place]);
                Details::NoticeDelivered { container, container_id, severity, channel, recipient, count, places }
            }
            Ended::Failed(error) => {
                Details::NoticeFailed { container, container_id, severity, channel, recipient, error }
            }
        };
        events.push(Event { timestamp: now.at, user: entry.user.clone(), engine, details });
    }
    events
}

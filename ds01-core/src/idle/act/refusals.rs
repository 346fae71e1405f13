//! Telling those who asked to keep a container that they are refused. All others see what came of it in the table.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracing::info;

use crate::{
    event::{Details, Event},
    idle::notice::{Broadcast, Message, RefusedKeep, keep_refused},
};

/// Each of them alone, on the ways of information. What becomes of it is in the journal of the system.
pub(super) fn tell(answers: &[Event], broadcast: &dyn Broadcast, at: Timestamp) {
    for (user, refused) in by_user(answers) {
        for delivery in broadcast.tell_user(&Message::to(user, &keep_refused(&refused), at)) {
            info!("a refused request to keep a container: {delivery}");
        }
    }
}

/// What was refused to whom, each refusal once. Who has no name on this host can't be told.
fn by_user(answers: &[Event]) -> BTreeMap<&str, Vec<RefusedKeep<'_>>> {
    let mut all: BTreeMap<&str, Vec<RefusedKeep<'_>>> = BTreeMap::new();
    for event in answers {
        let Details::KeepRefused { container, by: Some(by), reason, .. } = &event.details else { continue };
        let (refused, is_name) = (RefusedKeep { container: container.as_deref(), reason }, by.parse::<u32>().is_err());
        let told = is_name.then(|| all.entry(by).or_default());
        told.filter(|told| !told.contains(&refused)).into_iter().for_each(|told| told.push(refused));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EngineName;

    fn refused(by: Option<&str>, container: &str) -> Event {
        let details = Details::KeepRefused {
            container: Some(container.to_owned()),
            container_id: None,
            by: by.map(ToOwned::to_owned),
            reason: "there is none".to_owned(),
        };
        Event { timestamp: Timestamp::UNIX_EPOCH, user: None, engine: EngineName::DOCKER, details }
    }

    #[test]
    fn each_user_hears_of_his_own_refusals_once() {
        let answers = [
            refused(Some("alice"), "a"),
            refused(Some("bob"), "b"),
            refused(Some("alice"), "a"),
            refused(Some("alice"), "c"),
            refused(Some("54321"), "d"),
            refused(None, "e"),
        ];
        let told = |name: &str| by_user(&answers)[name].iter().filter_map(|one| one.container).collect::<Vec<_>>();
        assert_eq!(by_user(&answers).len(), 2);
        assert_eq!((told("alice"), told("bob")), (vec!["a", "c"], vec!["b"]));
    }
}

//! Warning those anew who could not be told before, as soon as they can be.

use std::collections::BTreeMap;

use tracing::info;

use super::carry_out::{CarryOut, Named, Task};
use crate::{
    idle::{
        notice::Delivery,
        rules::{Decision, Waits, warned_again},
    },
    model::ContainerId,
};

impl CarryOut<'_> {
    /// Tries the terminals of those whose stop is withheld because nobody could be told. Only their owners are told, and
    /// nothing is said of those who are still not there: this is done at each check. Who was warned, and of what.
    pub(super) fn tell_again(&self) -> BTreeMap<ContainerId, Decision> {
        let checked = self.checked;
        let mut warned = BTreeMap::new();
        for facts in &checked.look.containers {
            let decision = checked.plan.decisions.get(&facts.id).filter(|one| one.waits == Some(Waits::Untold));
            let (Some(decision), Some(case)) = (decision, checked.case(facts)) else { continue };
            // Where the policy asks for another channel, this one is of no use.
            if !case.policy.require_delivery.is_met(&["terminals".to_owned()]) {
                continue;
            }
            let Some(action) = warned_again(&case) else { continue };
            let decision = Decision { action, ..decision.clone() };
            let task = Task { case, decision: &decision };
            let Some(text) = self.notice(&task) else { continue };
            let Some(message) = self.message(&task, &text) else { continue };
            if let Some(delivery) = self.hands.broadcast.tell_owner(&message).filter(Delivery::confirms) {
                info!("{}: {delivery}", Named(facts));
                self.log_delivery(&task, message.severity, &delivery);
                self.log_action(&task);
                warned.insert(facts.id.clone(), decision);
            }
        }
        warned
    }
}

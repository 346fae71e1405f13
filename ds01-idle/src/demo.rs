//! The built-in sample host, as some checks leave it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

#[cfg(test)]
use ds01_core::table::Medium;
use ds01_core::{
    detect::{Inventory, Settings},
    event::EventLog,
    idle::{
        Broadcast, CheckOptions, Checked, Decision, Delivery, Hands, IdleState, Message, preview_after,
        rules::{Supposed, supposed},
    },
    model::ContainerId,
    policy::{self, Document, PolicyFiles},
    source::{
        Clock, Controls, SystemClock,
        fake::{FakeHost, Scenario},
    },
};
use jiff::{Timestamp, tz::TimeZone};

use crate::failure::Failure;

/// The time between two checks of the shipped timer.
const BETWEEN_CHECKS: Duration = Duration::from_secs(300);

const CHECKS: u32 = 5;

/// The shipped policy.
const POLICY: &str = include_str!("../../config/runtime/resource-limits.yaml");

/// Nobody is logged in on the sample host.
struct Nobody;

impl Broadcast for Nobody {
    fn tell(&self, _: &Message<'_>) -> Vec<Delivery> {
        Vec::new()
    }
}

/// The last of some checks of the sample host, under the shipped policy.
pub(crate) fn checked() -> Result<Checked, Failure> {
    checked_at(SystemClock.now())
}

fn checked_at(now: Timestamp) -> Result<Checked, Failure> {
    let scenario = Scenario::teaching_lab()?.ending_at(now - BETWEEN_CHECKS * (CHECKS - 1));
    let mut at_the_end = None;
    scenario.play(|_, host| {
        at_the_end = Some(host.clone());
        Ok::<(), Failure>(())
    })?;
    let host = at_the_end.unwrap_or_else(|| FakeHost::new("empty", now));
    let options = options()?;
    let hands = Hands { controls: Controls::docker(Arc::new(host.clone())), broadcast: Arc::new(Nobody) };
    let check =
        |state: IdleState, inventory: &Inventory| preview_after(&host.sources(), &hands, &options, inventory, state);
    let mut checked = check(IdleState::default(), &Inventory::empty())?;
    for number in 1..CHECKS {
        // Nobody is stopped here. Who would have been by now was warned at the last check, and not long before.
        let is_last = number == CHECKS - 1;
        let cases = checked.cases();
        let too_early = |id: &ContainerId, decision: &Decision| {
            !is_last && matches!(supposed(cases.get(id), decision), Some(Supposed::Stopped(_)))
        };
        let decisions = checked.plan.decisions.iter().filter(|(id, decision)| !too_early(id, decision));
        let mut state = checked.state.clone();
        for (id, decision) in decisions {
            state.record(id, decision, &checked.look.now);
        }
        host.advance(BETWEEN_CHECKS);
        checked = check(state, &checked.look.inventory)?;
    }
    Ok(checked)
}

fn options() -> Result<CheckOptions, Failure> {
    let path = PathBuf::from(policy::DEFAULT_PATH);
    let files = PolicyFiles {
        policy: Document { path, bytes: POLICY.into() },
        overrides: None,
        exemptions: None,
        members: BTreeMap::new(),
    };
    Ok(CheckOptions {
        metrics: None,
        state_dir: PathBuf::new(),
        keep_dir: PathBuf::new(),
        events: EventLog::new("", env!("CARGO_PKG_NAME")),
        deadline: Duration::from_secs(5),
        settings: Settings::default(),
        policy: policy::parse(&files)?.policy,
        zone: TimeZone::system(),
        only: Vec::new(),
    })
}

/// The sample host at an instant that stays, for tests.
#[cfg(test)]
pub(crate) fn at_noon() -> Checked {
    checked_at("2026-03-02T12:00:00Z".parse().unwrap()).unwrap_or_else(|_| panic!("the sample host"))
}

/// Terminals of several widths, and a pipe, for tests.
#[cfg(test)]
pub(crate) fn everywhere() -> Vec<(String, Medium)> {
    let terminals = [60, 80, 120, 200].map(|width| (width.to_string(), Medium { width: Some(width), color: false }));
    terminals.into_iter().chain([("piped".to_owned(), Medium { width: None, color: false })]).collect()
}

//! `ds01-idle status`: who is idle, for how long, and what happens next.

mod json;
mod table;

use std::process::ExitCode;

use ds01_core::{
    cli::console,
    idle::{
        Case, Checked, ContainerFacts, Decision,
        rules::{Supposed, supposed},
    },
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    CONSOLE,
    check::{self, Host},
    cli::StatusRequest,
    demo,
    failure::{Failure, exit},
    words,
};

/// One container of the table.
struct Shown<'a> {
    facts: &'a ContainerFacts,
    decision: &'a Decision,
    /// What a running container is judged by.
    case: Option<Case<'a>>,
    /// What would have been done by now, where the timer is off.
    would: Option<Supposed>,
}

impl Shown<'_> {
    /// What happens next, in words.
    fn next(&self, now: Timestamp, zone: &TimeZone) -> String {
        let next = || words::next(self.case.as_ref(), self.decision, now, zone);
        self.would.map_or_else(next, |would| words::would(would).to_owned())
    }
}

pub(crate) fn run(request: &StatusRequest) -> Result<ExitCode, Failure> {
    let (checked, real) = match &request.host {
        Some(host) => {
            let host = Host::new(host, None, Vec::new())?;
            let checked = host.preview()?;
            (checked, true)
        }
        None => (demo::checked()?, false),
    };
    let failed = check::say_problems(&checked);
    let timer_off = real && check::is_overdue(&checked);
    if timer_off {
        say_that_the_timer_is_off(&checked);
    }
    let shown = shown(&checked, timer_off);
    if request.json {
        console::print(&json::document(&checked, &shown, timer_off)?)?;
    } else if checked.blind().is_none() {
        // Of a host that could not be seen there is no table: an empty one would say that nobody is there.
        let medium = console::medium(request.color);
        console::print(table::render(&checked, &shown, medium, real, &TimeZone::system()).as_bytes())?;
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// Those that a check could do something about now or later: GPU containers that run, or that are held for removal.
fn shown(checked: &Checked, timer_off: bool) -> Vec<Shown<'_>> {
    let mut cases = checked.cases();
    let mut shown: Vec<Shown<'_>> = checked
        .look
        .containers
        .iter()
        .filter_map(|facts| {
            let decision = checked.plan.decisions.get(&facts.id)?;
            let concerns = if facts.status.is_up() {
                facts.has_gpu != Some(false)
            } else {
                decision.next != ds01_core::idle::rules::Next::Nothing
                    || decision.action != ds01_core::idle::Action::Nothing
            };
            let case = cases.remove(&facts.id);
            let would = if timer_off { supposed(case.as_ref(), decision) } else { None };
            concerns.then_some(Shown { facts, decision, case, would })
        })
        .collect();
    // Who is idle for longest stands on top.
    shown.sort_by(|a, b| b.decision.idle.cmp(&a.decision.idle).then_with(|| a.facts.name.cmp(&b.facts.name)));
    shown
}

/// This very look counted as a check, in memory: the one before it is the last that the timer made.
fn say_that_the_timer_is_off(checked: &Checked) {
    let last = match checked.last_check() {
        None => "no check was made since the host was booted".to_owned(),
        Some(age) => format!("the last check was {} ago", units::duration(age)),
    };
    CONSOLE.warn(format_args!(
        "{last}: nobody is warned or stopped\n\
         `would be` in NEXT is what the timer would have done by now; see systemctl status ds01-idle-checker.timer"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{at_noon, everywhere};

    #[test]
    fn the_table_at_every_width() {
        let checked = at_noon();
        for (width, medium) in everywhere() {
            let text = table::render(&checked, &shown(&checked, false), medium, false, &TimeZone::UTC);
            insta::assert_snapshot!(format!("status_{width}"), text);
        }
    }

    #[test]
    fn the_table_of_a_host_whose_timer_is_off() {
        let checked = at_noon();
        let medium = ds01_core::table::Medium { width: Some(80), color: false };
        let text = table::render(&checked, &shown(&checked, true), medium, false, &TimeZone::UTC);
        insta::assert_snapshot!("status_timer_off", text);
    }
}

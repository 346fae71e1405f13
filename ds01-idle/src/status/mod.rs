//! `ds01-idle status`: who is idle, for how long, and what happens next.

mod json;
mod table;

use std::{path::Path, process::ExitCode, time::Duration};

use ds01_core::{
    cli::console,
    idle::{Case, Checked, ContainerFacts, Decision, Wall},
};

use crate::{
    CONSOLE,
    check::{self, Host},
    cli::StatusRequest,
    demo,
    failure::{Failure, exit},
};

/// The timer makes a check every five minutes: after so long it is not running.
const OVERDUE: Duration = Duration::from_secs(15 * 60);

/// One container of the table.
struct Shown<'a> {
    facts: &'a ContainerFacts,
    decision: &'a Decision,
    /// What a running container is judged by.
    case: Option<Case<'a>>,
}

pub(crate) fn run(request: &StatusRequest) -> Result<ExitCode, Failure> {
    let (checked, last_check) = match &request.host {
        Some(host) => {
            let host = Host::new(host, Path::new(Wall::DEFAULT_PATH), Vec::new())?;
            let checked = host.preview()?;
            say_when_last_checked(&checked);
            (checked, true)
        }
        None => (demo::checked()?, false),
    };
    let failed = check::say_problems(&checked);
    let shown = shown(&checked);
    if request.json {
        console::print(&json::document(&checked, &shown)?)?;
    } else if checked.blind().is_none() {
        // Of a host that could not be seen there is no table: an empty one would say that nobody is there.
        let medium = console::medium(request.color);
        console::print(table::render(&checked, &shown, medium, last_check).as_bytes())?;
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// Those that a check could do something about now or later: GPU containers that run, or that are held for removal.
fn shown(checked: &Checked) -> Vec<Shown<'_>> {
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
            concerns.then(|| Shown { facts, decision, case: cases.remove(&facts.id) })
        })
        .collect();
    // Who is idle for longest stands on top.
    shown.sort_by(|a, b| b.decision.idle.cmp(&a.decision.idle).then_with(|| a.facts.name.cmp(&b.facts.name)));
    shown
}

/// This very look counted as a check, in memory: the one before it is the last that the timer made.
fn say_when_last_checked(checked: &Checked) {
    let timer = "see systemctl status ds01-idle-checker.timer";
    match checked.last_check() {
        None => CONSOLE
            .warn(format_args!("no check was made since the host was booted: nobody is warned or stopped\n{timer}")),
        Some(age) if age > OVERDUE => CONSOLE.warn(format_args!(
            "the last check was {} ago: nobody is warned or stopped\n{timer}",
            ds01_core::units::duration(age)
        )),
        Some(_) => {}
    }
}

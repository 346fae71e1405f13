//! `ds01-idle run`: one check.

use std::{fmt::Write, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use ds01_core::{
    cli::console,
    detect::{Inventory, Settings, Sources},
    event::EventLog,
    idle::{
        self, Action, CheckOptions, Checked, ContainerFacts, Hands, Others, Outcome, Wall,
        gpus::{Idleness, Public, publish},
    },
    policy::{self, Policy},
    source::SourceName,
};
use jiff::tz::TimeZone;

use crate::{
    CONSOLE,
    cli::{HostRequest, RunRequest},
    failure::{Failure, count_findings, exit},
    people,
    tally::Tally,
    words,
};

/// After so long without a check, the timer is not running.
const OVERDUE: Duration = Duration::from_secs(15 * 60);

/// How long a broadcast may take.
const WALL_AT_MOST: Duration = Duration::from_secs(10);

/// The real host, ready to be checked.
pub(crate) struct Host {
    pub(crate) sources: Sources,
    pub(crate) hands: Hands,
    pub(crate) options: CheckOptions,
    /// Where what everybody may see is written.
    pub(crate) public_dir: PathBuf,
}

impl Host {
    /// Reads the policy, and opens no door yet.
    pub(crate) fn new(
        request: &HostRequest,
        wall: Option<&std::path::Path>,
        only: Vec<String>,
    ) -> Result<Self, Failure> {
        let policy = load_policy(&request.config)?;
        let doors = request.sources.doors(request.deadline, &policy.engines)?;
        let others = wall.map_or(Others::EachTerminal, |program| Others::Program(Wall::new(program, WALL_AT_MOST)));
        let proc = request.sources.proc_root.clone();
        let people = people::channels(&policy.notify, &request.config, &request.state_dir, proc, others);
        let options = CheckOptions {
            metrics: None,
            state_dir: request.state_dir.clone(),
            keep_dir: request.keep_dir.clone(),
            events: EventLog::new(&request.events_file, env!("CARGO_PKG_NAME")),
            deadline: request.deadline,
            settings: Settings {
                named: doors.named,
                system_processes: policy.monitoring.system_processes.clone(),
                monitoring: policy.monitoring.clone(),
                ..Settings::default()
            },
            policy,
            zone: TimeZone::system(),
            only,
        };
        let hands = Hands { controls: doors.controls, broadcast: Arc::new(people) };
        Ok(Self { sources: doors.sources, hands, options, public_dir: request.public_dir.clone() })
    }

    /// The same host, looked at without changing anything.
    pub(crate) fn preview(&self) -> Result<Checked, Failure> {
        let _waiting = CONSOLE.say_what_is_waited_for();
        Ok(idle::preview(&self.sources, &self.hands, &self.options)?)
    }
}

/// Whether the timer is off, by all that can be told: it makes a check every five minutes, and the last one is longer ago.
pub(crate) fn is_overdue(checked: &Checked) -> bool {
    checked.last_check().is_none_or(|age| age > OVERDUE)
}

pub(crate) fn load_policy(config: &std::path::Path) -> Result<Policy, Failure> {
    let loaded = policy::load(config)?;
    if !loaded.warnings.is_empty() {
        let warnings = count_findings(&loaded.warnings);
        CONSOLE.say(format_args!("{warnings} about this policy: see ds01-idle check-config"));
    }
    Ok(loaded.policy)
}

pub(crate) fn run(request: &RunRequest) -> Result<ExitCode, Failure> {
    let mut host = Host::new(&request.host, request.wall.as_deref(), request.only.clone())?;
    host.options.metrics.clone_from(&request.metrics);
    let checked = if request.dry_run {
        host.preview()?
    } else {
        let _waiting = CONSOLE.say_what_is_waited_for();
        let checked = idle::run(&host.sources, &host.hands, &host.options)?;
        show_everybody(&host, &checked);
        checked
    };
    let report = report(&checked, request.dry_run);
    if request.dry_run {
        console::print(report.as_bytes())?;
    } else {
        report.lines().for_each(|line| CONSOLE.say(line));
    }
    let failed = say_problems(&checked);
    if checked.blind().is_none() {
        CONSOLE.say(summary(&checked, request.dry_run));
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// Writes what everybody may see. What fails there is no failure of the check.
fn show_everybody(host: &Host, checked: &Checked) {
    if checked.blind().is_some() {
        return;
    }
    let idleness = Idleness::from(&checked.state);
    let public = Public {
        inventory: &checked.look.inventory,
        idleness: Some(&idleness),
        policy: Some(&host.options.policy),
        unsound: false,
        now: host.sources.clock.now(),
    };
    if let Err(error) = publish(&host.public_dir, &public) {
        CONSOLE.warn(format_args!("{error}; what everybody may see is as old as it was"));
    }
}

/// Says which sources failed and what else went wrong; whether that makes the whole a failure.
pub(crate) fn say_problems(checked: &Checked) -> bool {
    let mut failed = false;
    for (name, source) in checked.look.inventory.failed_sources() {
        failed |= !Inventory::is_users_own(name);
        let error = source.error.as_deref().unwrap_or(name);
        let hint = source.hint.as_deref().unwrap_or("see ds01-detect --dry-run");
        CONSOLE.say(format_args!("{error}\n{hint}"));
    }
    if let Some(source) = checked.blind() {
        let without = match source {
            SourceName::Engine(engine) => {
                format!("without {} nobody knows which containers there are", engine.called())
            }
            SourceName::Nvml => "without NVML nobody knows what the GPUs do".to_owned(),
            SourceName::Amd => "without AMD's driver nobody knows who uses its GPUs".to_owned(),
            SourceName::Proc => "without /proc nobody knows what containers do".to_owned(),
        };
        CONSOLE.say(format_args!("{without}: nobody was judged, and nobody touched"));
    }
    for problem in &checked.problems {
        failed = true;
        CONSOLE.say(problem);
    }
    failed | checked.outcomes.values().any(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Holding(_)))
}

/// A line for each container that something is done about.
fn report(checked: &Checked, dry: bool) -> String {
    let mut text = String::new();
    for facts in &checked.look.containers {
        let Some(decision) = checked.plan.decisions.get(&facts.id) else { continue };
        if decision.action == Action::Nothing {
            continue;
        }
        let what = match checked.outcomes.get(&facts.id) {
            // What the last look before the stop saw is part of the reason. What the check saw is out of date.
            Some(Outcome::Left(why)) => format!("left alone after all: {why}"),
            Some(Outcome::Failed(error)) => format!("not done: {error}{}", evidence(checked, facts)),
            Some(Outcome::Holding(error)) => {
                format!("{}, but {error}{}", words::action(&decision.action, dry), evidence(checked, facts))
            }
            Some(Outcome::Done) | None => {
                format!("{}{}", words::action(&decision.action, dry), evidence(checked, facts))
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {what}", words::container(facts));
    }
    text
}

fn evidence(checked: &Checked, facts: &ContainerFacts) -> String {
    let interval = checked.state.tracks.get(&facts.id).and_then(|track| track.interval.as_ref());
    interval.map(|interval| format!(" ({})", interval.signals)).unwrap_or_default()
}

fn summary(checked: &Checked, dry: bool) -> String {
    let count = |outcome: fn(&Outcome) -> bool| checked.outcomes.values().filter(|one| outcome(one)).count();
    let tally = Tally::of(checked);
    let plural = if tally.running == 1 { "" } else { "s" };
    let mut text = format!("{} running GPU container{plural}: {tally}", tally.running);
    if dry {
        text.push_str("; nothing was changed");
    } else {
        let done = count(|one| matches!(one, Outcome::Done | Outcome::Holding(_)));
        let left = count(|one| matches!(one, Outcome::Left(_)));
        let failed = count(|one| matches!(one, Outcome::Failed(_)));
        let _ = write!(text, "; {done} acted upon, {left} left after all, {failed} failed");
    }
    let _ = write!(text, ", in {:.2} s", checked.took.as_secs_f64());
    text
}

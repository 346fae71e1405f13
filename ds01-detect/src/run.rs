//! Opens the doors, scans, says how it went.

use std::{fs, io};

use ds01_core::{
    cli::console,
    detect::{Inventory, Summary},
    policy::Policy,
    scan::{self, Scan},
    source::{Clock, SystemClock, fake::Scenario},
};
use tracing::debug;

use crate::{
    CONSOLE,
    cli::{HostScan, ScenarioScan},
    failure::{Failure, ScenarioProblem},
    policy,
};

/// Scans this host; whether all sources gave their facts.
pub(crate) fn scan(scan: &HostScan) -> Result<bool, Failure> {
    let without = "its system_processes are not left out, and engines that only it names are not looked at";
    let policy = policy::installed(scan.config.as_deref(), without)?.unwrap_or_else(Policy::built_in);
    let doors = scan.sources.doors(scan.options.deadline, &policy.engines)?;
    let mut options = scan.options.clone();
    options.settings.named = doors.named;
    options.settings.system_processes = policy.monitoring.system_processes;
    let sources = doors.sources;
    let waiting = CONSOLE.say_what_is_waited_for();
    let done = if scan.dry_run { scan::dry_run(&sources, &options)? } else { scan::run(&sources, &options)? };
    drop(waiting);
    for (name, engine) in &doors.engines {
        debug!("sent {} requests to {}", engine.requests_sent(), name.called());
    }
    if scan.dry_run {
        print(&done.inventory.to_json()?)?;
    }
    Ok(report(&done))
}

/// Scans a sample host once for each step of its story; whether all sources gave their facts in all of them.
pub(crate) fn scenario(scan: &ScenarioScan) -> Result<bool, Failure> {
    let failure = |problem| Failure::Scenario { path: scan.file.clone(), problem };
    let text = fs::read_to_string(&scan.file).map_err(|error| failure(ScenarioProblem::Unreadable(error)))?;
    let scenario = Scenario::from_yaml(&text).map_err(|error| failure(error.into()))?.ending_at(SystemClock.now());
    let mut good = true;
    let mut inventory = Inventory::empty();
    scenario.play(|step, host| {
        CONSOLE.say(&step.says);
        let sources = host.sources();
        let done = if scan.dry_run {
            // Each step builds on the one before, which left nothing on the disk.
            scan::scan_after(&sources, &inventory, &scan.options)
        } else {
            scan::run(&sources, &scan.options)?
        };
        good &= report(&done);
        inventory = done.inventory;
        Ok::<(), Failure>(())
    })?;
    if scan.dry_run {
        print(&inventory.to_json()?)?;
    }
    Ok(good)
}

/// Prints; a reader that has had enough is told nothing more, and the scan still says how it went.
fn print(bytes: &[u8]) -> io::Result<()> {
    console::print(bytes).or_else(|error| if console::has_enough(&error) { Ok(()) } else { Err(error) })
}

/// Says how a scan went; whether all sources gave their facts.
fn report(scan: &Scan) -> bool {
    let mut good = true;
    for (name, source) in scan.inventory.failed_sources() {
        good &= Inventory::is_users_own(name);
        let error = source.error.as_deref().unwrap_or(name);
        let hint = source.hint.as_deref().unwrap_or("scan again with --verbose");
        CONSOLE.say(format_args!("{error}\nwhat it told before is kept, marked stale; {hint}"));
    }
    if let Err(error) = &scan.journal {
        good = false;
        CONSOLE.say(format_args!(
            "{error}\nwhat GPU containers did is not written down: ds01-idle takes this time for a gap, and waits"
        ));
    }
    let Summary { containers, with_gpu, host_processes, pending } = scan.inventory.summary();
    let (containers, processes) = (count(containers, "container"), count(host_processes, "host GPU process"));
    let seconds = scan.took.as_secs_f64();
    CONSOLE.say(format_args!("{containers} ({with_gpu} with GPU), {processes}, {pending} pending, in {seconds:.2} s"));
    good
}

fn count(number: usize, noun: &str) -> String {
    let ending = match number {
        1 => "",
        _ if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{number} {noun}{ending}")
}

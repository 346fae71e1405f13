//! Opens the doors, scans, says how it went.

use std::{fs, io, path::Path};

use ds01_core::{
    cli::console,
    detect::{Inventory, Sources, Summary},
    idle::{
        gpus::{Idleness, Public, publish},
        state::FILE_NAME,
    },
    policy::{Policy, is_installed},
    scan::{self, Scan, ScanMetrics},
    source::{Clock, SystemClock, fake::Scenario},
    store::Store,
};
use tracing::{debug, warn};

use crate::{
    CONSOLE,
    cli::{HostScan, ScenarioScan},
    failure::{Failure, ScenarioProblem},
    policy,
};

/// Scans this host; whether all sources gave their facts.
pub(crate) fn scan(scan: &HostScan) -> Result<bool, Failure> {
    let without = "its system_processes are not left out, and engines that only it names are not looked at";
    let installed = policy::installed(scan.config.as_deref(), without)?;
    let policy = installed.clone().unwrap_or_else(Policy::built_in);
    let doors = scan.sources.doors(scan.options.deadline, &policy.engines)?;
    let mut options = scan.options.clone();
    options.settings.named = doors.named;
    // Where nobody named one, none is one that is missing, or that is not sound.
    let is_sound = if installed.is_some() { Some(true) } else { is_installed().then_some(false) };
    options.metrics = scan.metrics.clone().map(|file| ScanMetrics { file, policy: policy.clone(), is_sound });
    options.settings.system_processes.clone_from(&policy.monitoring.system_processes);
    options.settings.monitoring = policy.monitoring;
    let sources = doors.sources;
    let waiting = CONSOLE.say_what_is_waited_for();
    let done = if scan.dry_run { scan::dry_run(&sources, &options)? } else { scan::run(&sources, &options)? };
    drop(waiting);
    for (name, engine) in &doors.engines {
        debug!("sent {} requests to {}", engine.requests_sent(), name.called());
    }
    if scan.dry_run {
        print(&done.inventory.to_json()?)?;
    } else {
        let unsound = is_sound == Some(false);
        show_everybody(&scan.public_dir, &scan.options.state_dir, &done, installed.as_ref(), unsound, &sources);
    }
    Ok(report(&done))
}

/// Writes what everybody may see. What fails there is no failure of the scan.
fn show_everybody(
    dir: &Path,
    state_dir: &Path,
    done: &Scan,
    policy: Option<&Policy>,
    unsound: bool,
    sources: &Sources,
) {
    let memory = Store::open_existing(state_dir).and_then(|store| store.read(FILE_NAME));
    // One of no use is the reaper's to complain of: nobody is known to be idle then.
    let idleness = memory.ok().flatten().and_then(|bytes| Idleness::from_json(&bytes).ok());
    let now = sources.clock.now();
    let public = Public { inventory: &done.inventory, idleness: idleness.as_ref(), policy, unsound, now };
    if let Err(error) = publish(dir, &public) {
        warn!("{error}; what everybody may see is as old as it was");
    }
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
            let done = scan::run(&sources, &scan.options)?;
            if let Some(dir) = &scan.public_dir {
                show_everybody(dir, &scan.options.state_dir, &done, None, false, &sources);
            }
            done
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

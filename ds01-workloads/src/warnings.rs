//! What an admin should know before believing the table.

use std::time::Duration;

use ds01_core::{
    detect::{
        Inventory,
        inventory::{SourceEntry, SourceState},
    },
    units,
};
use jiff::Timestamp;

use crate::row::since;

/// Three scans of the timer: an older inventory means that scans are failing.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(90);

/// Warnings about an inventory, each one a line that says what is wrong and what to look at.
pub(crate) fn warnings(inventory: &Inventory, now: Timestamp) -> Vec<String> {
    let age = inventory.last_scan.and_then(|scan| age_warning(scan, now));
    let sources = inventory.sources.iter().filter_map(|(name, entry)| source_warning(name, entry, now));
    let gpus = inventory.gpus.iter().filter_map(|gpu| {
        let problem = gpu.problem.as_deref()?;
        let see = if gpu.vendor.is_nvidia() { "`nvidia-smi`" } else { "`journalctl -k --grep amdgpu`" };
        Some(format!("GPU {} could not be read: {problem}; see {see}", gpu.label()))
    });
    age.into_iter().chain(sources).chain(gpus).collect()
}

/// What a live scan could not see: what this host has not, and what this caller may not.
pub(crate) fn unseen_live(inventory: &Inventory) -> Vec<String> {
    let processes = inventory.host_processes.values().chain(inventory.pending_processes.values());
    let hidden = processes.filter(|process| process.cmdline.is_none()).count();
    let containers = inventory.containers.values().filter(|container| container.problem.is_some()).count();
    let absent = inventory.sources.iter().filter(|(_, entry)| entry.state == SourceState::Absent);
    let mut said: Vec<String> = absent
        .map(|(name, entry)| {
            let hint = entry.hint.as_deref().unwrap_or("scan as root");
            format!("{}; {hint}", entry.error.as_deref().unwrap_or(name))
        })
        .collect();
    if hidden > 0 {
        said.push(format!(
            "the command lines of {hidden} host GPU processes could not be read: run as root to see them"
        ));
    }
    if containers > 0 {
        said.push(format!("the details of {containers} containers could not be read: `--live --json` has the reasons"));
    }
    said
}

fn age_warning(scan: Timestamp, now: Timestamp) -> Option<String> {
    const LOOK: &str = "see `systemctl status ds01-workload-detector.timer` and \
                        `journalctl -u ds01-workload-detector.service`";
    let ahead = since(now, scan);
    if ahead > STALE_AFTER {
        return Some(format!(
            "the last scan is {} in the future: the clock was set, or {LOOK}",
            units::duration(ahead)
        ));
    }
    let age = since(scan, now);
    (age > STALE_AFTER).then(|| format!("the last scan was {} ago, at {scan:.0}: {LOOK}", units::duration(age)))
}

fn source_warning(name: &str, entry: &SourceEntry, now: Timestamp) -> Option<String> {
    if entry.state != SourceState::Failed {
        return None;
    }
    let error = entry.error.as_deref().unwrap_or("no reason was given");
    // Most errors begin with the name of their source.
    let error = error.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(error);
    let tells = match name {
        "docker" => "containers",
        "nvml" => "GPUs and who uses them",
        "amd" => "AMD's GPUs and who uses them",
        "proc" => "processes and their users",
        _ => "its containers",
    };
    let hint = entry.hint.as_deref().unwrap_or("see `journalctl -u ds01-workload-detector.service`");
    Some(match entry.last_good {
        None => format!("{name} failed ({error}): nothing is known of {tells}; {hint}"),
        Some(good) => {
            let (failing, old) = (units::duration(since(entry.since, now)), units::duration(since(good, now)));
            format!("{name} has failed for {failing} ({error}): what is shown of {tells} is {old} old; {hint}")
        }
    })
}

//! What the last scan left.

use std::time::Duration;

use ds01_core::{
    detect::inventory::{InventoryError, SourceState},
    units,
};
use jiff::Timestamp;

use super::{
    super::{
        facts::{Facts, NoInventory, inventory},
        finding::{Finding, Verdict, quoted},
    },
    AS_ROOT,
};

/// Three scans of the timer: an older inventory means that scans are failing.
const STALE_AFTER: Duration = Duration::from_secs(90);

/// Whether there is one, and how old it is.
pub(super) fn age(facts: &Facts) -> Finding {
    const CHECK: &str = "inventory";
    let path = &facts.files.inventory_file;
    let file = path.display();
    // Where no timer scans, it is as old as the admin lets it be.
    let verdict = if facts.units.scan_by_themselves() { Verdict::Failed } else { Verdict::Warning };
    let scan = |finding: Finding| finding.mend(facts.scan_command.as_str());
    let why = match &facts.files.inventory {
        Ok(inventory) => {
            let Some(last) = inventory.last_scan else {
                return scan(Finding::new(CHECK, verdict, format!("{file} is of no scan")));
            };
            let (old, ahead) = (since(last, facts.now), since(facts.now, last));
            return if ahead > STALE_AFTER {
                let found = format!("{} in the future: the clock was set", units::duration(ahead));
                scan(Finding::new(CHECK, verdict, found))
            } else if old > STALE_AFTER {
                scan(Finding::new(CHECK, verdict, format!("{} old: nothing has scanned since", units::duration(old))))
            } else {
                Finding::ok(CHECK, format!("{} old", units::duration(old)))
            };
        }
        Err(why) => why,
    };
    match why {
        NoInventory::Missing => scan(Finding::new(CHECK, verdict, format!("no {file}: no scan was saved yet"))),
        NoInventory::Denied => {
            Finding::warning(CHECK, format!("{file} is not for user id {}", facts.uid)).mend(AS_ROOT)
        }
        NoInventory::NoFile => {
            Finding::failed(CHECK, format!("{file} is no regular file, and not followed if it is a link"))
                .mend(format!("sudo mv {0} {0}.odd", quoted(path)))
        }
        NoInventory::Unreadable(error) => {
            Finding::failed(CHECK, format!("{file} can't be read: {error}")).mend(format!("ls -l {}", quoted(path)))
        }
        NoInventory::Unusable(error @ InventoryError::Corrupt(_)) => {
            scan(Finding::failed(CHECK, format!("{file} is {error}; the next scan sets it aside and begins anew")))
        }
        NoInventory::Unusable(error @ InventoryError::Version { .. }) => {
            let found = format!("{file} was {error}; the next scan of this version sets it aside and begins anew");
            Finding::failed(CHECK, found).mend("ds01-detect --version")
        }
    }
}

/// How the sources answered the last scan.
pub(super) fn sources(facts: &Facts) -> Finding {
    const CHECK: &str = "last-scan";
    let Some(inventory) = inventory(facts) else { return Finding::skipped(CHECK, "no inventory to read") };
    let with = |state: SourceState| inventory.sources.iter().filter(move |(_, source)| source.state == state);
    let failed: Vec<String> = inventory
        .hosts_failed_sources()
        .map(|(name, source)| {
            let error = source.error.as_deref().unwrap_or(name);
            format!("{error} (for {})", units::duration(since(source.since, facts.now)))
        })
        .collect();
    let first = inventory.hosts_failed_sources().next().map(|(name, _)| name);
    let said = match first {
        None => {
            let names = |state| with(state).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let (good, absent) = (names(SourceState::Ok), names(SourceState::Absent));
            return match (good.as_str(), absent.as_str()) {
                ("", "") => Finding::skipped(CHECK, "no source was asked yet"),
                (good, "") => Finding::ok(CHECK, format!("{good}: ok")),
                ("", absent) => Finding::ok(CHECK, format!("{absent}: absent")),
                (good, absent) => Finding::ok(CHECK, format!("{good}: ok; {absent}: absent")),
            };
        }
        Some("docker") => "sudo journalctl -u docker -n 50",
        Some("podman") => "sudo journalctl -u podman -n 50",
        Some("nvml") => "sudo journalctl -k --grep NVRM",
        Some("amd") => "sudo journalctl -k --grep amdgpu",
        Some("proc") => "findmnt --types proc",
        // Another daemon's unit is for its admin to know.
        Some(_) => "sudo ds01-detect --verbose",
    };
    Finding::failed(CHECK, format!("{}: what was known before is kept, marked stale", failed.join("; "))).mend(said)
}

/// Whether GPU memory is held by nobody.
pub(super) fn dead_processes(facts: &Facts) -> Finding {
    const CHECK: &str = "dead-processes";
    let Some(inventory) = inventory(facts) else { return Finding::skipped(CHECK, "no inventory to read") };
    let dead: Vec<String> = inventory
        .dead_processes
        .values()
        .filter(|dead| dead.confirmed)
        .map(|dead| {
            let memory = dead.gpu_memory_mb.map_or_else(|| "an unknown amount".to_owned(), units::mib);
            let uuids: Vec<&str> = dead.gpus.iter().map(|held| held.gpu_uuid.as_str()).collect();
            let (on, age) = (uuids.join(", "), units::duration(since(dead.since, facts.now)));
            format!("{memory} on {on} by pid {}, for {age}", dead.pid)
        })
        .collect();
    if dead.is_empty() {
        return Finding::ok(CHECK, "none holds GPU memory");
    }
    let found = format!(
        "GPU memory is held by processes that no longer exist: {}. A process that shares it may be left, or the GPU has to \
         be reset once nobody uses it",
        dead.join("; ")
    );
    Finding::warning(CHECK, found).mend("sudo fuser -v /dev/nvidia*")
}

/// From `then` to `now`; none if `then` is later.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

//! Which containers have to be inspected, and which can be remembered.
//!
//! An inspect costs a request each, so a scan of a thousand quiet containers must do without. Configuration never changes
//! in a container's life; when its present life began, and its main process, change with every restart. So a container is
//! remembered only when something proves that it has not restarted since the details were read:
//!
//! - its main process still runs, and is the process it was: same pid, same start, and `/proc` had confirmed that it is
//!   this container's. Docker's age must not contradict it: a process can outlive what Docker holds for its life, when the
//!   container's shim was killed; or
//! - no main process was ever confirmed (`/proc` is not of Docker's host, or it has ended), and Docker says that its
//!   present state is older than the scan that read them ("Up 3 minutes"), while both of the host's clocks agree on how
//!   long ago that was; or
//! - it was never started, and still was not.
//!
//! Docker's ages come from the wall clock. Where that clock was set between two scans ages count for nothing. One case is
//! left that nobody can see: a clock that was set, and set back again, between the same two scans, while a container of which
//! only the age tells was started again.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{ContainerListing, ContainerStatus, EngineName, least_age};

use super::inventory::{ContainerEntry, Inventory};

/// By how much the two clocks may differ before the wall clock counts as having been set: more than the slewing of a time
/// server over some minutes, less than the second in which Docker tells ages.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(500);

/// How much older than the last scan a state must be when nothing else speaks for it: well more than the clocks may differ.
const AGE_MARGIN: Duration = Duration::from_secs(2);

/// How long before `now` the remembered details were true, when both clocks agree on it: a life that began later was, in
/// an answer that came by `now`, no older than this.
pub(crate) fn trusted_gap(
    previous: &Inventory,
    engine: &EngineName,
    boot_id: Option<&str>,
    now: Timestamp,
    since_boot: Duration,
) -> Option<Duration> {
    let told = previous.sources.get(engine.as_str())?;
    if boot_id.is_none() || previous.boot_id() != boot_id {
        return None;
    }
    let boot_gap = since_boot.checked_sub(Duration::from_millis(told.last_good_since_boot_ms?))?;
    let wall_gap = Duration::try_from(now.duration_since(told.last_good?)).ok()?;
    (boot_gap.abs_diff(wall_gap) <= CLOCK_TOLERANCE).then_some(boot_gap.max(wall_gap))
}

/// Whether what is remembered of a container is still true, given when that was read and the start of the process that now
/// has its main process's pid, if one runs.
pub(crate) fn still_true(
    listing: &ContainerListing,
    remembered: &ContainerEntry,
    gap: Option<Duration>,
    pid_start_ticks: Option<u64>,
) -> bool {
    // One that could not be read at the last good scan was not confirmed by it.
    if remembered.full_id != listing.id || remembered.config.is_none() || remembered.problem.is_some() {
        return false;
    }
    let unchanged_since_read = || match (gap, least_age(&listing.status_text)) {
        (Some(gap), Some(age)) => age > gap + AGE_MARGIN,
        _ => false,
    };
    // Strict, as words are the least they can mean: one that began just before the last scan is read once more.
    let may_have_begun_since = || match (gap, least_age(&listing.status_text)) {
        (Some(gap), Some(age)) => age < gap,
        _ => false,
    };
    match &listing.status {
        ContainerStatus::Running | ContainerStatus::Paused => {
            let same_life = match remembered.pid_start_ticks {
                Some(start) => pid_start_ticks == Some(start) && !may_have_begun_since(),
                None => unchanged_since_read(),
            };
            remembered.status.is_up() && same_life
        }
        ContainerStatus::Exited => remembered.status == ContainerStatus::Exited && unchanged_since_read(),
        // Once started, a container is never again `created`.
        ContainerStatus::Created => remembered.status == ContainerStatus::Created,
        // A removal that failed half-way can't be started.
        ContainerStatus::Dead => remembered.status == ContainerStatus::Dead,
        ContainerStatus::Restarting | ContainerStatus::Removing | ContainerStatus::Other(_) => false,
    }
}

#[cfg(test)]
#[path = "recall_tests.rs"]
mod tests;

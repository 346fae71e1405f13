//! Asking an engine for the details of many containers, as far as the time goes.
//!
//! Tens of thousands of containers that no scan has read before can take longer than a scan has. What was read is kept, and the next
//! scans go on with the rest: who is not read yet is listed, with that reason, and nothing is done to it.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::{
    model::{ContainerId, ContainerListing, EngineName},
    source::{ContainerSource, Inspection, SourceError},
};

/// So many are asked for before the time is looked at again: few enough for a slow daemon, enough for a quick one.
const AT_A_TIME: usize = 256;

/// Why a container that is listed has no details.
const NOT_YET: &str = "not read yet: there are too many new containers for one scan, and the next ones go on";

/// Whom to ask for, those that run first.
pub(super) fn in_turn<'a>(listings: impl Iterator<Item = &'a ContainerListing>) -> Vec<ContainerId> {
    let (up, down): (Vec<_>, Vec<_>) = listings.partition(|listing| listing.status.is_up());
    up.into_iter().chain(down).map(|listing| listing.id.clone()).collect()
}

/// The details of `ids`, in their order, asked for until `end` comes near. The others are not read yet.
pub(super) fn inspect(
    source: &dyn ContainerSource,
    engine: &EngineName,
    ids: &[ContainerId],
    end: Instant,
) -> Result<Vec<Inspection>, SourceError> {
    let mut all = Vec::with_capacity(ids.len());
    let mut longest = Duration::ZERO;
    for some in ids.chunks(AT_A_TIME) {
        let begun = Instant::now();
        // The first are asked for in any case: each scan gets on.
        if !all.is_empty() && begun + longest * 2 > end {
            let (left, all_of_them) = (ids.len() - all.len(), ids.len());
            warn!("{engine}: {left} of {all_of_them} new containers are not read yet; the next scans go on with them");
            all.resize_with(ids.len(), || Inspection::Unreadable(NOT_YET.to_owned()));
            break;
        }
        let told = source.inspect(some)?;
        let is_short = told.len() != some.len();
        all.extend(told);
        if is_short {
            break;
        }
        longest = longest.max(begun.elapsed());
    }
    Ok(all)
}

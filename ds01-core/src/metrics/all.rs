//! All families.

use std::collections::BTreeMap;

use super::{
    containers::Containers,
    family::Family,
    gpus, host, host_processes,
    picture::{Picture, number},
    reaper,
};

/// All families. Those of which nothing is known have no series.
pub fn families(picture: &Picture<'_>) -> Vec<Family> {
    let mut left_out = BTreeMap::new();
    let mut families = host::families(picture);
    families.extend(gpus::families(picture));
    families.extend(Containers::families(picture, &mut left_out));
    families.extend(host_processes::families(picture, &mut left_out));
    families.extend(reaper::families(picture));
    let mut missing = Family::gauge(
        "ds01_metrics_left_out",
        "How many containers, and pairs of a GPU and a container or user, are left out of this file.",
        &["what"],
    );
    for (what, count) in left_out {
        missing.set(&[what], number(count));
    }
    families.push(missing);
    families
}

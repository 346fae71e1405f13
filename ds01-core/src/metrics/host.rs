//! The host: the program, the last scan, its sources, the policy.

use super::{
    family::Family,
    label::label,
    picture::{Picture, seconds, unix},
};
use crate::detect::inventory::SourceState;

pub(super) fn families(picture: &Picture<'_>) -> Vec<Family> {
    let mut build = Family::gauge("ds01_build_info", "The version of ds01; always 1.", &["version"]);
    build.set(&[env!("CARGO_PKG_VERSION")], 1.0);
    let mut scanned =
        Family::gauge("ds01_scan_timestamp_seconds", "When the last scan looked, as seconds since 1970.", &[]);
    if let Some(at) = picture.inventory.last_scan {
        scanned.set(&[], unix(at));
    }
    let mut took = Family::gauge("ds01_scan_duration_seconds", "How long the last scan took.", &[]);
    took.set(&[], seconds(picture.scan.took_ms));
    let mut up = Family::gauge(
        "ds01_source_up",
        "Whether a source told the last scan everything. No series for one that this host has not.",
        &["source"],
    );
    let mut good = Family::gauge(
        "ds01_source_last_good_timestamp_seconds",
        "When a source last told a scan everything, as seconds since 1970.",
        &["source"],
    );
    // A user's own engine fails as its user likes: that is no failure of the host, and raises no alarm.
    for (name, source) in picture.inventory.hosts_sources() {
        // A check reads the picture from a file, which a broken disk can have changed.
        let name = label(name);
        match source.state {
            SourceState::Ok => up.set(&[&name], 1.0),
            SourceState::Failed => up.set(&[&name], 0.0),
            SourceState::Absent => continue,
        }
        if let Some(at) = source.last_good {
            good.set(&[&name], unix(at));
        }
    }
    let mut sound = Family::gauge(
        "ds01_policy_sound",
        "Whether the policy is sound. If not, nobody is stopped. No series where there is no policy.",
        &[],
    );
    if let Some(is_sound) = picture.scan.policy_sound {
        sound.set(&[], f64::from(u8::from(is_sound)));
    }
    vec![build, scanned, took, up, good, sound]
}

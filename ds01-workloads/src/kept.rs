//! Containers that somebody asked to keep, as the reaper remembers them.
//!
//! They are read from the reaper's own memory, which lies beside the inventory, and not from the inventory: so nothing has to
//! be carried from one to the other, and nothing can get out of step. Where that memory can't be read, nobody is shown as kept.

use std::path::Path;

use ds01_core::{
    detect::{Inventory, inventory::ContainerEntry},
    idle::{IdleState, Kept, state::FILE_NAME},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

/// The key of an entry under which it stands, also in JSON and YAML.
const KEY: &str = "kept";

/// Adds who keeps what, by the reaper's memory in `state_dir`.
pub(crate) fn add(inventory: &mut Inventory, bytes: impl FnOnce(&Path) -> Option<Vec<u8>>, state_dir: &Path) {
    let kept = bytes(&state_dir.join(FILE_NAME)).and_then(|bytes| IdleState::kept_in(&bytes).ok()).unwrap_or_default();
    for (id, kept) in kept {
        let entry = inventory.containers.values_mut().find(|entry| entry.full_id == id && entry.status.is_up());
        if let (Some(entry), Some(_)) = (entry, kept.left()) {
            let Kept { by, why, .. } = &kept;
            entry.extra.insert(KEY.to_owned(), json!({ "by": by, "until": kept.until(), "why": why }));
        }
    }
}

/// The state of a container in words, and until when somebody keeps it. Neither by whom nor why: users' text of any length
/// would push other columns out.
pub(crate) fn status(entry: &ContainerEntry, now: Timestamp, zone: impl FnOnce() -> TimeZone) -> String {
    let status = entry.status.as_str();
    let Some(kept) = entry.extra.get(KEY) else { return status.to_owned() };
    let until: Option<Timestamp> = kept.get("until").and_then(|until| until.as_str()?.parse().ok());
    match until {
        Some(until) if until <= now => status.to_owned(),
        Some(until) => {
            let zone = zone();
            let (until, now) = (until.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
            let format = if until.date() == now.date() { "%H:%M" } else { "%a %H:%M" };
            format!("{status}, kept until {}", until.strftime(format))
        }
        None => format!("{status}, kept"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tests::host::{container, inventory};

    fn state(id: &str, left_ms: u64) -> Vec<u8> {
        let kept = json!({"by": "alice", "uid": 1001, "why": "overnight run", "at": "2026-03-02T12:00:00Z", "boot_id": "b",
            "boot_ms": 1, "left_ms": left_ms, "used_ms": 0, "started_at": null});
        json!({"schema_version": "1", "checks": 7, "kept": {id: kept}}).to_string().into_bytes()
    }

    #[test]
    fn whoever_is_kept_is_shown_until_that_is_over() {
        let entry = container("train", |_| {});
        let mut inventory = inventory(vec![entry.clone()], vec![]);
        add(&mut inventory, |_| Some(state(entry.full_id.as_str(), 6 * 3_600_000)), Path::new("/x"));
        let entry = &inventory.containers[&entry.id];
        let expected = json!({"by": "alice", "until": "2026-03-02T18:00:00Z", "why": "overnight run"});
        assert_eq!(entry.extra["kept"], expected);
        let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let at = |now| status(entry, now, || TimeZone::UTC);
        assert_eq!(at(noon), "running, kept until 18:00");
        assert_eq!(at(noon - Duration::from_secs(86_400)), "running, kept until Mon 18:00");
        assert_eq!(at(noon + Duration::from_secs(6 * 3_600)), "running");
    }

    #[test]
    fn what_can_not_be_read_or_is_over_keeps_nobody() {
        let entry = container("train", |_| {});
        let plain = inventory(vec![entry.clone()], vec![]);
        for bytes in
            [None, Some(b"{".to_vec()), Some(state(entry.full_id.as_str(), 0)), Some(state(&"0".repeat(64), 9))]
        {
            let mut inventory = plain.clone();
            add(&mut inventory, |_| bytes, Path::new("/x"));
            assert_eq!(inventory, plain);
        }
    }
}

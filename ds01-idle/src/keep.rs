//! `ds01-idle keep NAME`: a user's answer to a warning.

use std::{io, path::Path, process::ExitCode, time::Duration};

use ds01_core::{
    cli::console,
    detect::{
        Inventory,
        inventory::{ContainerEntry, FILE_NAME},
    },
    duration::whole_seconds,
    idle::{Request, drop_request, keep_dir},
    model::{NotMeant, meant},
    store::Store,
    text::sanitize,
};
use jiff::Timestamp;

use crate::{cli::KeepRequest, failure::Failure, not_kept::NotKept};

/// An inventory that is older does not say who is there: the detector is off.
const OLD: Duration = Duration::from_secs(90);

pub(crate) fn run(request: &KeepRequest) -> Result<ExitCode, Failure> {
    if let Some(inventory) = recent_inventory(&request.state_dir) {
        is_there(&inventory, &request.name)?;
    }
    let dropped = Request {
        container: request.name.clone(),
        seconds: request.span.as_secs(),
        why: request.why.clone().filter(|why| !why.trim().is_empty()),
        wait: None,
    };
    let dir = keep_dir(&request.keep_dir, &request.state_dir).map_err(NotKept::from)?;
    drop_request(&dir, &dropped).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NotKept::NoDirectory(dir),
        _ => NotKept::Io { path: dir, error },
    })?;
    let (name, span) = (sanitize(&request.name), whole_seconds(request.span));
    let text = format!(
        "Asked to keep {name} for {span}. The next check reads it, within five minutes where the timer is on.\n\
         It counts if the container is yours, for as long as the policy allows (keep_max), and holds off a stop for\n\
         idleness only. ds01-workloads then shows `kept` for it.\n"
    );
    console::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What the detector saw a moment ago. Most users may not read it, and a request needs none.
fn recent_inventory(state_dir: &Path) -> Option<Inventory> {
    let bytes = Store::open_existing(state_dir).ok()?.read(FILE_NAME).ok()??;
    let inventory = Inventory::from_json(&bytes).ok()?;
    let age = Duration::try_from(Timestamp::now().duration_since(inventory.last_scan?)).ok()?;
    (age <= OLD).then_some(inventory)
}

/// Whether a running GPU container is meant, and one only.
fn is_there(inventory: &Inventory, name: &str) -> Result<(), NotKept> {
    let running = |entry: &&ContainerEntry| entry.status.is_up() && entry.has_gpu != Some(false);
    let running: Vec<&ContainerEntry> = inventory.containers.values().filter(running).collect();
    let shown = sanitize(name);
    match meant(running.iter().copied(), name, ContainerEntry::called) {
        Ok(_) => Ok(()),
        Err(NotMeant::Nobody) => {
            let near = running.iter().find(|entry| entry.name.starts_with(name) || name.starts_with(&entry.name));
            let hint = near.map_or_else(
                || "ds01-workloads --gpu-only lists those that there are".to_owned(),
                |entry| format!("Did you mean {}?", sanitize(&entry.name)),
            );
            Err(NotKept::Unknown(format!("no GPU container that runs is called {shown}\n{hint}")))
        }
        Err(NotMeant::Several) => {
            Err(NotKept::Unknown(format!("{shown} is the beginning of several containers' ids; give more of it")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::at_noon;

    #[test]
    fn a_name_that_nobody_has_gets_a_hint() {
        let inventory = at_noon().look.inventory;
        let running = inventory.containers.values().find(|entry| entry.status.is_up() && entry.has_gpu == Some(true));
        let running = running.unwrap();
        for name in [&running.name, &running.id, &running.full_id.to_string()] {
            assert!(is_there(&inventory, name).is_ok(), "{name}");
        }
        let said = |name: &str| is_there(&inventory, name).unwrap_err().to_string();
        let end = running.name.len() - 1;
        assert!(said(&running.name[..end]).ends_with(&format!("Did you mean {}?", running.name)));
        assert!(said("nobody").contains("ds01-workloads --gpu-only lists"));
        assert!(said("\u{1b}[2J").starts_with("no GPU container that runs is called \\x1b[2J\n"));
    }

    #[test]
    fn an_inventory_that_is_old_or_not_there_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(recent_inventory(dir.path()).is_none());
        let write =
            |inventory: &Inventory| std::fs::write(dir.path().join(FILE_NAME), inventory.to_json().unwrap()).unwrap();
        write(&at_noon().look.inventory);
        assert!(recent_inventory(dir.path()).is_none());
        write(&Inventory { last_scan: Some(Timestamp::now()), ..at_noon().look.inventory });
        assert!(recent_inventory(dir.path()).is_some());
    }
}

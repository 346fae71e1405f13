//! Notices for the next login: one file for each user, which only he can read.
//!
//! What root remembers lies in the state directory. The file that a user is given is only written: he owns it, so nothing
//! that is read back from it could be believed. A shell snippet shows it (`config/profile.d/ds01-notices.sh`): what is still
//! to come at each login, everything else once.

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::{Message, Severity};
use crate::{
    model::ContainerId,
    store::{Store, StoreError},
};

/// The most notices that are kept for one user.
const MOST: usize = 20;

/// How long one is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Where root remembers, in the state directory.
const DIR_NAME: &str = "login-notices";

/// The most bytes of what is remembered of one user.
const MAX_BYTES: usize = 512 * 1024;

/// Notices for the next login.
#[derive(Debug)]
pub struct Login {
    state_dir: PathBuf,
    dir: PathBuf,
    /// Stops are told of side by side, and several can be one user's.
    one_at_a_time: Mutex<()>,
}

/// What is remembered of one user.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The number of the last notice.
    last: u64,
    notices: Vec<One>,
    /// Whether his file is not known to say all this.
    to_be_written: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct One {
    number: u64,
    at: Timestamp,
    container_id: String,
    /// Whether it announces something that is still to come.
    open: bool,
    text: String,
}

impl Kept {
    fn add(&mut self, message: &Message<'_>) {
        let container_id = message.container.map(|facts| facts.id.as_str().to_owned()).unwrap_or_default();
        // The newest says what comes now.
        self.notices.iter_mut().filter(|one| one.container_id == container_id).for_each(|one| one.open = false);
        let open = message.severity == Severity::Warning || message.ahead.is_some();
        // By the clock: whoever remembers the last number that he saw still sees new ones, should all this be deleted.
        let number = self.last.saturating_add(1).max(message.at.as_second().unsigned_abs());
        let at = message.at;
        self.last = number;
        self.notices.push(One { number, at, container_id, open, text: message.text.to_owned() });
        while self.notices.len() > MOST {
            // What is still to come stays longest: others can make notices for him, by writing his name on their containers.
            let oldest = self.notices.iter().position(|one| !one.open).unwrap_or(0);
            self.notices.remove(oldest);
        }
        self.to_be_written = true;
    }

    fn settle(&mut self, warned: &BTreeSet<ContainerId>, now: Timestamp) {
        let before = self.notices.clone();
        self.notices.retain(|one| now.duration_since(one.at) < KEPT_FOR);
        for one in &mut self.notices {
            one.open &= warned.iter().any(|id| id.as_str() == one.container_id);
        }
        self.to_be_written |= before != self.notices;
    }

    /// What the shell snippet reads: before each notice a line with its number and whether it is open. No line of a notice
    /// begins like that.
    fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.notices {
            let state = if one.open { "open" } else { "past" };
            // Writing to a String cannot fail.
            let _ =
                write!(text, "notice {} {state} {}\n{}", one.number, one.at.strftime("%Y-%m-%d %H:%M UTC"), one.text);
        }
        text
    }
}

impl Login {
    /// What root remembers is in the state directory. The users' files are in `dir`: a directory of root's that others can only
    /// pass through.
    pub fn new(state_dir: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), dir: dir.into(), one_at_a_time: Mutex::new(()) }
    }

    /// Whether there is a directory for it.
    pub fn is_installed(&self) -> bool {
        self.dir.exists()
    }

    /// Adds a notice for the user of this id, and says where.
    ///
    /// # Errors
    ///
    /// Why it could not be written, in words.
    pub fn add(&self, uid: u32, message: &Message<'_>) -> Result<PathBuf, String> {
        let path = self.dir.join(uid.to_string());
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let add = || -> Result<(), StoreError> {
            let private = Store::open(&self.state_dir)?.open_within(DIR_NAME)?;
            let public = Store::open_existing(&self.dir)?;
            let mut kept = read(&private, uid)?;
            kept.add(message);
            write(&private, &public, uid, kept)
        };
        add().map(|()| path).map_err(|error| error.to_string())
    }

    /// Forgets what is old, and remembers which notices announce something that is still to come.
    ///
    /// # Errors
    ///
    /// What could not be written, in words.
    pub fn settle(&self, warned: &BTreeSet<ContainerId>, now: Timestamp) -> Result<(), String> {
        let settle = || -> Result<Vec<String>, StoreError> {
            let Ok(public) = Store::open_existing(&self.dir) else { return Ok(Vec::new()) };
            let private = Store::open(&self.state_dir)?.open_within(DIR_NAME)?;
            let names = private.names()?;
            let uids = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse::<u32>().ok());
            // One whose file is of no use ends nothing for the others.
            let of_one = |uid: u32| {
                let mut kept = read(&private, uid)?;
                kept.settle(warned, now);
                if kept.to_be_written { write(&private, &public, uid, kept) } else { Ok(()) }
            };
            Ok(uids.filter_map(|uid| of_one(uid).err()).map(|error| error.to_string()).collect())
        };
        let failed: Vec<String> = settle().unwrap_or_else(|error: StoreError| vec![error.to_string()]);
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}

fn name_of(uid: u32) -> String {
    format!("{uid}.json")
}

/// What is remembered; nothing where that is of no use.
fn read(private: &Store, uid: u32) -> Result<Kept, StoreError> {
    let bytes = private.read(&name_of(uid))?.filter(|bytes| bytes.len() <= MAX_BYTES);
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// First what is remembered, then what the user sees: a run that is killed in between is made up for by the next one.
fn write(private: &Store, public: &Store, uid: u32, mut kept: Kept) -> Result<(), StoreError> {
    let name = uid.to_string();
    let root = rustix::process::geteuid().as_raw();
    let save = |kept: &Kept| private.replace_for(root, &name_of(uid), &serde_json::to_vec(kept).unwrap_or_default());
    kept.to_be_written = true;
    save(&kept)?;
    public.remove_leftovers(&name)?;
    private.remove_leftovers(&name_of(uid))?;
    if kept.notices.is_empty() {
        public.remove(&name)?;
    } else {
        public.replace_for(uid, &name, kept.text().as_bytes())?;
    }
    kept.to_be_written = false;
    save(&kept)
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;

//! Root's side: what it puts into the outbox, and what it learns of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    entry::{Entry, MAX_BYTES},
    hooks::{Hooks, hooks},
    progress::{Progress, State},
};
use crate::store::{Store, StoreError};

/// The most notices in the outbox.
const MOST: usize = 500;

/// After so long, a notice that nobody works on is given up: twice as long as the deliverer tries.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(2 * 24 * 3600);

/// Written anew to wake the deliverer, which looks at nothing in it.
const WAKE: &str = ".wake";

/// The outbox, as root sees it.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// The directory that root writes.
    pub dir: PathBuf,
    /// That of the deliverer, which root only reads.
    pub results: PathBuf,
    /// That of the hooks.
    pub hooks: PathBuf,
    /// To whom hooks have to belong: root, but in tests.
    pub trusted: u32,
}

/// What became of a notice with one hook.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The notice.
    pub entry: Entry,
    /// The hook.
    pub hook: String,
    /// What became of it.
    pub ended: Ended,
}

/// How far one hook is with a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was not tried yet.
    Untried,
    /// It failed, for this reason, and is tried again.
    Retried(String),
    /// It is over.
    Ended(Ended),
}

/// How a notice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It arrived there, in the hook's words.
    Delivered(String),
    /// It was given up, and this is why.
    Failed(String),
}

impl Outbox {
    /// Whom root lets be run.
    pub fn hooks(&self) -> Hooks {
        hooks(&self.hooks, self.trusted)
    }

    /// Puts a notice in.
    ///
    /// # Errors
    ///
    /// Why it could not, in words.
    pub fn put(&self, entry: &Entry) -> Result<(), String> {
        let mut bytes = serde_json::to_vec_pretty(entry).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES {
            return Err(format!("this notice has {} bytes", bytes.len()));
        }
        let store = Store::open_existing(&self.dir).map_err(|error| error.to_string())?;
        let names = names(&store).map_err(|error| error.to_string())?;
        if names.len() >= MOST && !names.contains(&entry.file_name()) {
            return Err(format!(
                "{} is full: {MOST} notices wait; see systemctl status ds01-notify",
                self.dir.display()
            ));
        }
        store.replace(&entry.file_name(), &bytes).map_err(|error| error.to_string())
    }

    /// The notice of this id, while it is there.
    ///
    /// # Errors
    ///
    /// When the outbox could not be read.
    pub fn find(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let name = Entry::name_of(id);
        let bytes = Store::open_existing(&self.dir)?.read(&name)?;
        Ok(bytes.and_then(|bytes| Entry::read(&name, &bytes).ok()))
    }

    /// Takes a notice back: who has it not yet does not get it.
    ///
    /// # Errors
    ///
    /// When the outbox could not be written.
    pub fn take_back(&self, entry: &Entry) -> Result<(), StoreError> {
        Store::open_existing(&self.dir)?.remove(&entry.file_name())
    }

    /// How far a hook is with a notice, by the deliverer's word.
    pub fn standing(&self, entry: &Entry, hook: &str) -> Standing {
        match Progress::read_foreign(&self.results, entry, hook) {
            None => Standing::Untried,
            Some(Progress { result: State::Delivered, r#where, .. }) => Standing::Ended(Ended::Delivered(r#where)),
            Some(Progress { result: State::Failed, why, .. }) => Standing::Ended(Ended::Failed(why)),
            Some(Progress { why, .. }) if why.is_empty() => Standing::Untried,
            Some(Progress { why, .. }) => Standing::Retried(why),
        }
    }

    /// What became of notices since the last time, and what went wrong with looking.
    pub fn news(&self, now: Timestamp) -> (Vec<News>, Vec<String>) {
        let (mut news, mut problems) = (Vec::new(), Vec::new());
        let entries = match self.entries(now, &mut problems) {
            Ok(entries) => entries,
            Err(error) => {
                // Where there never was an outbox, there is nothing to learn.
                if self.dir.exists() {
                    problems.push(error.to_string());
                }
                return (news, problems);
            }
        };
        for entry in entries {
            for hook in entry.open_hooks() {
                let ended = match self.standing(&entry, hook) {
                    Standing::Ended(ended) => ended,
                    _ if entry.age(now) > GIVEN_UP_AFTER => {
                        Ended::Failed("nobody ran it; see systemctl status ds01-notify.path".to_owned())
                    }
                    _ => continue,
                };
                news.push(News { entry: entry.clone(), hook: hook.clone(), ended });
            }
        }
        (news, problems)
    }

    /// Remembers that `news` were taken in, removes what is done, and wakes the deliverer for the rest.
    ///
    /// # Errors
    ///
    /// When the outbox could not be written.
    pub fn settle(&self, news: &[News]) -> Result<(), StoreError> {
        let store = match Store::open_existing(&self.dir) {
            Err(_) if !self.dir.exists() => return Ok(()),
            opened => opened?,
        };
        // Of writes that were killed: only root writes here, one check at a time.
        store.remove_all_leftovers()?;
        let mut entries: BTreeMap<&str, Entry> = BTreeMap::new();
        for News { entry, hook, .. } in news {
            entries.entry(&entry.id).or_insert_with(|| entry.clone()).reported.push(hook.clone());
        }
        for entry in entries.values() {
            if entry.open_hooks().next().is_none() {
                store.remove(&entry.file_name())?;
            } else if let Ok(bytes) = serde_json::to_vec_pretty(entry) {
                store.replace(&entry.file_name(), &bytes)?;
            }
        }
        if names(&store)?.is_empty() { Ok(()) } else { store.replace(WAKE, b"") }
    }

    fn entries(&self, now: Timestamp, problems: &mut Vec<String>) -> Result<Vec<Entry>, StoreError> {
        let store = Store::open_existing(&self.dir)?;
        let mut entries = Vec::new();
        for name in names(&store)? {
            let bytes = match store.read(&name) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => {
                    problems.push(error.to_string());
                    continue;
                }
            };
            match Entry::read(&name, &bytes) {
                Ok(entry) => entries.push(entry),
                Err(why) => {
                    let aside = store.set_aside(&name, now)?;
                    problems.push(format!(
                        "{}: {why}; set aside as {}",
                        store.path_of(&name).display(),
                        aside.display()
                    ));
                }
            }
        }
        Ok(entries)
    }
}

/// The files that are notices, oldest first.
pub(super) fn names(store: &Store) -> Result<BTreeSet<String>, StoreError> {
    Ok(store.names()?.into_iter().filter(|name| Entry::is_name(name)).collect())
}

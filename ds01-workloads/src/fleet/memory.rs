//! When each host that is asked over ssh spoke last: a small file in the caller's own cache, as nobody else would know.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ds01_core::{json, store::Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "fleet-last-words.json";

/// Hosts beyond this are forgotten.
const MOST_HOSTS: usize = 10_000;

/// What is remembered.
#[derive(Debug)]
pub(super) struct Memory {
    dir: Option<PathBuf>,
    words: Words,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Words {
    /// By the host's name as it was asked for.
    last_words: BTreeMap<String, Timestamp>,
}

impl Memory {
    /// Reads what is remembered in `dir`, or in `~/.cache/ds01`. What can't be read is forgotten.
    pub(super) fn open(dir: Option<&Path>) -> Self {
        let dir = dir.map(Path::to_owned).or_else(cache);
        let store = dir.as_deref().and_then(|dir| Store::open_existing(dir).ok());
        let bytes = store.and_then(|store| store.read(FILE_NAME).ok().flatten());
        let words = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { dir, words }
    }

    /// When `host` spoke last.
    pub(super) fn last_word(&self, host: &str) -> Option<Timestamp> {
        self.words.last_words.get(host).copied()
    }

    /// Remembers that it did.
    pub(super) fn heard(&mut self, host: &str, at: Option<Timestamp>) {
        if let Some(at) = at
            && (self.words.last_words.len() < MOST_HOSTS || self.words.last_words.contains_key(host))
        {
            self.words.last_words.insert(host.to_owned(), at);
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    ///
    /// What to say about it: the table is as good without.
    pub(super) fn save(&self) -> Result<(), String> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let forgotten =
            |error: &dyn std::fmt::Display| format!("it will not be remembered when the hosts spoke last: {error}");
        // The directory above may be missing in a new account.
        if let Some(above) = dir.parent() {
            fs::create_dir_all(above)
                .map_err(|error| forgotten(&format!("can't make {}: {error}", above.display())))?;
        }
        let bytes = json::pretty(&self.words).map_err(|error| forgotten(&error))?;
        let store = Store::open(dir).map_err(|error| forgotten(&error))?;
        store.replace(FILE_NAME, &bytes).map_err(|error| forgotten(&error))
    }
}

/// Where caches are, by the XDG base directory specification.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("ds01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_known_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("new/ds01");
        let at: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let mut memory = Memory::open(Some(&place));
        assert_eq!(memory.last_word("gpu01"), None);
        memory.heard("gpu01", Some(at));
        memory.heard("gpu02", None);
        memory.save().unwrap();
        let again = Memory::open(Some(&place));
        assert_eq!((again.last_word("gpu01"), again.last_word("gpu02")), (Some(at), None));
        // Rubbish is forgotten, and replaced.
        fs::write(place.join(FILE_NAME), "{").unwrap();
        let mut memory = Memory::open(Some(&place));
        assert_eq!(memory.last_word("gpu01"), None);
        memory.heard("gpu01", Some(at));
        memory.save().unwrap();
        assert_eq!(Memory::open(Some(&place)).last_word("gpu01"), Some(at));
    }
}

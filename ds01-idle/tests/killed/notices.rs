//! What was broadcast.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// The title of the notice before a stop.
pub(crate) const STOPPED: &str = "GPU CONTAINER IS BEING STOPPED";
/// The title of the warning.
pub(crate) const WARNED: &str = "IDLE GPU CONTAINER: WILL BE STOPPED";

/// A program in the place of `wall`, which writes each notice into a file named by the time in nanoseconds.
pub(crate) struct Notices {
    script: PathBuf,
    dir: PathBuf,
    read: Mutex<BTreeMap<PathBuf, String>>,
}

impl Notices {
    pub(crate) fn new(dir: &Path) -> Self {
        let (script, dir) = (dir.join("wall"), dir.join("notices"));
        fs::create_dir(&dir).unwrap();
        let text = format!("#!/bin/sh\nexec /bin/cat > {}/$(/bin/date +%s%N)-$$\n", dir.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { script, dir, read: Mutex::default() }
    }

    pub(crate) fn script(&self) -> &Path {
        &self.script
    }

    /// About whom there are notices of this title: when the first of each came, in nanoseconds since 1970, by the first
    /// digits of the container's id.
    pub(crate) fn of(&self, title: &str) -> BTreeMap<String, u128> {
        let mut read = self.read.lock().unwrap();
        for file in fs::read_dir(&self.dir).unwrap() {
            let path = file.unwrap().path();
            // One that is not whole yet is being written.
            if !read.contains_key(&path)
                && let Some(text) = fs::read_to_string(&path).ok().filter(|text| is_whole(text))
            {
                read.insert(path, text);
            }
        }
        let mut first = BTreeMap::new();
        for (path, text) in read.iter().filter(|(_, text)| text.contains(title)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let at: u128 = name.split_once('-').unwrap().0.parse().unwrap();
            let id = container(text).unwrap_or_else(|| panic!("names no container: {text}"));
            first.entry(id).and_modify(|first: &mut u128| *first = at.min(*first)).or_insert(at);
        }
        first
    }

    /// The same without their times.
    pub(crate) fn about(&self, title: &str) -> BTreeSet<String> {
        self.of(title).into_keys().collect()
    }
}

/// From rule to rule.
fn is_whole(text: &str) -> bool {
    text.starts_with("+-") && text.ends_with("-+\n") && text.lines().filter(|line| line.starts_with("+-")).count() == 2
}

/// The id in `Container: NAME (ID)`.
fn container(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once("Container: "))?.1;
    Some(line.split_once('(')?.1.split_once(')')?.0.to_owned())
}

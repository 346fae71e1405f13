//! Files and the arrows between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::paths::paths;

/// A file that uses another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    from: String,
    line: usize,
    to: String,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} -> {}", self.from, self.line, self.to)
    }
}

/// All files of a crate.
pub(crate) struct House {
    /// By name, relative to `src`.
    files: BTreeMap<String, String>,
    arrows: BTreeSet<Arrow>,
}

impl House {
    pub(crate) fn new(files: Vec<(String, String)>) -> Self {
        let mut house = Self { files: files.into_iter().collect(), arrows: BTreeSet::new() };
        for (from, text) in &house.files {
            for (path, line) in paths(text) {
                let Some(to) = house.resolve(&module_of(from), &path, 0) else { continue };
                if to != *from && !is_facade(from) && !is_facade(&to) {
                    house.arrows.insert(Arrow { from: from.clone(), line, to });
                }
            }
        }
        house
    }

    /// Arrows to a higher room, or to another one of the same height.
    pub(crate) fn upward(&self, layers: &[&[&str]]) -> Vec<Arrow> {
        let rank = |file: &str| room(file, layers);
        let up = |arrow: &&Arrow| match (rank(&arrow.from), rank(&arrow.to)) {
            (Some((from, own)), Some((to, other))) => to > from || to == from && own != other,
            _ => false,
        };
        self.arrows.iter().filter(up).cloned().collect()
    }

    /// Files of no room.
    pub(crate) fn outside(&self, layers: &[&[&str]]) -> Vec<&str> {
        self.files.keys().map(String::as_str).filter(|file| room(file, layers).is_none()).collect()
    }

    /// The arrows among files that lie on a circle; none when there is no circle.
    pub(crate) fn circle(&self) -> Vec<Arrow> {
        let mut arrows: Vec<&Arrow> = self.arrows.iter().collect();
        // Whatever only begins or only ends arrows is on no circle.
        loop {
            let begin: BTreeSet<&str> = arrows.iter().map(|arrow| arrow.from.as_str()).collect();
            let end: BTreeSet<&str> = arrows.iter().map(|arrow| arrow.to.as_str()).collect();
            let before = arrows.len();
            arrows.retain(|arrow| begin.contains(arrow.to.as_str()) && end.contains(arrow.from.as_str()));
            if arrows.len() == before {
                return arrows.into_iter().cloned().collect();
            }
        }
    }

    /// The file that a path of module `at` leads to: the one that defines the name.
    fn resolve(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let mut module = at.to_vec();
        let mut rest = path;
        while let [first, tail @ ..] = rest {
            match first.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                name => {
                    module.push(name.to_owned());
                    if self.file_of(&module).is_none() {
                        module.pop();
                        break;
                    }
                }
            }
            rest = tail;
        }
        let file = self.file_of(&module)?;
        // Longer chains of re-exports are a circle of their own, which the compiler refuses.
        match rest.first() {
            Some(name) if is_facade(&file) && depth < 8 => self.re_exported(&file, &module, name, depth).or(Some(file)),
            _ => Some(file),
        }
    }

    /// Where a name comes from that a `mod.rs` re-exports.
    fn re_exported(&self, facade: &str, module: &[String], name: &str, depth: usize) -> Option<String> {
        let text = self.files.get(facade)?;
        let exports = text.split("use ").skip(1).filter_map(|part| part.split(';').next());
        for export in exports {
            let rooted = ["crate::", "self::", "super::"].iter().any(|root| export.starts_with(root));
            let line = if rooted { export.to_owned() } else { format!("self::{export}") };
            for (path, _) in paths(&line) {
                let last = path.last().map(String::as_str);
                if last == Some(name) {
                    return self.resolve(module, &path, depth + 1);
                }
                let defines = |file: &String| {
                    let words = ["struct", "enum", "fn", "trait", "type", "const"];
                    words.iter().any(|word| self.files[file].contains(&format!("{word} {name}")))
                };
                if last == Some("*")
                    && let Some(file) = self.resolve(module, &path[..path.len() - 1], depth + 1).filter(defines)
                {
                    return Some(file);
                }
            }
        }
        None
    }

    fn file_of(&self, module: &[String]) -> Option<String> {
        let path = module.join("/");
        let names = [format!("{path}.rs"), format!("{path}/mod.rs"), "lib.rs".to_owned(), "main.rs".to_owned()];
        let names = if module.is_empty() { &names[2..] } else { &names[..2] };
        names.iter().find(|name| self.files.contains_key(*name)).cloned()
    }
}

/// The file that only declares and re-exports.
fn is_facade(file: &str) -> bool {
    file.ends_with("mod.rs") || matches!(file, "lib.rs" | "main.rs")
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(ToOwned::to_owned).collect() }
}

/// How high a file's room lies, and which it is.
fn room<'a>(file: &str, layers: &[&[&'a str]]) -> Option<(usize, &'a str)> {
    let is_in = |room: &str| file == format!("{room}.rs") || file.starts_with(&format!("{room}/"));
    let mut rooms = layers.iter().enumerate().flat_map(|(height, rooms)| rooms.iter().map(move |room| (height, *room)));
    rooms.find(|(_, room)| is_in(room))
}

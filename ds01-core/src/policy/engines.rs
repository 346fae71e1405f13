//! `engines`: which container engines are looked at, and on which of them containers may be stopped.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    diagnostic::Position,
    reader::{Entry, Reader},
    schema,
    yaml::Node,
};
use crate::model::EngineName;

/// Which container engines are looked at, and on which of them containers may be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines {
    /// On which containers may be stopped and removed.
    pub reap: BTreeSet<EngineName>,
    /// Whether daemons are looked at that users run on their own.
    pub users: bool,
    /// Sockets of root's engines beside Docker's, by name. `None` is an engine that is not looked at, though its socket is where it
    /// usually is.
    pub sockets: BTreeMap<EngineName, Option<PathBuf>>,
}

impl Default for Engines {
    fn default() -> Self {
        Self { reap: BTreeSet::from([EngineName::DOCKER]), users: false, sockets: BTreeMap::new() }
    }
}

/// The engines that need no socket to be named.
const BUILT_IN: [EngineName; 2] = [EngineName::DOCKER, EngineName::PODMAN];

const KEYS: [&str; 3] = ["reap", "users", "sockets"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Engines {
    let mut engines = Engines::default();
    let mut named = Vec::new();
    for entry in reader.entries(node, "`engines`") {
        match entry.key {
            "reap" => (engines.reap, named) = reap(reader, entry),
            "users" => engines.users = reader.flag(entry).unwrap_or(engines.users),
            "sockets" => engines.sockets = sockets(reader, entry.value),
            _ => reader.unknown_key(entry, "`engines`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    warn_of_strangers(reader, &named, &engines.sockets);
    engines
}

/// A name with a slip of the pen is that of an engine that nobody has, and nothing is stopped on the one that was meant.
fn warn_of_strangers(
    reader: &mut Reader<'_>,
    named: &[(EngineName, Position)],
    sockets: &BTreeMap<EngineName, Option<PathBuf>>,
) {
    let known = || BUILT_IN.iter().chain(sockets.keys());
    let is_strange = |name: &EngineName| name.owner().is_none() && !known().any(|known| known == name);
    for (name, at) in named.iter().filter(|(name, _)| is_strange(name)) {
        let help = schema::nearest(name.as_str(), known().map(EngineName::as_str)).map_or_else(
            || format!("name its socket under `sockets`, unless `--engine {name}=SOCKET` does"),
            |nearest| format!("write `{nearest}` if that is meant"),
        );
        reader.warn(
            *at,
            format!("no engine is called `{name}` here: nothing would be stopped on the one that is meant"),
            help,
        );
    }
}

fn reap(reader: &mut Reader<'_>, entry: Entry<'_>) -> (BTreeSet<EngineName>, Vec<(EngineName, Position)>) {
    let names: Vec<_> = reader.names(entry).into_iter().map(|(name, at)| (name.to_owned(), at)).collect();
    let mut named = Vec::new();
    for (name, at) in names {
        match name.parse::<EngineName>() {
            Ok(engine) => named.push((engine, at)),
            Err(error) => reader.error(at, error.to_string(), "write names of engines, as in [docker, podman]"),
        }
    }
    (named.iter().map(|(engine, _)| engine.clone()).collect(), named)
}

fn sockets(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<EngineName, Option<PathBuf>> {
    let mut sockets = BTreeMap::new();
    for entry in reader.entries(node, "`engines.sockets`") {
        let name = match entry.key.parse::<EngineName>() {
            Ok(name) if name.owner().is_some() => {
                let help = "set `users: true`: the daemons of users are found where they usually are";
                reader.error(entry.at, format!("`{name}` is a daemon of a user's own"), help);
                continue;
            }
            Ok(name) if name.is_docker() => {
                reader.error(entry.at, "Docker's socket is not named here", "give --docker-host or DOCKER_HOST");
                continue;
            }
            Ok(name) => name,
            Err(error) => {
                reader.error(entry.at, error.to_string(), "write a name, such as `podman`");
                continue;
            }
        };
        if entry.value.is_null() {
            sockets.insert(name, None);
        } else if let Some(given) = reader.scalar(entry) {
            let path = PathBuf::from(given.text.strip_prefix("unix://").unwrap_or(given.text));
            if path.is_absolute() {
                sockets.insert(name, Some(path));
            } else {
                let message = format!("`{name}` is not at an absolute path");
                reader.error(entry.at, message, "write the socket's path, as in /run/podman/podman.sock, or null");
            }
        }
    }
    sockets
}

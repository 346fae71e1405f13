//! The directories that root writes to. Who else can write there can make root write elsewhere, so that the programs refuse
//! such a directory; who can read there reads command lines.

use std::path::Path;

use super::{
    super::{
        facts::{Facts, Kind, Place, Stat},
        finding::{Finding, quoted},
    },
    AS_ROOT,
    docker::{docker_group, group, owners},
};

/// The directory of the inventory.
pub(super) fn state_dir(facts: &Facts) -> Finding {
    let files = &facts.files;
    directory(facts, "state-dir", &files.state_dir, &files.state, "no inventory is saved")
}

/// The directory of the event log, and the log itself.
pub(super) fn log_dir(facts: &Facts) -> Finding {
    const CHECK: &str = "log-dir";
    let files = &facts.files;
    let log = files.events_file.display();
    let odd = match &files.events {
        Place::There(stat) if stat.kind == Kind::Link => Some("is a link, and not followed"),
        Place::There(stat) if stat.kind != Kind::File => Some("is no regular file"),
        Place::There(stat) if stat.names > 1 => Some("has a second name (a hard link)"),
        _ => None,
    };
    match odd {
        Some(odd) => Finding::failed(CHECK, format!("{log} {odd}: no event is logged"))
            .mend(format!("sudo mv {0} {0}.odd", quoted(&files.events_file))),
        None => directory(facts, CHECK, files.log_dir(), &files.log, "no event is logged"),
    }
}

/// A directory: root's, nobody else's to write to, and to be read by those who may use Docker.
fn directory(facts: &Facts, check: &'static str, path: &Path, place: &Place, otherwise: &str) -> Finding {
    let shown = path.display();
    let stat = match place {
        Place::Missing => {
            return Finding::warning(check, format!("{shown} is not there yet: a scan makes it, for root alone"))
                .mend(make(facts, path));
        }
        Place::Unseen(error) => {
            return Finding::warning(check, format!("{shown} can't be looked at: {error}")).mend(AS_ROOT);
        }
        Place::There(stat) => stat,
    };
    let away = |what: &str| {
        let move_away = format!("sudo mv {0} {0}.odd", quoted(path));
        Finding::failed(check, format!("{shown} {what}: {otherwise}"))
            .mend(format!("{move_away} && {}", make(facts, path)))
    };
    match stat.kind {
        Kind::Directory => {}
        Kind::Link => return away("is a link, and not followed"),
        Kind::File | Kind::Socket | Kind::Other => return away("is no directory"),
    }
    let found = format!("{shown}, {}", owners(facts, stat));
    let wrong = unsafe_ways(facts, stat);
    if !wrong.is_empty() {
        return Finding::failed(check, format!("{found}: {}; {otherwise}", wrong.join(", "))).mend(repair(facts, path));
    }
    match narrow_ways(facts, stat) {
        Some(wrong) => Finding::warning(check, format!("{found}: {wrong}")).mend(repair(facts, path)),
        None => Finding::ok(check, found),
    }
}

/// Why the programs refuse it.
fn unsafe_ways(facts: &Facts, stat: &Stat) -> Vec<&'static str> {
    let foreign = stat.uid != 0 && stat.uid != facts.uid;
    [
        (foreign, "belongs neither to root nor to you"),
        (stat.mode & 0o020 != 0, "its group can write to it"),
        (stat.mode & 0o002 != 0, "everyone can write to it"),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
    .collect()
}

/// Who can read it, and should not; who can't, and should.
fn narrow_ways(facts: &Facts, stat: &Stat) -> Option<String> {
    if stat.mode & 0o007 != 0 {
        return Some("everyone can look into it".to_owned());
    }
    let readers = docker_group(facts)?;
    let reads = stat.gid == readers && stat.mode & 0o050 == 0o050;
    (!reads).then(|| format!("group {}, which may use Docker, can't read it", group(facts, readers)))
}

fn make(facts: &Facts, path: &Path) -> String {
    let group = docker_group(facts).map(|gid| format!(" -g {}", group(facts, gid))).unwrap_or_default();
    format!("sudo install -d -m 0750{group} {}", quoted(path))
}

fn repair(facts: &Facts, path: &Path) -> String {
    let group = docker_group(facts).map(|gid| format!(":{}", group(facts, gid))).unwrap_or_default();
    let path = quoted(path);
    format!("sudo chown root{group} {path} && sudo chmod 0750 {path}")
}

//! The directories that root writes to. Who else can write there can make root write elsewhere, so that the programs refuse
//! such a directory; who can read there reads command lines.

use std::path::Path;

use super::{
    super::{
        facts::{Facts, Kind, Place, Stat},
        finding::{Finding, Verdict, quoted},
    },
    AS_ROOT,
    docker::{docker_group, group, owners},
};

/// New files in a directory with this bit take its group.
const SETGID: u32 = 0o2000;

/// The directory of the inventory, and the one in it of the activity journal.
pub(super) fn state_dir(facts: &Facts) -> Finding {
    const CHECK: &str = "state-dir";
    let files = &facts.files;
    let inventory = (files.inventory_file.as_path(), &files.inventory_place);
    let finding = directory(facts, CHECK, (&files.state_dir, &files.state), inventory, "no inventory is saved");
    match &files.activity {
        Place::There(stat) if finding.verdict != Verdict::Failed => {
            let otherwise = "the activity journal is not written, and no idle container is stopped";
            refused(facts, CHECK, &files.activity_dir, stat, otherwise).unwrap_or(finding)
        }
        _ => finding,
    }
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
        None => {
            let events = (files.events_file.as_path(), &files.events);
            directory(facts, CHECK, (files.log_dir(), &files.log), events, "no event is logged")
        }
    }
}

/// A directory and the file in it that others read: root's, nobody else's to write to, and to be read by those who may use
/// Docker.
fn directory(
    facts: &Facts,
    check: &'static str,
    (path, place): (&Path, &Place),
    (file, file_place): (&Path, &Place),
    otherwise: &str,
) -> Finding {
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
    if let Some(refused) = refused(facts, check, path, stat, otherwise) {
        return refused;
    }
    let found = format!("{shown}, {}", owners(facts, stat));
    let of_dir = narrow_ways(facts, stat).map(|wrong| (wrong, repair(facts, path)));
    let of_file = narrow_file(facts, file, file_place);
    let (wrong, commands): (Vec<String>, Vec<String>) = of_dir.into_iter().chain(of_file).unzip();
    if wrong.is_empty() {
        return Finding::ok(check, found);
    }
    Finding::warning(check, format!("{found}: {}", wrong.join("; "))).mend(commands.join(" && "))
}

/// A directory that the programs refuse, and what they then do without.
fn refused(facts: &Facts, check: &'static str, path: &Path, stat: &Stat, otherwise: &str) -> Option<Finding> {
    let shown = path.display();
    let away = |what: &str| {
        let move_away = format!("sudo mv {0} {0}.odd", quoted(path));
        Finding::failed(check, format!("{shown} {what}: {otherwise}"))
            .mend(format!("{move_away} && {}", make(facts, path)))
    };
    match stat.kind {
        Kind::Directory => {}
        Kind::Link => return Some(away("is a link, and not followed")),
        Kind::File | Kind::Socket | Kind::Other => return Some(away("is no directory")),
    }
    let wrong = unsafe_ways(facts, stat);
    if wrong.is_empty() {
        return None;
    }
    let found = format!("{shown}, {}: {}; {otherwise}", owners(facts, stat), wrong.join(", "));
    Some(Finding::failed(check, found).mend(repair(facts, path)))
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
    let group = group(facts, readers);
    if stat.gid != readers || stat.mode & 0o050 != 0o050 {
        return Some(format!("group {group}, which may use Docker, can't read it"));
    }
    let inherited = stat.mode & SETGID != 0;
    (!inherited).then(|| format!("no setgid bit: new files will not be readable for group {group}"))
}

/// Whether those who may use Docker can't read a file, with the command that lets them.
fn narrow_file(facts: &Facts, path: &Path, place: &Place) -> Option<(String, String)> {
    let Place::There(stat) = place else { return None };
    let readers = docker_group(facts)?;
    // To members of its group, a file's mode for others does not apply.
    let reads = if stat.gid == readers { 0o040 } else { 0o004 };
    if stat.kind != Kind::File || stat.mode & reads != 0 {
        return None;
    }
    let (group, shown, path) = (group(facts, readers), path.display(), quoted(path));
    let wrong = format!("group {group}, which may use Docker, can't read {shown}");
    Some((wrong, format!("sudo chgrp {group} {path} && sudo chmod 0640 {path}")))
}

/// The mode that a directory should have. Where a group has to read, what root makes there takes the directory's group.
fn mode(facts: &Facts) -> &'static str {
    if docker_group(facts).is_some() { "2750" } else { "0750" }
}

fn make(facts: &Facts, path: &Path) -> String {
    let group = docker_group(facts).map(|gid| format!(" -g {}", group(facts, gid))).unwrap_or_default();
    format!("sudo install -d -m {}{group} {}", mode(facts), quoted(path))
}

fn repair(facts: &Facts, path: &Path) -> String {
    let group = docker_group(facts).map(|gid| format!(":{}", group(facts, gid))).unwrap_or_default();
    let (mode, path) = (mode(facts), quoted(path));
    format!("sudo chown root{group} {path} && sudo chmod {mode} {path}")
}

//! A sound host, and one with each thing broken in turn: exactly the rows of that thing change.

use std::{fs, os::unix::fs::MetadataExt};

use crate::{
    as_root,
    diagnosis::Diagnosis,
    host::Host,
    troubles::{Trouble, of_docker, of_files, of_gpus, of_the_system, of_timers},
};

/// Breaks a host of its own in each way, and compares what the doctor says before and after.
fn each_changes_its_rows(troubles: &[Trouble], host: impl Fn() -> Host) {
    for Trouble { what, does, shows } in troubles {
        let mut host = host();
        let sound = host.diagnosis();
        assert_eq!(sound.code, Some(0), "{what}: {sound:#?}");
        let sound = readable(sound, &host);
        does(&mut host);
        readable(host.diagnosis(), &host).differs(what, &sound, shows);
    }
}

/// With what differs from host to host made the same: the daemon's socket, and the group that may use it.
fn readable(mut diagnosis: Diagnosis, host: &Host) -> Diagnosis {
    let socket = host.socket.to_str().unwrap();
    let group = fs::metadata(&host.socket).ok().map(|data| data.gid()).filter(|gid| *gid != 0 && *gid != 54_321);
    let name = |gid| users::get_group_by_gid(gid).map_or(gid.to_string(), |group| group.name().display().to_string());
    let group = group.map(name);
    for row in diagnosis.rows.values_mut() {
        row.found = row.found.replace(socket, "[socket]");
        let Some(command) = &mut row.command else { continue };
        *command = command.replace(socket, "[socket]");
        match &group {
            Some(group) => {
                *command = command.replace(&format!("root:{group}"), "root[group]");
                *command = command.replace(&format!(" -g {group}"), "[-g group]");
                *command = command.replace(" 2750", " [mode]");
            }
            None => {
                *command = command.replace("chown root [dir]", "chown root[group] [dir]");
                *command = command.replace("-m 0750 [dir]", "-m 0750[-g group] [dir]");
                *command = command.replace(" 0750", " [mode]");
            }
        }
    }
    diagnosis
}

#[test]
fn a_sound_host() {
    if !as_root("device nodes") {
        return;
    }
    let host = Host::new();
    let sound = host.diagnosis();
    let bad: Vec<_> = sound.rows.iter().filter(|(_, row)| row.verdict != "ok" || row.command.is_some()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(sound.rows.len(), 24);
    let asked = fs::read_to_string(host.path("systemctl.asked")).unwrap();
    assert!(asked.starts_with("TZ=UTC LC_ALL=C show --property="), "nothing but show: {asked}");
}

#[test]
fn a_sound_host_on_the_rig() {
    if !as_root("device nodes") {
        return;
    }
    let Some(host) = Host::on_rig() else { return };
    let sound = host.diagnosis();
    let bad: Vec<_> = sound.rows.iter().filter(|(_, row)| row.verdict != "ok" || row.command.is_some()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(sound.row("docker-api").found.contains("Docker "), "{sound:#?}");
    assert!(sound.row("docker-runtime").found.contains("nvidia beside it"), "{sound:#?}");
    assert!(sound.row("cgroups").found.contains("Docker uses cgroupfs"), "{sound:#?}");
}

#[test]
fn each_thing_broken_in_turn_on_the_rig() {
    if !as_root("device nodes") || Host::on_rig().is_none() {
        return;
    }
    for troubles in [of_gpus(), of_the_system(), of_files(), of_timers()] {
        each_changes_its_rows(&troubles, || Host::on_rig().unwrap());
    }
}

#[test]
fn docker_broken_in_turn() {
    if as_root("device nodes") {
        each_changes_its_rows(&of_docker(), Host::new);
    }
}

#[test]
fn gpus_broken_in_turn() {
    if as_root("device nodes") {
        each_changes_its_rows(&of_gpus(), Host::new);
    }
}

#[test]
fn the_system_broken_in_turn() {
    if as_root("device nodes") {
        each_changes_its_rows(&of_the_system(), Host::new);
    }
}

#[test]
fn files_broken_in_turn() {
    if as_root("device nodes") {
        each_changes_its_rows(&of_files(), Host::new);
    }
}

#[test]
fn timers_broken_in_turn() {
    if as_root("device nodes") {
        each_changes_its_rows(&of_timers(), Host::new);
    }
}

#[test]
fn nothing_is_written() {
    if !as_root("device nodes") {
        return;
    }
    let host = Host::new();
    let listing = || {
        let mut all: Vec<_> = ["state", "log", "samples", "dev", "dev/char", "proc", "sys", "nvml"]
            .iter()
            .flat_map(|dir| fs::read_dir(host.path(dir)).unwrap())
            .map(|entry| {
                let entry = entry.unwrap();
                let data = entry.path().symlink_metadata().unwrap();
                (entry.path(), data.mode(), data.modified().unwrap())
            })
            .collect();
        all.sort();
        all
    };
    let before = listing();
    host.doctor(&[]);
    assert_eq!(listing(), before);
    host.remove("state");
    host.remove("log");
    host.remove("samples");
    host.doctor(&[]);
    let made = ["state", "log", "samples"].map(|dir| host.path(dir).exists());
    assert!(!made.contains(&true), "what is missing is not made");
}

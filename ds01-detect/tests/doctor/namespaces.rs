//! What is wrong with mounts and with the name service, in a mount namespace of each test's own.

use std::{fs, path::Path};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::{
    as_root,
    host::Host,
    namespace::{inside, mount},
};

/// From now on nothing is where sockets of services are.
pub(crate) fn hide_run() {
    mount(&["-t", "tmpfs", "tmpfs"], Path::new("/run"));
}

/// Puts a FIFO in the place of the users' file, so that whoever looks up a user waits for it.
fn users_in_a_fifo(host: &Host) {
    let fifo = host.path("passwd");
    mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o644)).unwrap();
    mount(&["--bind", fifo.to_str().unwrap()], Path::new("/etc/passwd"));
    host.write("nsswitch.conf", "passwd: files\ngroup: files\n");
    mount(&["--bind", host.path("nsswitch.conf").to_str().unwrap()], Path::new("/etc/nsswitch.conf"));
}

#[test]
fn a_name_service_that_hangs() {
    if !inside("namespaces::a_name_service_that_hangs") {
        return;
    }
    let mut host = Host::new();
    let sound = host.diagnosis();
    users_in_a_fifo(&host);
    host.flags = ["--deadline", "5"].map(str::to_owned).to_vec();
    let says = "asked for user id 0, the name service: no answer within [age]";
    host.diagnosis().differs("hangs", &sound, &[("users", "failed", says, Some("getent passwd 0"))]);
}

#[test]
fn a_name_service_that_knows_nobody() {
    if !inside("namespaces::a_name_service_that_knows_nobody") {
        return;
    }
    let host = Host::new();
    let sound = host.diagnosis();
    host.write("empty", "");
    mount(&["--bind", host.path("empty").to_str().unwrap()], Path::new("/etc/passwd"));
    host.write("nsswitch.conf", "passwd: files\n");
    mount(&["--bind", host.path("nsswitch.conf").to_str().unwrap()], Path::new("/etc/nsswitch.conf"));
    let says = "the name service knows no root";
    host.diagnosis().differs("nobody", &sound, &[("users", "failed", says, Some("getent passwd 0"))]);
}

#[test]
fn processes_that_are_hidden() {
    if !inside("namespaces::processes_that_are_hidden") {
        return;
    }
    assert!(as_root("mounting"));
    let mut host = Host::new();
    host.remove("proc");
    fs::create_dir(host.path("proc")).unwrap();
    let proc_root = host.path("proc");
    let proc_is = |hidepid: &str| mount(&["-t", "proc", "-o", hidepid, "proc"], &proc_root);
    proc_is("hidepid=0");
    let open = host.diagnosis();
    proc_is("hidepid=2,gid=54321");
    // Unless root was robbed of the right to trace: then it is hidden from too.
    let (verdict, says) = match host.path("proc/1").exists() {
        true => ("ok", "hidepid=invisible,gid=54321: this user sees all processes"),
        false => ("warning", "other users' processes are hidden from user id 0"),
    };
    host.diagnosis().differs("root", &open, &[("hidepid", verdict, says, None)]);

    // For a user, who sees that much less of everything else.
    host.wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned).to_vec();
    let mut hidden = host.diagnosis();
    proc_is("hidepid=0");
    let open = host.diagnosis();
    // Whoever is logged in on the machine that runs this is hidden as well.
    hidden.rows.insert("users".to_owned(), open.row("users").clone());
    let says = "other users' processes are hidden from user id 65534";
    hidden.differs("a user", &open, &[("hidepid", "warning", says, Some("sudo ds01-detect doctor"))]);
}

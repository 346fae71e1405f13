//! The table as people see it: on terminals of two widths, in a pipe, in colour, and as JSON.

use std::{io::Read, os::unix::fs::chown, process::Output, thread};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{as_root, host::Host, units::Units};

/// Compares with the snapshot of this name. On terminals the lengths of this host's paths would show: what the table looks
/// like there stands in the snapshots beside the report's own code.
fn assert_shown(name: &str, host: &Host, shown: &str) {
    let shown = shown.replace(host.path("").to_str().unwrap().trim_end_matches('/'), "[dir]");
    let filters = [(r"\b(\d+[hms])+ (old|ago)", "[age] $2"), (r"\S*fake-docker-\w+", "[daemon]")];
    insta::with_settings!({ filters => filters, omit_expression => true }, { insta::assert_snapshot!(name, shown) });
}

/// A host with something to tell in each verdict.
fn ailing() -> Host {
    let mut host = Host::new();
    host.gpus.gpus[0].persistence_mode = Some(false);
    host.gpus.gpus[1].faults.insert("*".to_owned(), nvml_standin::Code::GpuIsLost.into());
    host.driver_tells(&host.gpus);
    host.mode("state", 0o770);
    host.remove("dev/char");
    host.systemd_tells(
        &Units::sound()
            .with("ds01-workload-detector.timer", "ActiveState", "inactive")
            .with("ds01-workload-detector.timer", "UnitFileState", "disabled")
            .without("ds01-idle-checker.timer"),
    );
    host
}

/// What the doctor prints on a terminal of so many columns, and how it ends.
fn on_terminal(host: &Host, columns: u16, environment: &[(&str, &str)], flags: &[&str]) -> (String, u32) {
    let size = PtySize { rows: 50, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ds01-detect"));
    command.env_clear();
    command.env("TERM", "xterm-256color");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    environment.iter().for_each(|(name, value)| command.env(name, value));
    command.arg("doctor");
    command.args(host.paths());
    command.args(host.doctors_paths());
    command.args(flags);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let read = thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal that nobody writes to any more ends in an error, after all that was written.
        let _ = reader.read_to_end(&mut bytes);
        bytes
    });
    let code = child.wait().unwrap().exit_code();
    drop(pair.master);
    let text = String::from_utf8(read.join().unwrap()).unwrap();
    (text.replace("\r\n", "\n"), code)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn in_a_pipe() {
    if !as_root("device nodes") {
        return;
    }
    let sound = Host::new();
    assert_shown("sound_piped", &sound, &stdout(&sound.doctor(&[])));
    let ailing = ailing();
    let output = ailing.doctor(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert_shown("ailing_piped", &ailing, &stdout(&output));
}

#[test]
fn on_terminals() {
    if !as_root("device nodes") {
        return;
    }
    let ailing = ailing();
    for columns in [80, 200] {
        let (text, code) = on_terminal(&ailing, columns, &[("NO_COLOR", "1")], &[]);
        assert_eq!(code, 1, "{text}");
        let (table, _) = text.split_once("\nWhat to run:").unwrap();
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns) && !table.contains('…'), "{widest}: {table}");
    }
}

#[test]
fn colour() {
    if !as_root("device nodes") {
        return;
    }
    let host = ailing();
    for (environment, flags, coloured) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "")], &[], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[("TERM", "dumb")], &[], false),
        (&[], &["--color", "never"], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
    ] {
        let (text, _) = on_terminal(&host, 80, environment, flags);
        assert_eq!(text.contains('\u{1b}'), coloured, "{environment:?} {flags:?}");
    }
    let piped = |flags: &[&str]| stdout(&host.doctor(flags)).contains('\u{1b}');
    assert!(!piped(&[]) && piped(&["--color", "always"]));
}

#[test]
fn commands_are_for_a_shell() {
    if !as_root("device nodes") {
        return;
    }
    // Each line below the heading is a command with its reason behind a `#`: a shell reads it without complaint.
    let host = ailing();
    let text = stdout(&host.doctor(&[]));
    let (_, commands) = text.split_once("What to run:\n").unwrap();
    let checked = std::process::Command::new("sh").args(["-n", "-c", commands]).output().unwrap();
    assert!(checked.status.success(), "{commands}");
    // One of them, run as it stands but for the sudo, mends what it stands for.
    chown(host.path("state"), Some(54_321), None).unwrap();
    let command = host.diagnosis().row("state-dir").command.clone().unwrap();
    let command = command.replace("sudo ", "").replace("[dir]", host.path("").to_str().unwrap().trim_end_matches('/'));
    assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
    assert_eq!(host.diagnosis().row("state-dir").verdict, "ok");
}

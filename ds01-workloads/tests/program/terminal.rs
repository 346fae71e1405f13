//! The program on a terminal: keys, sizes, signals, and the terminal left as it was found.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    common::{self, State, inventory},
    pty::Pty,
};

const FRESH: Duration = Duration::from_secs(5);
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn watching(state: &State, size: (u16, u16)) -> Pty {
    let pty = Pty::start(&["--state-dir", state.path().to_str().unwrap(), "--watch", "0.2"], size);
    pty.wait_for("the table", |screen| screen.contents().contains("container"));
    pty
}

#[track_caller]
fn assert_left_as_found(pty: &Pty) {
    let (alternate, hidden, modes) = pty.look(|screen, modes| (screen.alternate_screen(), screen.hide_cursor(), modes));
    assert!(!alternate && !hidden, "the screen was given back");
    assert_eq!(modes, pty.modes_at_start(), "and so were the terminal's modes");
}

#[test]
fn the_table_fits_the_terminal_and_is_coloured() {
    let name = "x".repeat(200);
    let state = State::new(&[&name], FRESH);
    let mut pty = Pty::start(&["--state-dir", state.path().to_str().unwrap()], (60, 20));
    assert_eq!(pty.wait().code, 0);
    pty.look(|screen, _| {
        let rows: Vec<String> = screen.rows(0, 60).collect();
        assert!(rows[1].starts_with("raw-docker  alice") && rows[1].trim_end().ends_with('…'), "{rows:?}");
        assert!(rows[2].starts_with("no room for STATUS"), "no row was wrapped: {rows:?}");
        assert!(rows[3].contains("ago: 1 container"), "{rows:?}");
        assert_eq!(screen.cell(1, 0).unwrap().fgcolor(), vt100::Color::Idx(3));
    });
}

#[test]
fn no_color_and_never_turn_colour_off_on_a_terminal() {
    let program = common::program();
    for (command, coloured) in [
        (format!("exec {program} --demo"), true),
        (format!("NO_COLOR= exec {program} --demo"), true),
        (format!("NO_COLOR=1 exec {program} --demo"), false),
        (format!("TERM=dumb exec {program} --demo"), false),
        (format!("exec {program} --demo --color never"), false),
        (format!("NO_COLOR=1 exec {program} --demo --color always"), true),
    ] {
        let mut pty = Pty::start_program("/bin/sh", &["-c", &command], (80, 30));
        assert_eq!(pty.wait().code, 0);
        assert_eq!(pty.output().contains('\x1b'), coloured, "{command}");
    }
}

#[test]
fn q_ctrl_c_and_ctrl_d_quit_and_leave_no_trace() {
    for key in ["q", CTRL_C, CTRL_D] {
        let state = State::new(&["thesis"], FRESH);
        let mut pty = watching(&state, (80, 20));
        pty.look(|screen, modes| {
            assert!(screen.alternate_screen() && screen.hide_cursor());
            assert_ne!(modes, pty.modes_at_start());
        });
        pty.send("xyz \x1b[A");
        pty.send(key);
        assert_eq!(pty.wait().code, 0, "{key:?}");
        assert_left_as_found(&pty);
    }
}

#[test]
fn input_that_is_closed_ends_it_after_the_first_draw() {
    let state = State::new(&["thesis"], FRESH);
    let shell = format!("exec {} --watch --state-dir {} < /dev/null", common::program(), state.path().display());
    let mut pty = Pty::start_program("/bin/sh", &["-c", &shell], (80, 20));
    assert_eq!(pty.wait().code, 0);
    assert!(pty.output().contains("thesis"));
    assert_left_as_found(&pty);
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    for (signal, name) in [(Signal::TERM, "Terminated"), (Signal::HUP, "Hangup"), (Signal::INT, "Interrupt")] {
        let state = State::new(&["thesis"], FRESH);
        let mut pty = watching(&state, (80, 20));
        pty.signal(signal);
        let ended = pty.wait();
        assert!(ended.by_signal.as_deref().is_some_and(|by| by.contains(name)), "{ended:?}");
        assert_left_as_found(&pty);
    }
}

#[test]
fn a_resize_is_followed_at_once() {
    let name = "y".repeat(200);
    let state = State::new(&[&name], FRESH);
    let pty = Pty::start(&["--state-dir", state.path().to_str().unwrap(), "--watch", "3600"], (60, 20));
    let widest = |screen: &vt100::Screen| screen.rows(0, 200).map(|row| row.trim_end().chars().count()).max();
    pty.wait_for("the first width", |screen| widest(screen) == Some(60));
    // The next draw by the clock is an hour away.
    pty.resize((100, 20));
    pty.wait_for("the second width", |screen| widest(screen) == Some(100));
    pty.resize((40, 3));
    pty.wait_for("a small one", |screen| {
        let rows: Vec<String> = screen.rows(0, 40).collect();
        rows[0] == "..." && rows[1].contains("ago: 1 container")
    });
}

#[test]
fn what_changes_is_redrawn_in_place_without_clearing() {
    let state = State::new(&["thesis"], FRESH);
    let mut pty = watching(&state, (80, 20));
    state.save(&inventory(&["thesis", "web"], FRESH));
    // The mark stands for one draw, and then the row stays.
    pty.wait_for_output("a mark", |output| output.contains("\x1b[38;5;2m+"));
    pty.wait_for("the row without its mark", |screen| {
        let rows: Vec<String> = screen.rows(0, 80).collect();
        rows[3].starts_with("   raw-docker") && rows[3].contains("web")
    });
    state.write(b"{");
    pty.wait_for("what is wrong", |screen| screen.contents().contains("is corrupt"));
    pty.send("q");
    pty.wait();
    let output = pty.output();
    assert!(!output.contains("\x1b[2J"), "a cleared screen flickers");
    let frames = output.matches("\x1b[?2026h\x1b[H").count();
    assert_eq!(frames, output.matches("\x1b[?2026l").count());
    assert!(frames >= 3);
}

fn guided(state: &State) -> Pty {
    let pty = Pty::start(&["--guided", "--state-dir", state.path().to_str().unwrap()], (100, 40));
    pty.wait_for("the first question", |screen| screen.contents().contains("What do you want to see?"));
    pty
}

#[test]
fn the_guide_ends_by_running_the_command_it_shows() {
    let state = State::new(&["thesis"], FRESH);
    let mut pty = guided(&state);
    pty.send("5\r");
    pty.wait_for("the second", |screen| screen.contents().contains("Whose?"));
    pty.send("alice\r");
    pty.wait_for("the third", |screen| screen.contents().contains("How?"));
    pty.send("3\r");
    assert_eq!(pty.wait().code, 0);
    pty.look(|screen, _| {
        let contents = screen.contents().replace('\n', "");
        assert!(contents.contains(" --all --user=alice --by-user"), "{contents}");
        assert!(contents.contains("alice: 1 workload, no GPU, GPU memory 0B"), "{contents}");
    });
}

#[test]
fn the_guide_can_be_left_by_q_end_of_input_and_ctrl_c() {
    for (keys, code) in [("q\r", Some(0)), (CTRL_D, Some(0)), (CTRL_C, None)] {
        let state = State::new(&["thesis"], FRESH);
        let mut pty = guided(&state);
        pty.send(keys);
        let ended = pty.wait();
        match code {
            Some(code) => assert_eq!(ended.code, code, "{keys:?}"),
            None => assert!(ended.by_signal.as_deref().is_some_and(|name| name.contains("Interrupt")), "{ended:?}"),
        }
        assert!(!pty.output().contains("$ ds01"));
    }
}

#[test]
fn the_guide_can_end_in_watching() {
    let state = State::new(&["thesis"], FRESH);
    let mut pty = guided(&state);
    pty.send("\r\r5\r");
    pty.wait_for("the table", |screen| screen.alternate_screen() && screen.contents().contains("thesis"));
    pty.send("q");
    assert_eq!(pty.wait().code, 0);
    assert_left_as_found(&pty);
}

#[test]
fn who_waits_is_told_for_what_and_the_line_goes_when_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    // It takes the connection, and never answers.
    let _deaf = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let address = format!("unix://{}", socket.display());
    let mut pty = Pty::start(&["--live", "--docker-host", &address], (120, 30));
    pty.wait_for("what is waited for", |screen| screen.contents().contains("ds01-workloads: waiting for Docker ("));
    assert_eq!(pty.wait().code, 0);
    pty.look(|screen, _| {
        let contents = screen.contents();
        assert!(!contents.contains("waiting for") && contents.contains("docker"), "{contents}");
    });
}

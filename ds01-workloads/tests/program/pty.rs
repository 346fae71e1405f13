//! A program on a pseudo-terminal, with a screen that can be looked at.

use std::{
    io::{Read, Write},
    num::NonZero,
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::program;

/// Longer than anything takes that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program, its terminal, and what the terminal shows. Dropping it ends the program.
pub(crate) struct Pty {
    master: Box<dyn MasterPty + Send>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Shown>,
    reader: Option<JoinHandle<()>>,
    modes_at_start: String,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u32,
    pub(crate) by_signal: Option<String>,
}

struct Shown {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    screen: vt100::Parser,
    output: Vec<u8>,
}

impl Pty {
    /// Starts the program under test on a terminal of so many columns and rows.
    pub(crate) fn start(arguments: &[&str], size: (u16, u16)) -> Self {
        Self::start_program(program(), arguments, size)
    }

    /// Starts any program.
    pub(crate) fn start_program(program: &str, arguments: &[&str], (cols, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(pty_size((cols, rows))).unwrap();
        let modes_at_start = modes(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let shown = Arc::new(Shown {
            state: Mutex::new(State { screen: vt100::Parser::new(cells(rows), cells(cols), 0), output: Vec::new() }),
            changed: Condvar::new(),
        });
        let mut output = pair.master.try_clone_reader().unwrap();
        let reader = thread::spawn({
            let shown = Arc::clone(&shown);
            move || {
                let mut buffer = [0; 4096];
                // The end of a terminal whose program is gone is an error, not an end of file.
                while let Ok(count @ 1..) = output.read(&mut buffer) {
                    let mut state = shown.state.lock().unwrap();
                    state.screen.process(&buffer[..count]);
                    state.output.extend_from_slice(&buffer[..count]);
                    shown.changed.notify_all();
                }
            }
        });
        let input = pair.master.take_writer().unwrap();
        Self { master: pair.master, input, child, shown, reader: Some(reader), modes_at_start }
    }

    /// Types keys.
    pub(crate) fn send(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    pub(crate) fn resize(&self, (cols, rows): (u16, u16)) {
        self.shown.state.lock().unwrap().screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(pty_size((cols, rows))).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().unwrap().cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits until the screen is as described.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        self.wait_until(what, |state| is_so(state.screen.screen()));
    }

    /// Waits until all that was ever printed is as described.
    #[track_caller]
    pub(crate) fn wait_for_output(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        self.wait_until(what, |state| is_so(&String::from_utf8_lossy(&state.output)));
    }

    #[track_caller]
    fn wait_until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let state = self.shown.state.lock().unwrap();
        let (state, timeout) = self.shown.changed.wait_timeout_while(state, PATIENCE, |state| !is_so(state)).unwrap();
        let contents = state.screen.screen().contents();
        drop(state);
        assert!(!timeout.timed_out(), "{what} never came:\n{contents}");
    }

    /// Looks at the screen and at the terminal's modes.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&vt100::Screen, String) -> T) -> T {
        let modes = modes(&*self.master);
        at(self.shown.state.lock().unwrap().screen.screen(), modes)
    }

    /// Everything printed so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.shown.state.lock().unwrap().output).into_owned()
    }

    /// The terminal's modes before the program was started.
    pub(crate) fn modes_at_start(&self) -> String {
        self.modes_at_start.clone()
    }

    /// Waits for the program to end, and for the last of its output.
    pub(crate) fn wait(&mut self) -> Ended {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        Ended { code: status.exit_code(), by_signal: status.signal().map(ToOwned::to_owned) }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { cols, rows, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

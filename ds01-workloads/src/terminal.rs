//! The terminal while `--watch` has it: raw input, a screen of its own, and everything put back whatever happens.

use std::{
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr},
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

/// The alternate screen, without a cursor, with lines that never wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Between these, terminals that can show one frame as a whole do so; others ignore them.
const BEGIN_FRAME: &str = "\x1b[?2026h\x1b[H";
const END_FRAME: &str = "\x1b[J\x1b[?2026l";

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The time is over.
    Due,
    /// The terminal has another size.
    Resized,
    /// `q`, Ctrl-C, or the end of input.
    Quit,
    /// This signal asks the program to end.
    Signal(i32),
}

/// Turns signals into something that can be waited for together with input.
#[derive(Debug)]
pub(crate) struct Signals {
    wake: UnixStream,
    seen: Vec<(i32, Arc<AtomicBool>)>,
}

impl Signals {
    /// Takes over the signals that end a program, and the one that tells of a new size.
    pub(crate) fn new() -> io::Result<Self> {
        let (wake, end) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut seen = Vec::new();
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGWINCH] {
            let flag = Arc::new(AtomicBool::new(false));
            // The flag first: whoever is woken finds it set.
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
            signal_hook::low_level::pipe::register(signal, end.try_clone()?)?;
            seen.push((signal, flag));
        }
        Ok(Self { wake, seen })
    }

    /// Waits for a signal, for `input` if there is any, or until `due`.
    pub(crate) fn wait(&self, input: Option<&io::Stdin>, due: Instant) -> io::Result<Event> {
        loop {
            if let Some(event) = self.signalled() {
                return Ok(event);
            }
            let stdout = io::stdout();
            let mut fds = vec![
                PollFd::new(&self.wake, PollFlags::IN),
                // Asked for nothing, this still tells that the reader of a pipe has gone.
                PollFd::new(&stdout, PollFlags::empty()),
            ];
            fds.extend(input.map(|input| PollFd::new(input, PollFlags::IN)));
            let left = due.saturating_duration_since(Instant::now());
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(0) => return Ok(Event::Due),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[0] {
                let mut drained = [0; 64];
                while matches!(rustix::io::read(&self.wake, &mut drained), Ok(1..)) {}
            }
            if ready[1] {
                return Ok(Event::Quit);
            }
            if let (Some(input), Some(true)) = (input, ready.get(2))
                && asks_to_quit(input)?
            {
                return Ok(Event::Quit);
            }
        }
    }

    fn signalled(&self) -> Option<Event> {
        let (signal, _) = self.seen.iter().find(|(_, flag)| flag.swap(false, Ordering::Relaxed))?;
        Some(if *signal == SIGWINCH { Event::Resized } else { Event::Signal(*signal) })
    }
}

fn asks_to_quit(input: &io::Stdin) -> io::Result<bool> {
    let mut keys = [0; 64];
    match rustix::io::read(input, &mut keys) {
        Ok(0) => Ok(true),
        Ok(count) => Ok(keys[..count].iter().any(|key| matches!(key, b'q' | b'Q' | &CTRL_C | &CTRL_D))),
        Err(Errno::INTR) => Ok(false),
        // A terminal that was hung up.
        Err(Errno::IO) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn timespec(length: Duration) -> Timespec {
    // A length that does not fit is longer than anybody waits.
    Timespec { tv_sec: length.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: length.subsec_nanos().into() }
}

/// The terminal in our hands. Dropping it gives it back as it was.
#[derive(Debug)]
pub(crate) struct Screen {
    saved: Option<Termios>,
}

impl Screen {
    /// Switches to a screen of its own, and to input that comes key by key when it comes from a terminal.
    pub(crate) fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        let mut screen = Self { saved: None };
        if isatty(&stdin) {
            let saved = tcgetattr(&stdin)?;
            let mut raw = saved.clone();
            raw.make_raw();
            screen.saved = Some(saved);
            tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        }
        write(ENTER)?;
        Ok(screen)
    }

    /// Draws lines over the last frame, in one write and line by line, so that nothing flickers.
    pub(crate) fn draw(&self, lines: &[&str]) -> io::Result<()> {
        let mut frame = String::from(BEGIN_FRAME);
        for (at, line) in lines.iter().enumerate() {
            // Cleared before it is written: behind a line of the full width, clearing would take its last character.
            frame.push_str(if at == 0 { "\x1b[K" } else { "\r\n\x1b[K" });
            frame.push_str(line);
        }
        if !lines.is_empty() {
            // What is left of an older, longer frame begins on the next line.
            frame.push_str("\r\n");
        }
        frame.push_str(END_FRAME);
        write(&frame)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone: there is nobody left to tell.
        let _ = write(LEAVE);
        if let Some(saved) = &self.saved {
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, saved);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

//! Saying on a terminal what a command waits for.

use std::{
    io::{self, IsTerminal, Write},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::Console;
use crate::{deadline::waited_for, units};

/// What answers within this time is not spoken of.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(250);

/// To the beginning of the line, which is then empty.
const CLEAR: &str = "\r\x1b[K";

/// Speaks until it is dropped.
#[derive(Debug)]
pub struct Waiting {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Console {
    /// From now on, says on standard error which sources have not answered for a second. The line is gone when they have, and
    /// nothing is said where standard error is no terminal.
    pub fn say_what_is_waited_for(self) -> Waiting {
        if !io::stderr().is_terminal() {
            return Waiting { stop: None, thread: None };
        }
        let (stop, stopped) = mpsc::channel();
        let speak = move || {
            let mut shown = false;
            while stopped.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                let line = sentence(&waited_for(PATIENCE));
                let text = line.as_ref().map(|line| format!("{CLEAR}{}: {line}", self.name()));
                if let Some(text) = text.or_else(|| shown.then(|| CLEAR.to_owned())) {
                    // Where nobody reads that any more, nobody is told.
                    let _ = io::stderr().write_all(text.as_bytes());
                }
                shown = line.is_some();
            }
            if shown {
                let _ = io::stderr().write_all(CLEAR.as_bytes());
            }
        };
        Waiting { stop: Some(stop), thread: thread::Builder::new().name("waiting".to_owned()).spawn(speak).ok() }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is waited for, in words. `None` when nothing is.
fn sentence(waited_for: &[(String, Duration)]) -> Option<String> {
    let longest = waited_for.iter().map(|(_, time)| *time).max()?;
    let names: Vec<&str> = waited_for.iter().map(|(name, _)| called(name)).collect();
    Some(format!("waiting for {} ({})", names.join(", "), units::duration(longest)))
}

/// What people call a call of this name.
fn called(name: &str) -> &str {
    match name {
        "docker" => "Docker",
        "podman" => "Podman",
        "amd" => "AMD's driver",
        "nvml" | "nvml-health" => "the NVIDIA driver",
        "proc" => "/proc",
        "names" | "users" | "groups" => "the name service",
        "containers" => "the containers' counters",
        "bind sources" => "the sources of bind mounts",
        "lock" => "another run to end",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Pending;

    #[test]
    fn only_what_is_waited_for_is_named() {
        let (answer, answered) = mpsc::channel::<()>();
        let pending = Pending::start("only-here", move || answered.recv().ok()).unwrap();
        let is_named = |least| waited_for(least).iter().any(|(name, _)| name == "only-here");
        assert!(is_named(Duration::ZERO) && !is_named(Duration::from_secs(3600)));
        answer.send(()).unwrap();
        pending.wait(Duration::from_secs(60)).unwrap();
        assert!(!is_named(Duration::ZERO));
    }

    #[test]
    fn several_are_told_in_one_line() {
        let seconds = Duration::from_secs;
        assert_eq!(sentence(&[]), None);
        let both = [("docker".to_owned(), seconds(3)), ("nvml".to_owned(), seconds(2))];
        assert_eq!(sentence(&both).unwrap(), "waiting for Docker, the NVIDIA driver (3s)");
    }
}

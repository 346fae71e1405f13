//! Telling people, and a program that does.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use jiff::Timestamp;

use super::message::{Delivery, Message};
use crate::{model::ContainerId, outbox::News};

/// Reaches people.
pub trait Broadcast: Send + Sync {
    /// Tells them, and says what became of it on each channel. It never waits for anybody for long.
    fn tell(&self, message: &Message<'_>) -> Vec<Delivery>;

    /// As [`tell`](Self::tell), and nobody but the user whom it is for. By default he is not told.
    fn tell_user(&self, _message: &Message<'_>) -> Vec<Delivery> {
        Vec::new()
    }

    /// Tells its owner alone, on the ways that say at once whether he was reached. `None` where there are none.
    fn tell_owner(&self, _message: &Message<'_>) -> Option<Delivery> {
        None
    }

    /// What became of earlier notices on ways that take their time, and what went wrong with looking.
    fn news(&self, _now: Timestamp) -> (Vec<News>, Vec<String>) {
        (Vec::new(), Vec::new())
    }

    /// `news` were taken in; `warned` are the containers whose users have something before them. What went wrong.
    fn settle(&self, _news: &[News], _warned: &BTreeSet<ContainerId>, _now: Timestamp) -> Vec<String> {
        Vec::new()
    }
}

/// A program such as the `wall` of util-linux, given the notice on its standard input.
#[derive(Debug, Clone)]
pub struct Wall {
    program: PathBuf,
    limit: Duration,
}

impl Wall {
    /// The program at an absolute path, which has to be done within `limit`: a terminal can hold it up.
    pub fn new(program: impl Into<PathBuf>, limit: Duration) -> Self {
        Self { program: program.into(), limit }
    }

    fn start(&self, notice: &str) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        // A notice is smaller than a pipe's buffer: writing it waits for nobody.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(notice.as_bytes()));
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
            _ => Ok(child),
        }
    }
}

impl Wall {
    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Gives it `notice`, and waits until it is done.
    ///
    /// # Errors
    ///
    /// Why it could not be told, in words.
    pub fn run(&self, notice: &str) -> Result<(), String> {
        let program = self.program.display();
        let mut child = self.start(notice).map_err(|error| format!("{program}: {error}"))?;
        let (done, ended) = mpsc::channel::<()>();
        // Ends the child when its time is over, unless it ended by itself before.
        let pid = rustix::process::Pid::from_child(&child);
        let limit = self.limit;
        let watch = thread::Builder::new().name("wall".to_owned()).spawn(move || {
            if ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        let status = child.wait();
        drop(done);
        if let Ok(watch) = watch {
            let _ = watch.join();
        }
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{program} ended with {status}")),
            Err(error) => Err(format!("{program}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Instant};

    use super::*;

    fn script(dir: &tempfile::TempDir, text: &str) -> PathBuf {
        let path = dir.path().join("wall");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_notice_reaches_the_program_whole() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("told");
        let wall = Wall::new(script(&dir, &format!("/bin/cat > {}", told.display())), Duration::from_secs(60));
        wall.run("a\nb\n").unwrap();
        assert_eq!(fs::read_to_string(told).unwrap(), "a\nb\n");
    }

    #[test]
    fn a_program_that_fails_is_missing_or_hangs_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let tell = |program: PathBuf, limit| Wall::new(program, limit).run("x\n").unwrap_err();
        assert!(tell(script(&dir, "exit 3"), Duration::from_secs(60)).ends_with("exit status: 3"));
        assert!(tell(dir.path().join("none"), Duration::from_secs(60)).contains("No such file"));
        let begin = Instant::now();
        assert!(tell(script(&dir, "exec /bin/sleep 1000"), Duration::from_millis(50)).contains("signal: 9"));
        assert!(begin.elapsed() < Duration::from_secs(900));
    }
}

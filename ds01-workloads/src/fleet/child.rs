//! A program's two outputs, bounded in time and bytes.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{self, OFlags},
    process::{Pid, PidfdFlags, pidfd_open},
    time::Timespec,
};

/// As much is read at once.
const CHUNK: usize = 64 * 1024;

/// So much is kept of what it says on standard error.
const WORDS: usize = 16 * 1024;

/// What came of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Why it was ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChildError {
    /// It can't be run.
    #[error("it can't be run: {0}")]
    Run(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {}", ds01_core::units::duration(*.0))]
    TimedOut(Duration),
    /// It said too much.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Runs a program without input. It is ended, by its id, when it is not done by then, or says more than `most` bytes on standard
/// output. Of what it says on standard error, the beginning is kept. What it leaves behind with its outputs open is not waited for.
pub(super) fn run(mut command: Command, limit: Duration, most: usize) -> Result<Ended, ChildError> {
    let end = Instant::now() + limit;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let listened = listen(&mut child, end, limit, most);
    if listened.is_err() {
        // It may have ended by itself just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let (stdout, stderr) = listened?;
    Ok(Ended { status, stdout, stderr })
}

/// One output.
struct Output<R> {
    /// `None` once nobody has the other end any more.
    pipe: Option<R>,
    kept: Vec<u8>,
}

fn listen(child: &mut Child, end: Instant, limit: Duration, most: usize) -> Result<(Vec<u8>, Vec<u8>), ChildError> {
    let ended = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).map_err(io::Error::from)?;
    let mut stdout = Output::new(child.stdout.take())?;
    let mut stderr = Output::new(child.stderr.take())?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ChildError::TimedOut(limit));
        }
        let has_ended = {
            let mut fds = vec![PollFd::new(&ended, PollFlags::IN)];
            fds.extend(stdout.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            fds.extend(stderr.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            fds.first().is_some_and(|fd| !fd.revents().is_empty())
        };
        // Once it has ended, all that it wrote lies in the pipes.
        while stdout.take(usize::MAX) {
            if stdout.kept.len() > most {
                return Err(ChildError::TooLong(most));
            }
        }
        // A pipe's content at a time: one that never pauses has its deadline, too.
        stderr.take(WORDS);
        if has_ended {
            while stderr.take(WORDS) && Instant::now() < end {}
            return Ok((stdout.kept, stderr.kept));
        }
    }
}

impl<R: Read + AsFd> Output<R> {
    fn new(pipe: Option<R>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe, kept: Vec::new() })
    }

    /// Reads once, keeps up to `most` bytes in all, and says whether there may be more.
    fn take(&mut self, most: usize) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let mut chunk = [0; CHUNK];
        match pipe.read(&mut chunk) {
            Ok(count @ 1..) => {
                let room = most.saturating_sub(self.kept.len()).min(count);
                self.kept.extend_from_slice(&chunk[..room]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Ok(_) | Err(_) => {
                self.pipe = None;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_status() {
        let ended = run(sh("head -c 300000 /dev/zero; echo why >&2; exit 3"), LONG, 1 << 20).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len(), &*ended.stderr), (Some(3), 300_000, &b"why\n"[..]));
    }

    #[test]
    fn one_that_hangs_says_too_much_or_leaves_somebody_behind_is_not_waited_for() {
        let limit = Duration::from_millis(300);
        assert!(matches!(run(sh("exec sleep 600"), limit, 100), Err(ChildError::TimedOut(_))));
        assert!(matches!(run(sh("exec yes"), LONG, 100_000), Err(ChildError::TooLong(100_000))));
        assert!(matches!(run(sh("exec yes >&2"), limit, 100_000), Err(ChildError::TimedOut(_))));
        // As ssh does it whose master connection stays. What is left behind is ended by its id.
        let ended = run(sh("sleep 600 & echo $!"), LONG, 100).unwrap();
        let pid: i32 = String::from_utf8(ended.stdout).unwrap().trim().parse().unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
        assert!(matches!(run(Command::new("/nonexistent"), LONG, 1), Err(ChildError::Run(_))));
    }
}

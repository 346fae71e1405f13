//! Running one hook.

use std::{
    io::{self, PipeReader, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{self, OFlags},
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
    time::Timespec,
};

use super::{entry::Entry, progress::bounded};
use crate::text::sanitize;

/// How long a hook may take, as shipped.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What is kept of what it says; the rest is read and dropped.
const KEPT_BYTES: usize = 4096;

/// Between two looks whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// So many chunks of its words are read between two looks: one that never pauses has its deadline, too.
const MOST_AT_ONCE: usize = 64;

/// How long the rest of its words is waited for, once it has ended and its processes were killed: one that left its process
/// group can hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// Where the notice arrived, or why it did not.
    pub(super) result: Result<String, String>,
    /// What the hook said, line by line.
    pub(super) said: Vec<String>,
}

/// Gives `entry` to the program at `path`: as JSON on its standard input, and the fields that scripts need in its
/// environment. Whatever it started in its process group ends with it.
pub(super) fn run(path: &Path, entry: &Entry, limit: Duration) -> Ran {
    match try_run(path, entry, limit) {
        Ok(ran) => ran,
        Err(error) => Ran { result: Err(format!("it can't be run: {error}")), said: Vec::new() },
    }
}

fn try_run(path: &Path, entry: &Entry, limit: Duration) -> io::Result<Ran> {
    let (words, tells) = io::pipe()?;
    let mut command = Command::new(path);
    command.env_clear().envs(environment(entry)?).current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(tells.try_clone()?).stderr(tells);
    let mut child = command.spawn()?;
    // It holds the ends of the pipe that are the child's.
    drop(command);
    let mut words = Words::new(words)?;
    let mut bytes = serde_json::to_vec(entry)?;
    bytes.push(b'\n');
    // Less than a pipe takes: this waits for nobody, and a hook that does not read it is none the worse.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&bytes));
    let status = wait(&mut child, &mut words, limit)?;
    let said = words.finish();
    let first = said.first().map(|line| bounded(line));
    let result = match status {
        Some(status) if status.success() => Ok(first.unwrap_or_else(|| "done".to_owned())),
        Some(status) => Err(first.map_or_else(|| status.to_string(), |first| format!("{status}: {first}"))),
        None => Err(format!("it was not done after {}", crate::units::duration(limit))),
    };
    Ok(Ran { result, said })
}

/// What scripts would have to read from JSON otherwise: without control characters, but for the line feeds of the notice, which
/// is ASCII like its subject. The two with `_JSON` are ready to stand in a JSON document, quotes included.
fn environment(entry: &Entry) -> io::Result<Vec<(&'static str, String)>> {
    let user = entry.user.as_deref().unwrap_or_default();
    let plain = |text: &str| sanitize(text).into_owned();
    Ok(vec![
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("DS01_ID", entry.id.clone()),
        ("DS01_SEVERITY", entry.severity.clone()),
        ("DS01_USER", plain(user)),
        ("DS01_ADDRESS", plain(entry.address.as_deref().unwrap_or_default())),
        ("DS01_CONTAINER", plain(&entry.container.name)),
        ("DS01_SUBJECT", plain(&entry.subject)),
        ("DS01_TEXT", entry.text.lines().map(plain).collect::<Vec<_>>().join("\n")),
        ("DS01_SUBJECT_JSON", serde_json::to_string(&entry.subject)?),
        ("DS01_TEXT_JSON", serde_json::to_string(&entry.text)?),
    ])
}

/// Waits until it has ended, or its time is over, and ends its whole process group. `None` when it was not done.
fn wait(child: &mut Child, words: &mut Words, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let pid = Pid::from_child(child);
    // It stays in the table of processes until the group was killed: its number is not given to anybody else before.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let done = loop {
        words.listen(LOOK_AGAIN);
        if waitid(WaitId::Pid(pid), options)?.is_some() {
            break true;
        }
        if Instant::now() >= end {
            break false;
        }
    };
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait()?;
    Ok(done.then_some(status))
}

/// What a hook says.
struct Words {
    /// `None` once nobody has the other end any more.
    pipe: Option<PipeReader>,
    kept: Vec<u8>,
}

impl Words {
    fn new(pipe: PipeReader) -> io::Result<Self> {
        fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        Ok(Self { pipe: Some(pipe), kept: Vec::new() })
    }

    /// Takes in what is said now, or within `limit`.
    fn listen(&mut self, limit: Duration) {
        let Some(pipe) = &mut self.pipe else { return thread::sleep(limit) };
        let limit = Timespec::try_from(limit).ok();
        let _ = poll(&mut [PollFd::new(pipe, PollFlags::IN)], limit.as_ref());
        let mut chunk = [0; 16 * 1024];
        for _ in 0..MOST_AT_ONCE {
            match pipe.read(&mut chunk) {
                Ok(count @ 1..) => {
                    let room = KEPT_BYTES.saturating_sub(self.kept.len()).min(count);
                    self.kept.extend_from_slice(&chunk[..room]);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return,
                Ok(_) | Err(_) => {
                    self.pipe = None;
                    return;
                }
            }
        }
    }

    /// The lines, once the rest of them was waited for. What still has the pipe finds nobody at its other end.
    fn finish(mut self) -> Vec<String> {
        let end = Instant::now() + LAST_WORDS;
        while self.pipe.is_some() && Instant::now() < end {
            self.listen(LOOK_AGAIN);
        }
        let lines = String::from_utf8_lossy(&self.kept);
        lines.lines().map(|line| sanitize(line).into_owned()).filter(|line| !line.is_empty()).collect()
    }
}

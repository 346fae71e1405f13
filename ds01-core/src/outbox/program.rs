//! Running one hook.

use std::{
    io::{self, PipeReader, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{entry::Entry, progress::bounded};
use crate::text::sanitize;

/// How long a hook may take, as shipped.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What is kept of what it says; the rest is read and dropped.
const KEPT_BYTES: usize = 4096;

/// Between two looks whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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
    let said = listen(words)?;
    let mut bytes = serde_json::to_vec(entry)?;
    bytes.push(b'\n');
    // Less than a pipe takes: this waits for nobody, and a hook that does not read it is none the worse.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&bytes));
    let status = wait(&mut child, limit)?;
    let said = said.finish();
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
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let pid = Pid::from_child(child);
    // It stays in the table of processes until the group was killed: its number is not given to anybody else before.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let done = loop {
        if waitid(WaitId::Pid(pid), options)?.is_some() {
            break true;
        }
        if Instant::now() >= end {
            break false;
        }
        thread::sleep(LOOK_AGAIN);
    };
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait()?;
    Ok(done.then_some(status))
}

/// What a hook says, while somebody reads it.
struct Words {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<()>,
}

fn listen(mut words: PipeReader) -> io::Result<Words> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (done, ended) = mpsc::channel();
    let keeps = Arc::clone(&kept);
    thread::Builder::new().name("words".to_owned()).spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = words.read(&mut chunk) {
            let mut kept = keeps.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT_BYTES.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&chunk[..room]);
        }
        let _ = done.send(());
    })?;
    Ok(Words { kept, ended })
}

impl Words {
    fn finish(self) -> Vec<String> {
        let _ = self.ended.recv_timeout(LAST_WORDS);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = String::from_utf8_lossy(&kept);
        lines.lines().map(|line| sanitize(line).into_owned()).filter(|line| !line.is_empty()).collect()
    }
}

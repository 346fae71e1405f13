//! The fleet over ssh: `ds01-workloads --json` on each host, several side by side, each with a deadline.

use std::{
    path::PathBuf,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ds01_core::{detect::Inventory, text::sanitize};
use jiff::Timestamp;

use super::{
    child::{self, Ended},
    host::{Host, by_name},
    memory::Memory,
    seen::Seen,
    told,
};
use crate::json;

/// An inventory of ten thousand containers is not longer.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Of what ssh or the host says of a failure, so much is shown.
const MOST_CHARS: usize = 200;

/// What `ssh` exits with when it is ssh that failed.
const SSH_FAILED: i32 = 255;

/// What `ds01-workloads` exits with when there is no inventory yet.
const NO_INVENTORY: i32 = 3;

/// What is said of a host where whoever asks sees what is his own, and of all else what everybody may: that is no picture of it.
const ONLY_PUBLIC: &str = "you may not read its inventory: join the group docker there, or ask as somebody who may";

/// Hosts to ask over ssh.
#[derive(Debug)]
pub(crate) struct Ssh {
    pub(super) hosts: Vec<String>,
    /// The program, `ssh` but for tests.
    pub(super) program: PathBuf,
    /// So many of them at once.
    pub(super) at_once: usize,
    /// How long each may take.
    pub(super) deadline: Duration,
    /// Whether stopped containers are asked for, too.
    pub(super) all: bool,
    /// The directory that remembers last words; the usual one unless told otherwise.
    pub(super) memory: Option<PathBuf>,
}

impl Ssh {
    /// Asks all hosts.
    pub(super) fn look(&self) -> Seen {
        let mut memory = Memory::open(self.memory.as_deref());
        let (next, told) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(self.hosts.len())));
        let work = || {
            while let Some(host) = self.hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                // Made small here: sixteen inventories at once are enough.
                let answer = self.ask(host);
                told.lock().unwrap_or_else(PoisonError::into_inner).push((host.as_str(), answer));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.at_once.min(self.hosts.len()) {
                scope.spawn(work);
            }
            work();
        });
        let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut hosts: Vec<Host> = told
            .into_iter()
            .map(|(name, answer)| match answer {
                Ok(host) => {
                    memory.heard(name, host.last_word);
                    host
                }
                Err(why) => Host::silent(name, memory.last_word(name), why),
            })
            .collect();
        hosts.sort_by(|a, b| by_name(&a.host, &b.host));
        let said = memory.save().err();
        Seen { at: Timestamp::now(), hosts, from: "ssh", said: said.into_iter().collect() }
    }

    /// What one host tells, or why it tells nothing.
    fn ask(&self, host: &str) -> Result<Host, String> {
        let ended = child::run(self.command(host), self.deadline, MOST_BYTES).map_err(|error| match error {
            child::ChildError::Run(error) => format!("{} can't be run: {error}", self.program.display()),
            error => error.to_string(),
        })?;
        match ended.status.code() {
            Some(0) => {}
            Some(NO_INVENTORY) => {
                return Err("it has no inventory yet: see ds01-workload-detector.timer there".to_owned());
            }
            Some(SSH_FAILED) => {
                return Err(said(&ended).unwrap_or_else(|| "ssh failed and does not say why".to_owned()));
            }
            _ => {
                let words = said(&ended).map_or_else(String::new, |words| format!(": {words}"));
                return Err(format!("ds01-workloads failed there ({}){words}", ended.status));
            }
        }
        let inventory = Inventory::from_json(&ended.stdout)
            .map_err(|error| format!("its answer is no inventory: {}", shortened(&error.to_string())))?;
        if inventory.extra.contains_key(json::PUBLIC) {
            return Err(ONLY_PUBLIC.to_owned());
        }
        Ok(told::host(host, &inventory, Timestamp::now()))
    }

    /// Nothing of it goes through a shell here, and nothing of the host's name through one there.
    fn command(&self, host: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-a", "-x", "-T", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-o"]);
        command.arg(format!("ConnectTimeout={}", self.deadline.as_secs().max(1)));
        command.args(["--", host, "ds01-workloads", "--json"]);
        if self.all {
            command.arg("--all");
        }
        command
    }
}

/// The last line that was said: what comes before it are banners and warnings.
fn said(ended: &Ended) -> Option<String> {
    let text = String::from_utf8_lossy(&ended.stderr);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(shortened)
}

fn shortened(line: &str) -> String {
    let mut line: String = sanitize(line).chars().take(MOST_CHARS).collect();
    if line.ends_with('.') {
        line.pop();
    }
    line
}

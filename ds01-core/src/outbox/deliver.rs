//! The deliverer's side: runs hooks, side by side, and remembers how far each is with each notice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    entry::Entry,
    hooks::usable,
    post::names,
    program,
    progress::{FIRST_PAUSE, Progress, State},
};
use crate::store::{Lock, Store, StoreError};

/// A hook is given up when a notice is so old and it was tried at least once.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

const LOCK: &str = ".lock";

/// Runs hooks, as a user who is trusted with nothing else.
#[derive(Debug)]
pub struct Deliverer {
    outbox: Store,
    results: Store,
    hooks: PathBuf,
    trusted: u32,
    limit: Duration,
    first_pause: Duration,
    _lock: Lock,
}

/// What came of a round.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// When there is something to do again; `None` when all is done.
    pub next: Option<Timestamp>,
    /// What hooks said and what became of notices, for the journal.
    pub said: Vec<String>,
    /// Whether what became of a notice could not be kept.
    pub trouble: bool,
}

impl Deliverer {
    /// Opens the directories. Hooks have to belong to `trusted`, and may take `limit`.
    ///
    /// # Errors
    ///
    /// When a directory is not there or not safe, or another deliverer is at work.
    pub fn open(
        outbox: &std::path::Path,
        results: &std::path::Path,
        hooks: PathBuf,
        trusted: u32,
        limit: Duration,
    ) -> Result<Self, StoreError> {
        let (outbox, results) = (Store::open_existing(outbox)?, Store::open_existing(results)?);
        let lock = results.lock(LOCK, Duration::ZERO)?;
        Ok(Self { outbox, results, hooks, trusted, limit, first_pause: FIRST_PAUSE, _lock: lock })
    }

    /// The same, with another pause after the first failure; each one after that is twice as long.
    #[must_use]
    pub fn with_first_pause(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// Gives each notice to each hook that is to have it now. A hook that used up its time waits for the next round, so
    /// that it delays no other.
    ///
    /// # Errors
    ///
    /// When a directory could not be read.
    pub fn round(&self, now: &(dyn Fn() -> Timestamp + Sync)) -> Result<Round, StoreError> {
        let mut all = Round::default();
        let names = names(&self.outbox)?;
        let entries = self.entries(&names, &mut all);
        self.forget_others(&names, &mut all)?;
        let mut queues: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            for hook in entry.open_hooks() {
                queues.entry(hook).or_default().push(entry);
            }
        }
        let rounds: Vec<Round> = thread::scope(|scope| {
            let work = |(hook, queue)| scope.spawn(move || self.work(hook, queue, now));
            let workers: Vec<_> = queues.into_iter().map(work).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
        });
        for round in rounds {
            all.next = all.next.into_iter().chain(round.next).min();
            all.said.extend(round.said);
            all.trouble |= round.trouble;
        }
        Ok(all)
    }

    /// What one hook has to do.
    fn work(&self, hook: &str, queue: Vec<&Entry>, now: &(dyn Fn() -> Timestamp + Sync)) -> Round {
        let mut round = Round::default();
        let begin = Instant::now();
        for entry in queue {
            let mut progress = self.progress(entry, hook);
            if progress.result == State::Pending && progress.is_due(now()) && begin.elapsed() < self.limit {
                progress = self.attempt(entry, hook, progress, now, &mut round);
            }
            if progress.result == State::Pending {
                round.next = round.next.into_iter().chain([progress.not_before]).min();
            }
        }
        round
    }

    /// Tries once. The try is written down before: one that takes the host down is not repeated at once.
    fn attempt(
        &self,
        entry: &Entry,
        hook: &str,
        mut progress: Progress,
        now: &(dyn Fn() -> Timestamp + Sync),
        round: &mut Round,
    ) -> Progress {
        progress.attempts = progress.attempts.saturating_add(1);
        progress.not_before = now() + Progress::pause(progress.attempts, self.first_pause);
        if let Err(error) = self.write(&progress) {
            round.trouble = true;
            round.said.push(format!("{hook}: not run, as its result could not be kept: {error}"));
            return progress;
        }
        let ran = match usable(&self.hooks, hook, self.trusted) {
            Ok(path) => program::run(&path, entry, self.limit),
            Err(why) => program::Ran { result: Err(why), said: Vec::new() },
        };
        round.said.extend(ran.said.iter().map(|line| format!("{hook}: {line}")));
        let now = now();
        match ran.result {
            Ok(place) => {
                (progress.result, progress.r#where) = (State::Delivered, place);
                round.said.push(format!("{hook}: {} delivered: {}", entry.id, progress.r#where));
            }
            Err(why) => {
                progress.why = why;
                let what = if entry.age(now) >= GIVEN_UP_AFTER {
                    progress.result = State::Failed;
                    "given up".to_owned()
                } else {
                    let pause = Progress::pause(progress.attempts, self.first_pause);
                    progress.not_before = now + pause;
                    format!("to be tried again in {}", crate::units::duration(pause))
                };
                round.said.push(format!("{hook}: {} {what}: {}", entry.id, progress.why));
            }
        }
        if let Err(error) = self.write(&progress) {
            round.trouble = true;
            round.said.push(format!("{hook}: what became of {} could not be kept: {error}", entry.id));
        }
        progress
    }

    fn write(&self, progress: &Progress) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(progress).map_err(|error| StoreError::Io {
            action: "write",
            path: self.results.path_of(&progress.name()),
            error: error.into(),
        })?;
        self.results.replace(&progress.name(), &bytes)
    }

    /// What is known of it. A file that is of no use is as none: then it is tried once more.
    fn progress(&self, entry: &Entry, hook: &str) -> Progress {
        let bytes = self.results.read(&Progress::file_name(&entry.id, hook)).ok().flatten();
        bytes.and_then(|bytes| Progress::parse(entry, hook, &bytes)).unwrap_or_else(|| Progress::new(entry, hook))
    }

    /// One that can't be read is said, and ends nothing for the others.
    fn entries(&self, names: &BTreeSet<String>, round: &mut Round) -> Vec<Entry> {
        let mut entries = Vec::new();
        for name in names {
            match self.outbox.read(name) {
                // One that is gone by now, or that root has to look at.
                Ok(bytes) => entries.extend(bytes.and_then(|bytes| Entry::read(name, &bytes).ok())),
                Err(error) => round.said.push(error.to_string()),
            }
        }
        entries
    }

    /// Removes results of notices that are not in the outbox any more, and what a run left that was killed.
    fn forget_others(&self, entries: &BTreeSet<String>, round: &mut Round) -> Result<(), StoreError> {
        for name in self.results.names()? {
            let known = || Progress::id_of(&name).is_some_and(|id| entries.contains(&Entry::name_of(id)));
            let is_left = name != "." && name != ".." && name != LOCK && (name.starts_with('.') || !known());
            if is_left && let Err(error) = self.results.remove(&name) {
                round.said.push(error.to_string());
            }
        }
        Ok(())
    }
}

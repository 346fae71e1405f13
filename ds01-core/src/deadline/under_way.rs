//! Which calls are being waited for at this moment, by name and since when.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// No two calls ever have the same number: of two clones, one may be dropped late.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// In the order in which they began.
static UNDER_WAY: Mutex<Vec<(u64, String, Instant)>> = Mutex::new(Vec::new());

/// A call that is being waited for, until this or a clone of it is dropped: it has ended, or nobody waits any more.
#[derive(Debug, Clone)]
pub(super) struct UnderWay(u64);

impl UnderWay {
    pub(super) fn new(name: &str) -> Self {
        let mut calls = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        calls.push((id, name.to_owned(), Instant::now()));
        Self(id)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, ..)| *id != self.0);
    }
}

/// The names of the calls of this process that have been waited for at least `least`, each once, and for how long the first
/// of them.
pub fn waited_for(least: Duration) -> Vec<(String, Duration)> {
    let calls = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names: Vec<(String, Duration)> = Vec::new();
    for (_, name, since) in calls.iter().filter(|(.., since)| since.elapsed() >= least) {
        if names.iter().all(|(other, _)| other != name) {
            names.push((name.clone(), since.elapsed()));
        }
    }
    names
}

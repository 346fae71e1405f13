//! Several tasks at a time, each survived.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    thread,
};

/// How many containers are stopped at a time: enough that many graces take the time of one, few enough for any daemon.
const AT_A_TIME: usize = 8;

/// Does `work` on all of `tasks`, [`AT_A_TIME`] at a time. A task whose work crashes has no result; the others go on.
pub(super) fn side_by_side<T: Send, R: Send>(tasks: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let workers = AT_A_TIME.min(tasks.len());
    let queue = Mutex::new(VecDeque::from(tasks));
    let results = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(task) = next() {
                    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(task)));
                    results.lock().unwrap_or_else(PoisonError::into_inner).extend(done);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

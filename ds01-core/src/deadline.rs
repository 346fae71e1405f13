//! Calls that may never return, each under a deadline.

mod under_way;

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use under_way::UnderWay;
pub use under_way::waited_for;

/// Why a call under a deadline gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum DeadlineError {
    /// It has not returned in time. Its thread is left behind: a call stuck in a driver can't be ended.
    #[error("no answer within {}", crate::units::duration(*.0))]
    TimedOut(Duration),
    /// It ended without a result: it panicked.
    #[error("it crashed; see the log above")]
    Crashed,
    /// The system gave no thread for it.
    #[error("can't start a thread: {0}")]
    NoThread(#[from] io::Error),
}

/// A call under way in a thread of its own.
#[derive(Debug)]
pub struct Pending<T> {
    answer: mpsc::Receiver<T>,
    _under_way: UnderWay,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts `call` in a thread named `name`.
    ///
    /// # Errors
    ///
    /// [`DeadlineError::NoThread`].
    pub fn start(name: &str, call: impl FnOnce() -> T + Send + 'static) -> Result<Self, DeadlineError> {
        let (sender, receiver) = mpsc::channel();
        let under_way = UnderWay::new(name);
        let until_it_ends = under_way.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let result = call();
            drop(until_it_ends);
            // Nobody listens any more once the deadline is past.
            let _ = sender.send(result);
        })?;
        Ok(Self { answer: receiver, _under_way: under_way })
    }

    /// Waits for its result.
    ///
    /// # Errors
    ///
    /// [`DeadlineError::TimedOut`] or [`DeadlineError::Crashed`].
    pub fn wait(self, limit: Duration) -> Result<T, DeadlineError> {
        self.wait_on(limit)
    }

    /// As [`wait`](Self::wait), for whoever will ask after it again: until then the call is not given up.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_on(&self, limit: Duration) -> Result<T, DeadlineError> {
        self.answer.recv_timeout(limit).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => DeadlineError::TimedOut(limit),
            mpsc::RecvTimeoutError::Disconnected => DeadlineError::Crashed,
        })
    }
}

/// Runs `call` in a thread of its own, and waits for it no longer than `limit`.
///
/// # Errors
///
/// Any [`DeadlineError`].
pub fn within<T: Send + 'static>(
    name: &str,
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DeadlineError> {
    Pending::start(name, call)?.wait(limit)
}

/// Runs `call` for each of `keys`, one after another, each no longer than `limit`, all of them no longer than until `end`.
///
/// One that hangs costs itself only: its thread is left behind, and another goes on with the rest.
pub fn one_by_one<K, V>(
    name: &str,
    keys: impl IntoIterator<Item = K>,
    limit: Duration,
    end: Instant,
    call: impl Fn(&K) -> V + Clone + Send + 'static,
) -> HashMap<K, Result<V, DeadlineError>>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    let _under_way = UnderWay::new(name);
    let mut left: VecDeque<K> = keys.into_iter().collect();
    let mut results = HashMap::with_capacity(left.len());
    while !left.is_empty() {
        let (sender, receiver) = mpsc::channel();
        let (rest, call) = (left.clone(), call.clone());
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nobody listens any more once the deadline is past.
            rest.iter().try_for_each(|key| sender.send(call(key))).ok();
        });
        let lost = match started {
            Err(error) => DeadlineError::NoThread(error),
            Ok(_) => loop {
                if left.is_empty() {
                    return results;
                }
                let limit = limit.min(end.saturating_duration_since(Instant::now()));
                match (receiver.recv_timeout(limit), left.front()) {
                    (Ok(value), Some(key)) => {
                        results.insert(key.clone(), Ok(value));
                        left.pop_front();
                    }
                    (Err(mpsc::RecvTimeoutError::Disconnected), _) => break DeadlineError::Crashed,
                    _ => break DeadlineError::TimedOut(limit),
                }
            },
        };
        if let Some(key) = left.pop_front() {
            results.insert(key, Err(lost));
        }
        if Instant::now() >= end {
            let late = left.drain(..).map(|key| (key, Err(DeadlineError::TimedOut(Duration::ZERO))));
            results.extend(late);
        }
    }
    results
}

/// So long nothing comes before another thread goes on with the rest: the first answers of a quick service come sooner.
const A_MOMENT: Duration = Duration::from_millis(20);

/// Runs `call` for each of `keys`, in their order, all of them together no longer than `limit`.
///
/// One that hangs holds up no other, as long as fewer than `most` hang: whenever nothing comes for a moment, another thread goes on
/// with the rest. What was not begun by then never is.
pub fn at_once<K, V>(
    name: &str,
    keys: impl IntoIterator<Item = K>,
    most: usize,
    limit: Duration,
    call: impl Fn(&K) -> V + Clone + Send + 'static,
) -> HashMap<K, Result<V, DeadlineError>>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    let end = Instant::now() + limit;
    let _under_way = UnderWay::new(name);
    let keys: Vec<K> = keys.into_iter().collect();
    let queue = Arc::new(Mutex::new(VecDeque::from(keys.clone())));
    let next = |queue: &Mutex<VecDeque<K>>| queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, receiver) = mpsc::channel();
    let mut sender = Some(sender);
    let mut results = HashMap::with_capacity(keys.len());
    let (mut threads, mut refused) = (0, None);
    while results.len() < keys.len() && Instant::now() < end {
        let is_left = !queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        match &sender {
            Some(answers) if is_left && threads < most.max(1) && refused.is_none() => {
                let (queue, answers, call) = (Arc::clone(&queue), answers.clone(), call.clone());
                let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
                    while let Some(key) = next(&queue) {
                        let value = call(&key);
                        // Nobody listens any more once the deadline is past.
                        if answers.send((key, value)).is_err() {
                            break;
                        }
                    }
                });
                threads += 1;
                refused = started.err();
            }
            // No other will begin: the last answer comes with the end of the last thread.
            _ => sender = None,
        }
        let patience = if sender.is_some() { A_MOMENT } else { Duration::MAX };
        let stopped = loop {
            let left = end.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left.min(patience)) {
                Ok((key, value)) => drop(results.insert(key, Ok(value))),
                Err(stopped) => break Some(stopped),
            }
            if results.len() == keys.len() {
                break None;
            }
        };
        if stopped == Some(mpsc::RecvTimeoutError::Disconnected) {
            break;
        }
    }
    queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let is_late = Instant::now() >= end;
    for key in keys {
        results.entry(key).or_insert_with(|| {
            Err(match &refused {
                Some(error) => io::Error::new(error.kind(), error.to_string()).into(),
                None if is_late => DeadlineError::TimedOut(limit),
                None => DeadlineError::Crashed,
            })
        });
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_hangs_and_one_that_panics_cost_themselves_only() {
        let (keep_waiting, never) = mpsc::channel::<()>();
        let never = Arc::new(Mutex::new(never));
        let call = move |number: &u32| match number {
            3 => drop(never.lock().unwrap().recv()),
            5 => assert!(std::hint::black_box(false), "on purpose"),
            _ => {}
        };
        let end = Instant::now() + Duration::from_secs(60);
        // Long enough for a panic that prints its backtrace on a busy machine.
        let mut results = one_by_one("numbers", 0..8, Duration::from_secs(3), end, call);
        assert!(matches!(results.remove(&3), Some(Err(DeadlineError::TimedOut(_)))));
        assert!(matches!(results.remove(&5), Some(Err(DeadlineError::Crashed))));
        assert_eq!(results.len(), 6);
        assert!(results.values().all(Result::is_ok));
        drop(keep_waiting);
    }

    #[test]
    fn of_those_that_run_at_once_one_that_hangs_holds_up_no_other() {
        let (keep_waiting, never) = mpsc::channel::<()>();
        let never = Arc::new(Mutex::new(never));
        let call = move |number: &u32| match number {
            0 | 3 => drop(never.lock().unwrap().recv()),
            5 => assert!(std::hint::black_box(false), "on purpose"),
            _ => {}
        };
        // As long as above: a panic may print its backtrace.
        let limit = Duration::from_secs(3);
        let results = at_once("numbers", 0..8, 4, limit, call.clone());
        let failed = |results: &HashMap<u32, Result<(), DeadlineError>>| {
            (0..8).filter(|number| results[number].is_err()).collect::<Vec<_>>()
        };
        assert_eq!(failed(&results), [0, 3, 5]);
        assert!(matches!(results[&0], Err(DeadlineError::TimedOut(waited)) if waited == limit));
        assert!(results.len() == 8);

        // Where as many hang as may, nobody gets on, and all is over in time.
        let limit = Duration::from_millis(200);
        assert_eq!(failed(&at_once("numbers", 0..8, 1, limit, call.clone())), (0..8).collect::<Vec<_>>());
        drop(keep_waiting);
        let results = at_once("numbers", 0..8, 1, Duration::from_secs(60), call);
        assert_eq!(failed(&results), [5, 6, 7], "its only thread crashed");
        assert!(matches!(results[&7], Err(DeadlineError::Crashed)));
    }

    #[test]
    fn after_the_end_nothing_is_waited_for() {
        let begun = Arc::new(Mutex::new(0));
        let count = Arc::clone(&begun);
        let results = at_once("late", 0..3, 3, Duration::ZERO, move |_| *count.lock().unwrap() += 1);
        assert!(results.len() == 3 && results.values().all(Result::is_err) && *begun.lock().unwrap() == 0);
        let results = one_by_one("late", 0..3, Duration::from_secs(60), Instant::now(), |_| thread::park());
        assert!(results.len() == 3 && results.values().all(Result::is_err));
    }

    #[test]
    fn a_call_that_returns_one_that_hangs_and_one_that_panics() {
        assert_eq!(within("quick", Duration::from_secs(60), || 7).unwrap(), 7);
        let (keep_waiting, never) = mpsc::channel::<()>();
        let hung = within("hung", Duration::from_millis(1), move || never.recv());
        assert!(matches!(hung, Err(DeadlineError::TimedOut(_))));
        drop(keep_waiting);
        let crashed = within("crash", Duration::from_secs(60), || assert!(std::hint::black_box(false), "on purpose"));
        assert!(matches!(crashed, Err(DeadlineError::Crashed)));
    }
}

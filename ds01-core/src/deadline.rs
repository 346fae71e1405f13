//! Calls that may never return, each under a deadline.

use std::{io, sync::mpsc, thread, time::Duration};

/// Why a call under a deadline gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum DeadlineError {
    /// It has not returned in time. Its thread is left behind: a call stuck in a driver can't be ended.
    #[error("no answer within {0:?}")]
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
pub struct Pending<T>(mpsc::Receiver<T>);

impl<T: Send + 'static> Pending<T> {
    /// Starts `call` in a thread named `name`.
    ///
    /// # Errors
    ///
    /// [`DeadlineError::NoThread`].
    pub fn start(name: &str, call: impl FnOnce() -> T + Send + 'static) -> Result<Self, DeadlineError> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nobody listens any more once the deadline is past.
            let _ = sender.send(call());
        })?;
        Ok(Self(receiver))
    }

    /// Waits for its result.
    ///
    /// # Errors
    ///
    /// [`DeadlineError::TimedOut`] or [`DeadlineError::Crashed`].
    pub fn wait(self, limit: Duration) -> Result<T, DeadlineError> {
        self.0.recv_timeout(limit).map_err(|error| match error {
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

#[cfg(test)]
mod tests {
    use super::*;

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

//! NVML for a program that stays: the library is kept loaded between looks.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    answer::Question,
    gpm::{Gpm, Which},
    load, read,
};
use crate::{
    model::GpuSnapshot,
    source::{FailureKind, GpuSource, SourceError, SourceName},
};

/// A GPU in trouble may come back to a library that is initialised anew, which is no more often tried than this: it loses the
/// samples of the GPUs that are well.
const BETWEEN_NEW_TRIES: Duration = Duration::from_secs(300);

/// The GPUs, looked at again and again through one library that stays initialised.
///
/// That is cheaper than [`Nvml`](super::Nvml), wakes no GPU again that fell asleep between two looks, and has GPM compare two
/// looks, however far apart: their mean misses nothing. The price is that the driver can't be unloaded meanwhile. After a
/// failure the library is let go of, and the next look loads it anew: a driver that was reloaded is seen.
///
/// A thread of its own holds the library. A call into a driver that hangs does not return: ask from a thread that you can
/// leave behind, and do not ask again before that has ended.
#[derive(Debug)]
pub struct ResidentNvml {
    library: Option<PathBuf>,
    session: Mutex<Option<mpsc::Sender<Asked>>>,
}

type Answer = Result<GpuSnapshot, SourceError>;

struct Asked {
    question: Option<Question>,
    answer: mpsc::Sender<Answer>,
}

impl ResidentNvml {
    /// As [`Nvml::new`](super::Nvml::new). Nothing is loaded before the first look.
    pub fn new(library: Option<PathBuf>) -> Self {
        Self { library, session: Mutex::new(None) }
    }

    fn ask(&self, question: Option<Question>) -> Answer {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*session
            && let Some(answer) = asked(running, question)
        {
            return answer;
        }
        let (questions, to_answer) = mpsc::channel();
        let library = self.library.clone();
        let started = thread::Builder::new().name("nvml".to_owned()).spawn(move || answer_all(library, &to_answer));
        started.map_err(|error| failed(format!("can't start a thread: {error}")))?;
        let answer = asked(&questions, question).unwrap_or_else(|| Err(failed("the driver's library crashed")));
        *session = Some(questions);
        answer
    }
}

impl GpuSource for ResidentNvml {
    fn snapshot(&self) -> Answer {
        self.ask(None)
    }

    /// As [`snapshot`](GpuSource::snapshot). GPM speaks of the time since the look before; the first look has none.
    fn observe(&self, since: Timestamp) -> Answer {
        self.ask(Some(Question { since, begun: Instant::now() }))
    }
}

/// One question; `None` when the session has ended.
fn asked(session: &mpsc::Sender<Asked>, question: Option<Question>) -> Option<Answer> {
    let (answer, answered) = mpsc::channel();
    session.send(Asked { question, answer }).ok()?;
    answered.recv().ok()
}

/// A session: one library from loading to letting go of it.
fn answer_all(library: Option<PathBuf>, questions: &mpsc::Receiver<Asked>) {
    let begun = Instant::now();
    let nvml = match load::load(library.as_deref()) {
        Ok(nvml) => nvml,
        Err(error) => {
            if let Ok(Asked { answer, .. }) = questions.recv() {
                let _ = answer.send(Err(error));
            }
            return;
        }
    };
    let mut gpm = Gpm::default();
    for Asked { question, answer } in questions {
        let mut snapshot = read::snapshot(&nvml, question);
        if let (Ok(snapshot), Some(_)) = (&mut snapshot, question) {
            gpm.look(&nvml, &mut snapshot.gpus, Which::All);
        }
        let ended = is_over(&snapshot, begun.elapsed());
        // Whoever asked may have given up.
        let _ = answer.send(snapshot);
        if ended {
            break;
        }
    }
    drop(gpm);
    if let Err(error) = nvml.shutdown() {
        tracing::debug!("nvmlShutdown: {error}");
    }
}

/// Whether the library had better be loaded anew.
fn is_over(answer: &Answer, age: Duration) -> bool {
    let Ok(snapshot) = answer else { return true };
    let nothing_told = !snapshot.gpus.is_empty() && snapshot.gpus.iter().all(|gpu| gpu.gpu.known().is_none());
    nothing_told || (age >= BETWEEN_NEW_TRIES && !snapshot.problems().is_empty())
}

fn failed(detail: impl Into<String>) -> SourceError {
    SourceError::failed(SourceName::Nvml, FailureKind::Erred, detail)
}

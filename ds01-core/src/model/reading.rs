//! A fact that is known, or the reason why it is not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A figure or fact read from the machine, or why it could not be had.
///
/// Unknown is never zero and never an empty list: whoever wants a number has to decide what a missing one means.
///
/// ```
/// use ds01_core::model::{Reading, Unknown, UnknownKind};
///
/// let memory: Reading<u64> = Unknown::new(UnknownKind::NotSupported, "hidden under MIG").into();
/// assert_eq!(memory.known(), None);
/// assert_eq!(memory.unknown().unwrap().to_string(), "not supported: hidden under MIG");
/// ```
///
/// In JSON it is the fact itself, or `{"unknown": "not_supported", "detail": "hidden under MIG"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reading<T> {
    /// The fact.
    Known(T),
    /// The fact could not be had, and this is why.
    Unknown(Unknown),
}

/// Why a [`Reading`] is unknown: a kind for programs, a detail for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The kind of obstacle.
    #[serde(rename = "unknown")]
    pub kind: UnknownKind,
    /// What was asked and what was answered, such as `nvmlDeviceGetMemoryInfo: GPU is lost`.
    pub detail: String,
}

/// The kinds of obstacle between a question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownKind {
    /// The hardware, driver or kernel does not offer this fact here.
    NotSupported,
    /// The caller lacks the right to see it.
    Denied,
    /// What was asked about no longer exists.
    Gone,
    /// The device has stopped answering for good (a GPU fallen off the bus).
    Lost,
    /// No answer came within the deadline.
    TimedOut,
    /// An answer came, and it was an error or made no sense.
    Failed,
    /// It was not asked for, because what it depends on was itself unknown.
    NotAsked,
}

impl<T> Reading<T> {
    /// The fact, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The fact by value, when it is known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why the fact is unknown, when it is.
    pub fn unknown(&self) -> Option<&Unknown> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }

    /// Applies `f` to a known fact and keeps the reason of an unknown one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Known(value) => Reading::Known(f(value)),
            Self::Unknown(why) => Reading::Unknown(why),
        }
    }

    /// A view of this reading that borrows the fact.
    pub fn as_ref(&self) -> Reading<&T> {
        match self {
            Self::Known(value) => Reading::Known(value),
            Self::Unknown(why) => Reading::Unknown(why.clone()),
        }
    }
}

impl<T> From<Unknown> for Reading<T> {
    fn from(why: Unknown) -> Self {
        Self::Unknown(why)
    }
}

impl<T> From<Result<T, Unknown>> for Reading<T> {
    fn from(result: Result<T, Unknown>) -> Self {
        result.map_or_else(Self::Unknown, Self::Known)
    }
}

impl Unknown {
    /// An obstacle of `kind`, with what a person should know about it.
    pub fn new(kind: UnknownKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSupported => "not supported",
            Self::Denied => "permission denied",
            Self::Gone => "gone",
            Self::Lost => "lost",
            Self::TimedOut => "timed out",
            Self::Failed => "failed",
            Self::NotAsked => "not asked",
        })
    }
}

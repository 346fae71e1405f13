//! Whether a keep-alive file holds off the idle stop.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    model::KeepAlive,
    source::{PathStat, SourceError},
};

/// How far a keep-alive file may be dated ahead: clocks differ a little.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

impl From<Result<PathStat, SourceError>> for KeepAlive {
    fn from(answer: Result<PathStat, SourceError>) -> Self {
        match answer {
            Ok(PathStat::Absent) => Self::Absent,
            Ok(PathStat::File(written)) => Self::File(written),
            Ok(PathStat::Link) => Self::Link,
            Ok(PathStat::Directory) => Self::Directory,
            Ok(PathStat::Other) => Self::Other,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// What a keep-alive file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// It holds off the idle stop, until this time; `None` is for as long as it lies there.
    Holds(Option<Timestamp>),
    /// Nobody can tell, so it is waited.
    CannotTell(String),
    /// There is one that does not count, and this is why.
    Refused(&'static str),
    /// There is none.
    None,
}

impl KeepAlive {
    /// What this file does at `now`, when one may be `longest` old; `None` is any age.
    pub fn keeping(&self, now: Timestamp, longest: Option<Duration>) -> Keeping {
        let written = match self {
            Self::Absent => return Keeping::None,
            Self::Link => return Keeping::Refused("it is a symbolic link; make it a regular file"),
            Self::Directory => return Keeping::Refused("it is a directory; make it a regular file"),
            Self::Other => return Keeping::Refused("it is neither file nor directory; make it a regular file"),
            Self::Unreadable(why) => return Keeping::CannotTell(why.clone()),
            Self::File(written) => *written,
        };
        let ahead = Duration::try_from(written.duration_since(now)).unwrap_or_default();
        let age = Duration::try_from(now.duration_since(written)).unwrap_or_default();
        match longest {
            _ if ahead > CLOCK_TOLERANCE => Keeping::Refused("it is dated in the future; touch it again"),
            Some(longest) if age > longest => Keeping::Refused("it is too old; touch it again"),
            // An end beyond what the clock can say is no end.
            Some(longest) => Keeping::Holds(written.checked_add(longest).ok()),
            None => Keeping::Holds(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_keep_alive_files_count() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let day = Some(Duration::from_secs(86_400));
        let at = |text: &str| KeepAlive::File(text.parse().unwrap());
        let holds = |file: KeepAlive, longest| matches!(file.keeping(now, longest), Keeping::Holds(_));
        assert!(holds(at("2026-03-02T12:00:00Z"), day));
        assert!(holds(at("2026-03-01T12:00:00Z"), day));
        assert!(!holds(at("2026-03-01T11:59:59Z"), day));
        assert!(holds(at("1970-01-01T00:00:00Z"), None));
        assert!(holds(at("2026-03-02T12:05:00Z"), day));
        assert!(!holds(at("2026-03-02T12:05:01Z"), day));
        assert!(!holds(at("2026-03-03T12:00:00Z"), None));
        assert!(matches!(KeepAlive::Link.keeping(now, day), Keeping::Refused(_)));
        assert!(matches!(KeepAlive::Directory.keeping(now, day), Keeping::Refused(_)));
        assert!(matches!(KeepAlive::Unreadable("x".into()).keeping(now, day), Keeping::CannotTell(_)));
        assert_eq!(KeepAlive::Absent.keeping(now, day), Keeping::None);
        let until = "2026-03-03T11:00:00Z".parse().unwrap();
        assert_eq!(at("2026-03-02T11:00:00Z").keeping(now, day), Keeping::Holds(Some(until)));
    }
}

//! A point in time, as people give it.

use std::time::Duration;

use ds01_core::duration;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// So long ago.
    Ago(Duration),
    /// The beginning of a day of the host's time zone.
    Day(Date),
    /// An instant.
    At(Timestamp),
}

impl Point {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(span) = duration::parse(text) {
            return Ok(Self::Ago(span));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        // A date's parser would take an instant's day, too.
        let day = text.parse().ok().filter(|_| text.len() == "2026-03-02".len());
        day.map(Self::Day).ok_or_else(|| {
            "it is no time: write 7d, a day such as 2026-03-02, or an instant such as 2026-03-02T12:00:00Z".to_owned()
        })
    }

    /// The instant. What is too early or too late for the calendar is the earliest or the latest there is.
    pub(crate) fn instant(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
            Self::Day(day) => day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp()),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_days_and_instants() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let instant = |text: &str| Point::parse(text).map(|point| point.instant(now, &zone).to_string());
        assert_eq!(instant("7d").unwrap(), "2026-02-23T12:00:00Z");
        assert_eq!(instant("2026-03-01").unwrap(), "2026-02-28T23:00:00Z");
        assert_eq!(instant("2026-03-01T10:00:00+01:00").unwrap(), "2026-03-01T09:00:00Z");
        for wrong in ["", "yesterday", "7", "2026-13-01", "2026-03-01T10:00:00"] {
            assert!(instant(wrong).unwrap_err().starts_with("it is no time: "), "{wrong}");
        }
    }
}

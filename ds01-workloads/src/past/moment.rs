//! `--since` and `--until`: how long ago, or a date.

use std::{str::FromStr, time::Duration};

use ds01_core::{duration, idle::journal::day_of};
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// A point in the past, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long ago.
    Ago(Duration),
    /// A day.
    Day(Date),
    /// A time of a day.
    At(DateTime),
}

/// As long as a date is: what `jiff` reads as a date may have a time behind it.
const DATE: usize = "2026-03-01".len();

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_date = |text: &str| text.len() == DATE && text.bytes().filter(|byte| *byte == b'-').count() == 2;
        if is_date(text) {
            return text.parse().map(Self::Day).map_err(|_| format!("there is no day {text}"));
        }
        if text.get(..DATE).is_some_and(is_date) {
            return text.parse().map(Self::At).map_err(|_| "a time was expected, as in 2026-03-01T14:00".to_owned());
        }
        duration::parse(text)
            .map(Self::Ago)
            .map_err(|wrong| format!("{wrong}; a span such as 24h or 7d was expected, or a date such as 2026-03-01"))
    }
}

impl Moment {
    /// The instant. A day is its beginning in `zone`, or as an end the beginning of the next one: it is meant as a whole.
    pub(crate) fn instant(self, now: Timestamp, zone: &TimeZone, is_end: bool) -> Timestamp {
        let begin = |day: Date| day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        match self {
            Self::Ago(span) => ago(now, span),
            Self::Day(day) if is_end => day.checked_add(1.day()).map_or(Timestamp::MAX, begin),
            Self::Day(day) => begin(day),
            Self::At(at) => at.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp()),
        }
    }

    /// The day in UTC, as ledgers have them.
    pub(crate) fn day(self, now: Timestamp) -> Date {
        match self {
            Self::Ago(span) => day_of(ago(now, span)),
            Self::Day(day) => day,
            Self::At(at) => at.date(),
        }
    }
}

fn ago(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// Days as people write them: one, or the first and the last.
pub(crate) fn days(from: Date, to: Date) -> String {
    if from == to { from.to_string() } else { format!("{from} to {to}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_days_and_times_are_told_apart() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = |text: &str, is_end| text.parse::<Moment>().unwrap().instant(now, &zone, is_end).to_string();
        assert_eq!(at("24h", false), "2026-03-09T12:00:00Z");
        assert_eq!(at("2026-03-01", false), "2026-02-28T23:00:00Z");
        assert_eq!(at("2026-03-01", true), "2026-03-01T23:00:00Z");
        assert_eq!(at("2026-03-01T14:30", true), "2026-03-01T13:30:00Z");
        assert_eq!(at("2026-03-01 14:30", false), "2026-03-01T13:30:00Z");
        assert_eq!("7d".parse::<Moment>().unwrap().day(now).to_string(), "2026-03-03");
        for (wrong, said) in [
            ("2026-02-30", "there is no day 2026-02-30"),
            ("2026-03-01T25:00", "a time was expected"),
            ("yesterday", "a span such as 24h"),
            ("7", "has no unit; a span"),
        ] {
            let error = wrong.parse::<Moment>().unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}

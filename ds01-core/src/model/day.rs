//! Days, which begin and end in UTC whatever the host's zone is.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The day in UTC.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// When a day begins, in UTC.
pub fn begin_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

//! The time axis: which instants are named, in local time.

use jiff::{
    SignedDuration, Timestamp, ToSpan, Zoned,
    civil::{DateTime, Time},
    tz::TimeZone,
};

/// An instant that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: Timestamp,
    pub(super) label: String,
    /// Whether a day begins there.
    pub(super) is_midnight: bool,
}

/// Steps within a day, in minutes: all of them divide it.
const MINUTES: [i64; 11] = [1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720];

/// Steps of whole days.
const DAYS: [i64; 8] = [1, 2, 3, 7, 14, 28, 91, 364];

/// Round instants from `from` to `to`, so many at most.
pub(super) fn ticks(from: Timestamp, to: Timestamp, zone: &TimeZone, most: usize) -> Vec<Tick> {
    let first = from.to_zoned(zone.clone()).datetime();
    let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
    let length = to.duration_since(from);
    let fits = |step: SignedDuration| length.as_secs() / step.as_secs().max(1) <= most;
    let minutes = MINUTES.into_iter().find(|minutes| fits(SignedDuration::from_mins(*minutes)));
    let midnight = first.date().to_datetime(Time::midnight());
    let mut ticks: Vec<Tick> = Vec::new();
    let mut next = midnight;
    let step = |at: DateTime| match minutes {
        Some(minutes) => at.checked_add(minutes.minutes()).ok(),
        None => {
            let days = DAYS.into_iter().find(|days| fits(SignedDuration::from_hours(24 * days))).unwrap_or(364);
            at.checked_add(days.days()).ok()
        }
    };
    loop {
        // A time that a clock change leaves out is the one after it.
        let Ok(zoned) = next.to_zoned(zone.clone()) else { break };
        let at = zoned.timestamp();
        if at >= to {
            break;
        }
        if at >= from && ticks.last().is_none_or(|last| last.at < at) {
            ticks.push(tick(&zoned, minutes.is_none()));
        }
        let Some(after) = step(next) else { break };
        next = after;
    }
    ticks
}

fn tick(zoned: &Zoned, are_days: bool) -> Tick {
    let is_midnight = zoned.time() == Time::midnight();
    let format = match (are_days, is_midnight) {
        (true, _) => "%b %-d",
        (false, true) => "%a %-d",
        (false, false) => "%H:%M",
    };
    Tick { at: zoned.timestamp(), label: zoned.strftime(format).to_string(), is_midnight: is_midnight && !are_days }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: &str, to: &str, zone: &str, most: usize) -> String {
        let zone = TimeZone::posix(zone).unwrap();
        let ticks = ticks(from.parse().unwrap(), to.parse().unwrap(), &zone, most);
        assert!(ticks.len() <= most + 1);
        ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_in_local_time() {
        let day = ("2026-03-02T10:10:00Z", "2026-03-03T10:10:00Z");
        assert_eq!(labels(day.0, day.1, "UTC0", 8), "12:00 15:00 18:00 21:00 Tue 3 03:00 06:00 09:00");
        assert_eq!(labels(day.0, day.1, "IST-5:30", 4), "18:00 Tue 3 06:00 12:00");
        assert_eq!(labels(day.0, "2026-03-02T10:22:00Z", "UTC0", 12).matches(' ').count(), 11);
        assert_eq!(labels(day.0, "2026-03-09T10:10:00Z", "UTC0", 8), "Mar 3 Mar 4 Mar 5 Mar 6 Mar 7 Mar 8 Mar 9");
        assert_eq!(labels(day.0, "2026-06-02T10:10:00Z", "UTC0", 8), "Mar 16 Mar 30 Apr 13 Apr 27 May 11 May 25");
    }

    #[test]
    fn clock_changes_leave_ticks_where_the_clock_shows_them() {
        // Clocks go from 02:00 to 03:00 on that night.
        let zone = "CET-1CEST,M3.5.0,M10.5.0/3";
        let night = labels("2026-03-28T22:30:00Z", "2026-03-29T04:30:00Z", zone, 8);
        assert_eq!(night, "Sun 29 01:00 03:00 04:00 05:00 06:00");
    }
}

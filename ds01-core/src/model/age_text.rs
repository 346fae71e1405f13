//! The age in a list entry's `Status`, as Docker words it.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The least time that has passed since the event that `status` tells of: `Up 12 seconds`, `Exited (0) 3 days ago`.
///
/// Docker rounds (`HumanDuration` of `docker/go-units`), so this is the lower end of what the words can mean. `None` for
/// words of another form.
pub(crate) fn least_age(status: &str) -> Option<Duration> {
    let seconds = match age_words(status)? {
        "Less than a second" => 0,
        "About a minute" => MINUTE,
        "About an hour" => HOUR,
        text => {
            let (number, unit) = text.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            let unit = match unit.strip_suffix('s').unwrap_or(unit) {
                "second" => return Some(Duration::from_secs(number)),
                "minute" => return Some(Duration::from_secs(number.checked_mul(MINUTE)?)),
                "hour" => HOUR,
                "day" => DAY,
                "week" => 7 * DAY,
                "month" => 30 * DAY,
                "year" => 365 * DAY,
                _ => return None,
            };
            // From here on whole hours are counted, and those are rounded to the nearest.
            number.checked_mul(unit)?.saturating_sub(HOUR / 2)
        }
    };
    Some(Duration::from_secs(seconds))
}

/// The words of the age alone.
fn age_words(status: &str) -> Option<&str> {
    if let Some(rest) = status.strip_prefix("Up ") {
        // A health or pause state follows: `Up 2 minutes (Paused)`.
        rest.split(" (").next()
    } else {
        let rest = status.strip_prefix("Exited (")?;
        rest.split_once(") ")?.1.strip_suffix(" ago")
    }
}

/// A time in Docker's words: what `HumanDuration` of `docker/go-units` makes of it.
#[cfg(any(test, feature = "fakes"))]
pub(crate) fn human_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / MINUTE, (seconds + HOUR / 2) / HOUR);
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / HOUR / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(status: &str) -> Option<u64> {
        least_age(status).map(|age| age.as_secs())
    }

    #[test]
    fn every_form_that_docker_uses() {
        assert_eq!(seconds("Up Less than a second"), Some(0));
        assert_eq!(seconds("Up 1 second"), Some(1));
        assert_eq!(seconds("Up 59 seconds"), Some(59));
        assert_eq!(seconds("Up About a minute"), Some(60));
        assert_eq!(seconds("Up 2 minutes (Paused)"), Some(120));
        assert_eq!(seconds("Up 2 minutes (healthy)"), Some(120));
        assert_eq!(seconds("Up 3 minutes (health: starting)"), Some(180));
        assert_eq!(seconds("Up About an hour"), Some(3600));
        assert_eq!(seconds("Up 2 hours"), Some(5400));
        assert_eq!(seconds("Up 3 days"), Some(3 * 86_400 - 1800));
        assert_eq!(seconds("Up 2 weeks"), Some(14 * 86_400 - 1800));
        assert_eq!(seconds("Up 5 months"), Some(150 * 86_400 - 1800));
        assert_eq!(seconds("Up 2 years"), Some(730 * 86_400 - 1800));
        assert_eq!(seconds("Exited (0) 5 seconds ago"), Some(5));
        assert_eq!(seconds("Exited (137) About an hour ago"), Some(3600));
    }

    #[test]
    fn other_words_tell_nothing() {
        for status in [
            "",
            "Up",
            "Up ",
            "Created",
            "Dead",
            "Removal In Progress",
            "Restarting (1) 5 seconds ago",
            "Up soon",
            "Up 5 parsecs",
            "Up -3 minutes",
            "Exited (0)",
            "Exited 5 seconds ago",
            "Up 99999999999999999999 years",
            "Up 18446744073709551615 hours",
        ] {
            assert_eq!(seconds(status), None, "{status:?}");
        }
    }

    #[test]
    fn never_more_than_the_true_age() {
        for age in (0..2 * DAY).chain((2 * DAY..1200 * DAY).step_by(601)) {
            let text = human_duration(Duration::from_secs(age));
            let least = seconds(&format!("Up {text}")).unwrap();
            assert!(least <= age, "{text}: {least} > {age}");
        }
    }
}

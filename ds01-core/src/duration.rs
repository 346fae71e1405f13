//! Spans of time as people write them: `30m`, `0.5h`, `1h30m`, `90s`, `7d`.
//!
//! The one place where they are read and written: policy files, command lines, tables and notices all come here.

use std::{fmt, time::Duration};

/// The longest span that is read: ten years. Whoever means more means no limit.
pub const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

const NANOS: u128 = 1_000_000_000;

/// A unit that a span is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// `d`: 24 hours.
    Days,
    /// `h`.
    Hours,
    /// `m`.
    Minutes,
    /// `s`.
    Seconds,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Days, Self::Hours, Self::Minutes, Self::Seconds];

    /// The letter that stands behind a number.
    pub fn letter(self) -> char {
        match self {
            Self::Days => 'd',
            Self::Hours => 'h',
            Self::Minutes => 'm',
            Self::Seconds => 's',
        }
    }

    fn seconds(self) -> u64 {
        match self {
            Self::Days => 86_400,
            Self::Hours => 3_600,
            Self::Minutes => 60,
            Self::Seconds => 1,
        }
    }

    /// What somebody means who writes `5min` or `2 Hours`.
    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "d" | "day" | "days" => Self::Days,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hours,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minutes,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Seconds,
            _ => return None,
        })
    }
}

/// Why a text is not a span of time. The message names the fault; [`InvalidDuration::help`] says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// A number without a unit.
    #[error("has no unit")]
    NoUnit(String),
    /// A minus sign.
    #[error("is negative")]
    Negative,
    /// A unit is there that nobody knows, or not as it is written here.
    #[error("has the unit {unit:?}, which is none of d, h, m, s")]
    UnknownUnit {
        /// The text in the unit's place.
        unit: String,
        /// The whole as it should be written, when that can be guessed.
        instead: Option<String>,
    },
    /// A blank stands in it.
    #[error("has a space in it")]
    Space(String),
    /// Units out of order, or twice the same.
    #[error("has its units out of order")]
    Order,
    /// A fraction somewhere else than in the last part.
    #[error("has a fraction before its last part")]
    Fraction,
    /// Longer than [`LONGEST`].
    #[error("is longer than ten years")]
    TooLong,
    /// Something else than a span of time.
    #[error("is not a duration")]
    NotADuration,
}

impl InvalidDuration {
    /// What to write instead, as the end of a sentence that begins with "write".
    pub fn help(&self) -> String {
        match self {
            Self::NoUnit(number) => {
                format!(
                    "`{number}m` for minutes, `{number}h` for hours, `{number}s` for seconds or `{number}d` for days"
                )
            }
            Self::Space(joined) | Self::UnknownUnit { instead: Some(joined), .. } => format!("`{joined}`"),
            Self::Order => "days, hours, minutes and seconds in this order, such as `1h30m`".to_owned(),
            Self::Fraction => "the fraction in the last part, such as `1h30.5m`, or without one".to_owned(),
            Self::TooLong => "a shorter one".to_owned(),
            Self::Empty | Self::Negative | Self::UnknownUnit { .. } | Self::NotADuration => {
                "a number and a unit, such as `30m`, `0.5h`, `1h30m`, `90s` or `7d`".to_owned()
            }
        }
    }
}

/// Reads a span of time: one or more numbers, each with its unit (`d`, `h`, `m`, `s`), the longest unit first, without
/// blanks. The last number may have a fraction.
///
/// # Errors
///
/// [`InvalidDuration`] for anything else, and beyond [`LONGEST`]. Zero is a span of time: whoever can't use it says so.
///
/// ```
/// use std::time::Duration;
/// use ds01_core::duration::parse;
///
/// assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
/// assert_eq!(parse("0.5h"), Ok(Duration::from_secs(1800)));
/// assert_eq!(parse("30").unwrap_err().to_string(), "has no unit");
/// ```
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    if text.is_empty() {
        return Err(InvalidDuration::Empty);
    }
    if let Some(positive) = text.strip_prefix('-') {
        return Err(match parse(positive) {
            Ok(_) | Err(InvalidDuration::NoUnit(_)) => InvalidDuration::Negative,
            Err(_) => InvalidDuration::NotADuration,
        });
    }
    if text.contains(char::is_whitespace) {
        let joined: String = text.split_whitespace().collect();
        return Err(match parse(&joined) {
            Ok(_) => InvalidDuration::Space(joined),
            Err(fault @ InvalidDuration::UnknownUnit { .. }) => fault,
            Err(_) => InvalidDuration::NotADuration,
        });
    }
    let mut rest = text;
    let mut last: Option<Unit> = None;
    let mut fraction_seen = false;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        if fraction_seen {
            return Err(InvalidDuration::Fraction);
        }
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        if number.is_empty() || number.matches('.').count() > 1 || number == "." {
            return Err(InvalidDuration::NotADuration);
        }
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (word, tail) = tail.split_at(unit_end);
        let unit = read_unit(text, number, word, tail)?;
        if last.is_some_and(|last| last >= unit) {
            return Err(InvalidDuration::Order);
        }
        last = Some(unit);
        fraction_seen = number.contains('.');
        total = total.checked_add(span(number, unit)?).ok_or(InvalidDuration::TooLong)?;
        rest = tail;
    }
    if total > LONGEST { Err(InvalidDuration::TooLong) } else { Ok(total) }
}

/// The unit that `word` is, or what is wrong with it; `text` is the whole, `tail` what follows the word.
fn read_unit(text: &str, number: &str, word: &str, tail: &str) -> Result<Unit, InvalidDuration> {
    if let Some(unit) = Unit::ALL.into_iter().find(|unit| word.chars().eq([unit.letter()])) {
        return Ok(unit);
    }
    if word.is_empty() {
        let whole = number == text;
        return Err(if whole { InvalidDuration::NoUnit(text.to_owned()) } else { InvalidDuration::NotADuration });
    }
    // `1e9h` is a number in a form that is not read here, not a unit called e.
    if word.starts_with(['e', 'E']) && !tail.is_empty() || word.contains(|c: char| !c.is_alphabetic()) {
        return Err(InvalidDuration::NotADuration);
    }
    let alone = number.len() + word.len() == text.len();
    let instead = Unit::from_word(word).filter(|_| alone).map(|unit| format!("{number}{}", unit.letter()));
    // What is too long stays so.
    let instead = instead.filter(|instead| parse(instead).is_ok());
    Err(InvalidDuration::UnknownUnit { unit: word.to_owned(), instead })
}

/// `number` (digits, perhaps with one point) of `unit`, exact to a nanosecond.
fn span(number: &str, unit: Unit) -> Result<Duration, InvalidDuration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| InvalidDuration::TooLong)? };
    // Digits behind the ninth are less than a hundredth of a millisecond, even of a day.
    let digits = &fraction[..fraction.len().min(9)];
    let scaled: u128 = format!("{digits:0<9}").parse().map_err(|_| InvalidDuration::NotADuration)?;
    let unit_nanos = u128::from(unit.seconds()) * NANOS;
    let nanos = whole.checked_mul(unit_nanos).ok_or(InvalidDuration::TooLong)? + scaled * unit_nanos / NANOS;
    let seconds = u64::try_from(nanos / NANOS).map_err(|_| InvalidDuration::TooLong)?;
    let rest = u32::try_from(nanos % NANOS).map_err(|_| InvalidDuration::TooLong)?;
    Ok(Duration::new(seconds, rest))
}

/// Writes a span of time as [`parse`] reads it, in the fewest parts: `30m`, `1h30m`, `7d`, `1.5s`, `0s`.
///
/// ```
/// use std::time::Duration;
/// use ds01_core::duration::display;
///
/// assert_eq!(display(Duration::from_secs(90)).to_string(), "1m30s");
/// ```
pub fn display(span: Duration) -> impl fmt::Display {
    Shown(span)
}

/// A span in whole seconds, cut off: no decision turns on less.
pub fn whole_seconds(span: Duration) -> String {
    display(Duration::from_secs(span.as_secs())).to_string()
}

struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut seconds = self.0.as_secs();
        for unit in [Unit::Days, Unit::Hours, Unit::Minutes] {
            let count = seconds / unit.seconds();
            seconds %= unit.seconds();
            if count > 0 {
                text += &format!("{count}{}", unit.letter());
            }
        }
        let nanos = self.0.subsec_nanos();
        if nanos > 0 {
            let fraction = format!("{nanos:09}");
            text += &format!("{seconds}.{}s", fraction.trim_end_matches('0'));
        } else if seconds > 0 || text.is_empty() {
            text += &format!("{seconds}s");
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_ages_of_spelling_are_read() {
        for (text, seconds) in [
            ("30m", 1800),
            ("0.5h", 1800),
            (".5h", 1800),
            ("0.25h", 900),
            ("1h30m", 5400),
            ("90s", 90),
            ("7d", 604_800),
            ("1d12h", 129_600),
            ("1h0.5m", 3630),
            ("0m", 0),
            ("3650d", 315_360_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text:?}");
        }
        assert_eq!(parse("0.1s"), Ok(Duration::from_millis(100)));
    }

    #[test]
    fn anything_else_is_refused_with_its_fault() {
        use InvalidDuration::*;
        let unit = |unit: &str, instead: Option<&str>| UnknownUnit {
            unit: unit.to_owned(),
            instead: instead.map(str::to_owned),
        };
        for (text, fault) in [
            ("", Empty),
            ("0", NoUnit("0".to_owned())),
            ("30", NoUnit("30".to_owned())),
            ("0.5", NoUnit("0.5".to_owned())),
            ("-5m", Negative),
            ("-5", Negative),
            ("--5m", NotADuration),
            ("+5m", NotADuration),
            ("1e9h", NotADuration),
            ("1E3s", NotADuration),
            ("٣h", NotADuration),
            ("５m", NotADuration),
            ("5 m", Space("5m".to_owned())),
            ("1h 30m", Space("1h30m".to_owned())),
            ("2 hours", unit("hours", Some("2h"))),
            ("5min", unit("min", Some("5m"))),
            ("5M", unit("M", Some("5m"))),
            ("5w", unit("w", None)),
            ("30m1h", Order),
            ("5m5m", Order),
            ("1.5h30m", Fraction),
            ("1h30", NotADuration),
            ("1..5h", NotADuration),
            (".h", NotADuration),
            ("h", NotADuration),
            ("NaN", NotADuration),
            ("inf", NotADuration),
            (".inf", NotADuration),
            ("3651d", TooLong),
            ("99999999999999999999999999999999999999999d", TooLong),
            ("5m\0", NotADuration),
            ("1:30", NotADuration),
            ("1,5h", NotADuration),
        ] {
            assert_eq!(parse(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_proposed_in_another_spelling() {
        let fault = parse("99999999999999999999min").unwrap_err();
        assert!(matches!(&fault, InvalidDuration::UnknownUnit { instead: None, .. }), "{fault:?}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0..=u64::try_from(LONGEST.as_nanos()).unwrap()) {
            let span = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&display(span).to_string()), Ok(span));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+.0-9 dhmseE٣\\PC]{0,12}") {
            if let Ok(span) = parse(&text) {
                prop_assert!(span <= LONGEST);
            }
        }
    }
}

//! One value of the file, read as what its key wants: the rule of each kind, and what to write where it is broken.

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use super::yaml::is_null;
use crate::duration::{self, Unit};

/// What a running container is when nothing can be said about its GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GpuUnknown {
    /// As idle as the secondary signals say.
    Secondary,
    /// Not idle: without GPU evidence nobody is.
    Never,
}

/// Which stopped or never started containers may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoveStopped {
    /// Those made by the platform's own tools.
    Managed,
    /// None.
    Never,
    /// All that hold a GPU.
    Always,
}

/// What stands in the place of names of users, containers and images in the metrics file, which leaves the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identities {
    /// Nothing.
    None,
    /// What only this host can make of a name: equal for equal names, and different on each host.
    Hashed,
    /// The names.
    #[default]
    Full,
}

/// A value as people and programs are shown it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// No limit.
    Null,
    /// A span of time.
    Duration(Duration),
    /// A number, in the unit that its setting documents.
    Number(f64),
    /// A whole number.
    Count(u64),
    /// A word or a path.
    Text(String),
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.pad("null"),
            Self::Duration(span) => duration::display(*span).fmt(f),
            Self::Number(number) => f.pad(&number.to_string()),
            Self::Count(count) => f.pad(&count.to_string()),
            Self::Text(text) => f.pad(text),
        }
    }
}

impl From<Duration> for Shown {
    fn from(span: Duration) -> Self {
        Self::Duration(span)
    }
}

impl From<f64> for Shown {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Shown {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<GpuUnknown> for Shown {
    fn from(word: GpuUnknown) -> Self {
        Self::Text(word_of(GPU_UNKNOWN, word).to_owned())
    }
}

impl From<RemoveStopped> for Shown {
    fn from(word: RemoveStopped) -> Self {
        Self::Text(word_of(REMOVE_STOPPED, word).to_owned())
    }
}

impl<T: Into<Shown>> From<Option<T>> for Shown {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

const GPU_UNKNOWN: &[(&str, GpuUnknown)] = &[("secondary", GpuUnknown::Secondary), ("never", GpuUnknown::Never)];
const REMOVE_STOPPED: &[(&str, RemoveStopped)] =
    &[("managed", RemoveStopped::Managed), ("never", RemoveStopped::Never), ("always", RemoveStopped::Always)];

const IDENTITIES: &[(&str, Identities)] =
    &[("none", Identities::None), ("hashed", Identities::Hashed), ("full", Identities::Full)];

fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, word)| *word == value).map_or("", |(text, _)| text)
}

/// A single value of the file, before its key says what it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) text: &'a str,
    /// Written without quotes.
    pub(crate) plain: bool,
    /// The unit that the key carries, as in `idle_timeout_h`.
    pub(crate) unit: Option<Unit>,
}

/// What is wrong with a value, and what to do.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl Given<'_> {
    fn is_null(&self) -> bool {
        self.plain && is_null(self.text)
    }

    fn wrong(&self, fault: impl std::fmt::Display, help: impl Into<String>) -> Wrong {
        let quotes = if self.plain { "" } else { "\"" };
        Wrong::new(format!("`{quotes}{}{quotes}` {fault}", self.text), help)
    }

    /// The value as a number. Quotes make it a text, which other readers of the file may not take for a number.
    fn number(&self, example: &str) -> Result<f64, Wrong> {
        let help = format!("write {example}");
        if !self.plain {
            let unquoted = self.text.parse::<f64>().is_ok_and(f64::is_finite);
            let help = if unquoted { format!("write `{}` without the quotes", self.text) } else { help };
            return Err(self.wrong("is text, not a number", help));
        }
        if self.is_null() {
            return Err(Wrong::new("null stands where a number is needed", help));
        }
        // Only what every reader of YAML takes for a number: no `inf`, `nan`, `1_000`, `0x10`, `+5`.
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        let written_plainly = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        match self.text.parse::<f64>() {
            Ok(number) if written_plainly && number.is_finite() => Ok(number),
            _ => Err(self.wrong("is not a number", help)),
        }
    }
}

/// What a span of nothing means to a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zero {
    /// What it says: no grace, no hold.
    Plain,
    /// A stop or removal at once, which nobody means.
    Never,
}

/// A limit on time: `null` is none.
pub(crate) fn limit(given: &Given<'_>) -> Result<Option<Duration>, Wrong> {
    if given.is_null() { Ok(None) } else { span(given, Zero::Never, true).map(Some) }
}

/// How long something is kept: `null` is for ever, and nothing is not at all.
pub(crate) fn hold(given: &Given<'_>) -> Result<Option<Duration>, Wrong> {
    if given.is_null() { Ok(None) } else { span(given, Zero::Plain, true).map(Some) }
}

/// A span of time that can be nothing.
pub(crate) fn grace(given: &Given<'_>) -> Result<Duration, Wrong> {
    span(given, Zero::Plain, false)
}

/// How long a container has between SIGTERM and SIGKILL: whole seconds, as Docker counts them, up to an hour.
pub(crate) fn stop_grace(given: &Given<'_>) -> Result<Duration, Wrong> {
    let grace = span(given, Zero::Never, false)?;
    if grace.subsec_nanos() == 0 && grace <= Duration::from_secs(3600) {
        return Ok(grace);
    }
    Err(given.wrong(
        "is not a number of whole seconds up to an hour",
        "write how long a container gets to end, such as 60 seconds",
    ))
}

fn span(given: &Given<'_>, zero: Zero, nullable: bool) -> Result<Duration, Wrong> {
    let text = match given.unit {
        None => Cow::Borrowed(given.text),
        Some(unit) => Cow::Owned(with_unit(given, unit, nullable)?),
    };
    let or_null = if nullable { ", or `null` for no limit" } else { "" };
    let bare_zero = given.text.parse() == Ok(0.0_f64);
    match duration::parse(&text) {
        Ok(span) if zero == Zero::Plain || !span.is_zero() => Ok(span),
        Ok(_) => Err(given.wrong("would mean at once", format!("write a longer one{or_null}"))),
        Err(_) if bare_zero && zero == Zero::Never => {
            Err(given.wrong("would mean at once", format!("write a duration such as `30m`{or_null}")))
        }
        Err(_) if nullable && means_never(given.text) => {
            Err(given.wrong("is not a duration", "write `null`, without quotes, for no limit"))
        }
        Err(_) if given.is_null() => Err(Wrong::new(
            "null stands where a duration is needed",
            "write a duration such as `30m`, or `0s` for none",
        )),
        Err(fault) => {
            let help = match given.unit {
                Some(_) => "a number without sign or exponent, such as `0.5`".to_owned(),
                None => fault.help(),
            };
            Err(given.wrong(fault, format!("write {help}{or_null}")))
        }
    }
}

/// The value of a key that carries its unit, with that unit behind it: what the other spelling says.
fn with_unit(given: &Given<'_>, unit: Unit, nullable: bool) -> Result<String, Wrong> {
    if duration::parse(given.text).is_ok() {
        let help = format!("the key says that the number is in `{}`: write the number alone", unit.letter());
        return Err(given.wrong("has a unit, and so has its key", help));
    }
    if !(nullable && means_never(given.text)) {
        given.number("a number, such as `0.5`")?;
    }
    Ok(format!("{}{}", given.text, unit.letter()))
}

/// Words for "no limit" that people try.
fn means_never(text: &str) -> bool {
    let words = ["never", "none", "no", "off", "false", "unlimited", "infinite", "infinity", "inf", ".inf", "disabled"];
    let text = text.to_ascii_lowercase();
    words.contains(&text.as_str()) || (!text.is_empty() && is_null(&text))
}

/// A number within a range; `unit` says what it counts.
fn within(given: &Given<'_>, range: RangeInclusive<f64>, unit: &str) -> Result<f64, Wrong> {
    let help = format!("{} to {}{unit}", range.start(), range.end());
    let number = given.number(&help)?;
    if range.contains(&number) {
        return Ok(number);
    }
    let fraction = number / 100.0;
    let hint = if *range.end() == 1.0 && number > 1.0 && range.contains(&fraction) {
        format!(": `{fraction}` for {number} %")
    } else {
        String::new()
    };
    Err(given.wrong("is out of range", format!("write {help}{hint}")))
}

/// Percent of the time of a GPU.
pub(crate) fn gpu_percent(given: &Given<'_>) -> Result<f64, Wrong> {
    within(given, 0.0..=100.0, ", in % of the GPU's time")
}

/// Watts of a GPU above its idle power, `null` where power says nothing.
pub(crate) fn gpu_watts(given: &Given<'_>) -> Result<Option<f64>, Wrong> {
    if given.is_null() {
        return Ok(None);
    }
    within(given, 0.0..=1000.0, ", in watts above its idle power; or `null`, which ignores power").map(Some)
}

/// Percent of one core: 100 for each core that is fully used.
pub(crate) fn core_percent(given: &Given<'_>) -> Result<f64, Wrong> {
    within(given, 0.0..=100_000.0, ", in % of one core")
}

/// A part of a whole, `null` for a threshold that is never reached.
pub(crate) fn demand(given: &Given<'_>) -> Result<Option<f64>, Wrong> {
    if given.is_null() { Ok(None) } else { within(given, 0.0..=1.0, ", as a part of all GPUs").map(Some) }
}

/// The part by which timeouts shrink: all of it would be no time at all.
pub(crate) fn reduction(given: &Given<'_>) -> Result<f64, Wrong> {
    let part = within(given, 0.0..=1.0, ", as a part of the timeout")?;
    if part < 1.0 {
        return Ok(part);
    }
    Err(given.wrong("would leave no time at all", "write the part that is taken away, such as `0.5`, less than 1"))
}

/// The part of a timeout after which a warning is given.
pub(crate) fn warn_at(given: &Given<'_>) -> Result<f64, Wrong> {
    let part = within(given, 0.0..=1.0, ", as a part of the timeout")?;
    if part > 0.0 {
        return Ok(part);
    }
    Err(given.wrong("would warn before anybody is idle", "write the part of the timeout, such as `0.8`"))
}

fn whole(given: &Given<'_>, range: RangeInclusive<u64>, what: &str) -> Result<u64, Wrong> {
    let bounds = match range.end() {
        end @ 0..=100_000 => format!("{} to {end}", range.start()),
        _ => format!("{} or more", range.start()),
    };
    let help = format!("a whole number of {what}, {bounds}");
    let number = given.number(&help)?;
    if number < 0.0 {
        return Err(given.wrong("is negative", format!("write {help}")));
    }
    match given.text.parse::<u64>() {
        Ok(count) if range.contains(&count) => Ok(count),
        Ok(_) => Err(given.wrong("is out of range", format!("write {help}"))),
        Err(_) => Err(given.wrong("is not a whole number", format!("write {help}"))),
    }
}

/// Bytes, up to a pebibyte.
pub(crate) fn bytes(given: &Given<'_>) -> Result<u64, Wrong> {
    whole(given, 0..=1 << 50, "bytes")
}

/// Room on a disk, from a mebibyte on; `null` for as much as it takes.
pub(crate) fn disk(given: &Given<'_>) -> Result<Option<u64>, Wrong> {
    if given.is_null() { Ok(None) } else { whole(given, 1 << 20..=1 << 50, "bytes").map(Some) }
}

/// Days that are kept.
pub(crate) fn days(given: &Given<'_>) -> Result<u64, Wrong> {
    whole(given, 1..=3660, "days")
}

/// Checks in a row.
pub(crate) fn checks(given: &Given<'_>) -> Result<u64, Wrong> {
    whole(given, 1..=1000, "checks in a row")
}

/// Stops in one run, `null` for as many as there are.
pub(crate) fn stops(given: &Given<'_>) -> Result<Option<u64>, Wrong> {
    if given.is_null() { Ok(None) } else { whole(given, 0..=100_000, "containers").map(Some) }
}

/// A path in the container that names one file.
pub(crate) fn path(given: &Given<'_>) -> Result<String, Wrong> {
    let path = given.text;
    let sound = path.starts_with('/')
        && !path.ends_with('/')
        && !path.contains(char::is_control)
        && path.len() < 4096
        && !path.split('/').any(|part| part == ".." || part == ".");
    if sound {
        return Ok(path.to_owned());
    }
    let help = "write a path that begins with `/`, without `.` and `..`, such as `/workspace/.keep-alive`";
    Err(given.wrong("is not the path of a file in the container", help))
}

pub(crate) fn gpu_unknown(given: &Given<'_>) -> Result<GpuUnknown, Wrong> {
    word(given, GPU_UNKNOWN)
}

pub(crate) fn remove_stopped(given: &Given<'_>) -> Result<RemoveStopped, Wrong> {
    word(given, REMOVE_STOPPED)
}

pub(crate) fn identities(given: &Given<'_>) -> Result<Identities, Wrong> {
    word(given, IDENTITIES)
}

fn word<T: Copy>(given: &Given<'_>, words: &[(&'static str, T)]) -> Result<T, Wrong> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == given.text) {
        return Ok(*value);
    }
    let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    Err(given.wrong("is not one of the words that are known here", format!("write {}", all.join(" or "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Given<'_> {
        Given { text, plain: true, unit: None }
    }

    #[test]
    fn zero_is_refused_where_it_would_stop_somebody() {
        for text in ["0", "0s", "0.0", "0h"] {
            let wrong = limit(&given(text)).unwrap_err();
            assert!(wrong.help.contains("`null` for no limit"), "{text}: {}", wrong.help);
        }
        assert!(limit(&Given { unit: Some(Unit::Hours), ..given("0") }).is_err());
        assert_eq!(grace(&given("0s")).unwrap(), Duration::ZERO);
        assert!(grace(&given("0")).unwrap_err().help.contains("`0m`"));
    }

    #[test]
    fn quotes_make_text_of_a_number() {
        let quoted = Given { text: "0.5", plain: false, unit: Some(Unit::Hours) };
        assert!(limit(&quoted).unwrap_err().help.contains("without the quotes"));
        let quoted = Given { text: "0.5h", plain: false, unit: None };
        assert_eq!(limit(&quoted).unwrap(), Some(Duration::from_secs(1800)));
    }

    #[test]
    fn only_numbers_that_everybody_reads_alike_are_numbers() {
        for text in ["5", "0.5", ".5", "5e1", "1.0e+1"] {
            assert!(gpu_percent(&given(text)).is_ok(), "{text}");
        }
        for text in ["NaN", ".nan", "inf", ".inf", "+5", "1_0", "0x10", "5%", "٣", "", "true", "1e999", "1:30"] {
            assert!(gpu_percent(&given(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn percent_for_a_part_is_answered_with_the_part() {
        assert!(demand(&given("80")).unwrap_err().help.contains("`0.8` for 80 %"));
    }
}

//! `lifecycle-exemptions.yaml`: who is spared which stop, and until when.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    diagnostic::Position,
    level::Place,
    reader::{Entry, Reader},
    schema, user_name,
    value::Given,
    yaml::Kind,
};
use crate::model::Enforcement;

/// Both ages of the file are read: `idle_timeout_h` is the limit that was written in hours.
fn enforcement(name: &str) -> Option<Enforcement> {
    match name {
        "idle_timeout" | "idle_timeout_h" => Some(Enforcement::IdleTimeout),
        "max_runtime" | "max_runtime_h" => Some(Enforcement::MaxRuntime),
        _ => None,
    }
}

/// The end of an exemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// `null`: none.
    Never,
    /// The last day on which it holds, in the host's time zone.
    EndOf(Date),
    /// The instant from which it holds no more.
    At(Timestamp),
}

impl Expiry {
    /// Whether an exemption with this end holds at `now`.
    pub fn holds(self, now: Timestamp, zone: &TimeZone) -> bool {
        match self {
            Self::Never => true,
            Self::EndOf(day) => now.to_zoned(zone.clone()).date() <= day,
            Self::At(end) => now < end,
        }
    }
}

impl std::fmt::Display for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Never => f.pad("never"),
            Self::EndOf(day) => f.pad(&day.to_string()),
            Self::At(end) => f.pad(&end.to_string()),
        }
    }
}

/// One exemption. Its texts are an admin's, and are to be sanitised all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemption {
    /// The user, as the file names them.
    pub username: String,
    /// From what. Never empty.
    pub exempt_from: Vec<Enforcement>,
    /// Why.
    pub reason: Option<String>,
    /// Who allowed it.
    pub approved_by: Option<String>,
    /// Until when.
    pub expires: Expiry,
    /// Where it stands.
    pub place: Place,
}

const KEYS: [&str; 5] = ["username", "exempt_from", "reason", "approved_by", "expires_on"];
const IGNORED: [&str; 6] = ["approved_on", "category", "comment", "note", "notes", "description"];

/// Reads the file.
pub(crate) fn exemptions(reader: &mut Reader<'_>) -> Vec<Exemption> {
    let Some(root) = reader.document() else { return Vec::new() };
    let mut exemptions = Vec::new();
    for entry in reader.entries(&root, "the file") {
        if entry.key != "exemptions" {
            reader.unknown_key(entry, "the file", || schema::hint(entry.key, ["exemptions"].into_iter()));
            continue;
        }
        match &entry.value.kind {
            Kind::List(items) => {
                for item in items {
                    let entries = reader.entries(item, "the exemption");
                    let place = reader.place(item.at.line);
                    exemptions.extend(exemption(reader, &entries, item.at, place));
                }
            }
            _ if entry.value.is_null() => {}
            _ => {
                let help = "write each exemption as an entry that begins with `- username: NAME`";
                reader.error(entry.value.at, format!("`exemptions` is {}", entry.value.describe()), help);
            }
        }
    }
    exemptions
}

fn exemption(reader: &mut Reader<'_>, entries: &[Entry<'_>], at: Position, place: Place) -> Option<Exemption> {
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key) && !IGNORED.contains(&entry.key)) {
        reader.unknown_key(*entry, "the exemption", || schema::hint(entry.key, KEYS.into_iter()));
    }
    let find = |key: &str| entries.iter().find(|entry| entry.key == key).copied();

    let username = required(reader, find("username"), at, "username", "`username: NAME`")
        .and_then(|entry| username(reader, entry));
    let what = "`exempt_from: [idle_timeout, max_runtime]`, or one of the two";
    let exempt_from =
        required(reader, find("exempt_from"), at, "exempt_from", what).and_then(|entry| exempt_from(reader, entry));
    let what = "`expires_on: 2026-12-31`, or `expires_on: null` if it never ends";
    let expires = required(reader, find("expires_on"), at, "expires_on", what).and_then(|entry| expiry(reader, entry));
    let mut text = |key: &str| match find(key) {
        None => {
            let help = format!("write `{key}: ...`, for whoever asks in a year");
            reader.warn(at, format!("the exemption has no `{key}`"), help);
            None
        }
        Some(entry) => {
            reader.scalar(entry).filter(|_| !entry.value.is_null()).map(|given| given.text.trim().to_owned())
        }
    };
    let (reason, approved_by) = (text("reason"), text("approved_by"));
    Some(Exemption { username: username?, exempt_from: exempt_from?, reason, approved_by, expires: expires?, place })
}

fn required<'n>(
    reader: &mut Reader<'_>,
    entry: Option<Entry<'n>>,
    at: Position,
    key: &str,
    what: &str,
) -> Option<Entry<'n>> {
    if entry.is_none() {
        reader.error(at, format!("the exemption has no `{key}`"), format!("write {what}"));
    }
    entry
}

fn username(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<String> {
    let given = reader.scalar(entry)?;
    if given.text.is_empty() || entry.value.is_null() {
        reader.error(entry.at, "the exemption is for nobody", "write the user's name");
        return None;
    }
    if let Some(wrong) = user_name::fault(given.text) {
        reader.error(entry.value.at, wrong.message, wrong.help);
        return None;
    }
    Some(given.text.to_owned())
}

fn exempt_from(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<Enforcement>> {
    let names = reader.names(entry);
    if names.is_empty() {
        let help = "write `exempt_from: [idle_timeout, max_runtime]`, or one of the two";
        if !matches!(entry.value.kind, Kind::Scalar { .. }) || entry.value.is_null() {
            reader.error(entry.at, "the exemption is from nothing", help);
        }
        return None;
    }
    let mut all = Vec::new();
    for (name, at) in names {
        match enforcement(name) {
            Some(one) if all.contains(&one) => {}
            Some(one) => all.push(one),
            None => {
                let message = format!("nobody can be exempt from `{name}`");
                reader.error(at, message, "write `idle_timeout` or `max_runtime`");
            }
        }
    }
    all.sort();
    Some(all)
}

fn expiry(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Expiry> {
    let Given { text, .. } = reader.scalar(entry)?;
    if entry.value.is_null() {
        if text.is_empty() {
            let help = "write `null` if it never ends, else the last day, such as `2026-12-31`";
            reader.warn(entry.at, "`expires_on` has no value, which means null: the exemption never ends", help);
        }
        return Some(Expiry::Never);
    }
    // Offset first: `2026-06-30T23:59:59Z` is an instant, and would be cut to its day otherwise.
    if let Ok(end) = text.parse::<Timestamp>() {
        return Some(Expiry::At(end));
    }
    if text.len() == 10
        && let Ok(day) = text.parse::<Date>()
    {
        return Some(Expiry::EndOf(day));
    }
    let help = "write the last day as `2026-12-31`, an instant as `2026-12-31T18:00:00Z`, or `null` if it never ends";
    reader.error(entry.value.at, format!("`{text}` is not a date"), help);
    None
}

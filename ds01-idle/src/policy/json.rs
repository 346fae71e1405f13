//! The answer for programs.
//!
//! ```json
//! {
//!   "answers": [{
//!     "user": "alice", "type": "compose",
//!     "group": {"name": "student", "level": "default", "file": "/etc/ds01/resource-limits.yaml", "line": 24},
//!     "settings": [{
//!       "name": "idle_timeout", "value": "30m", "seconds": 1800,
//!       "level": "container type", "of": "compose", "file": "/etc/ds01/resource-limits.yaml", "line": 58
//!     }]
//!   }],
//!   "exemptions": [],
//!   "overridden_users": []
//! }
//! ```
//!
//! `user` is null where a group is meant. `value` is null for no limit; a span of time is text as in the policy file, and
//! `seconds` has it as a number. `of` is the name of the user, group or type, and `file` and `line` are null for built-in
//! values. Texts are as they stand in the files, escaped where they could act on a terminal.

use std::io::{self, Write};

use ds01_core::{
    json,
    policy::{Exemption, Place, Row, Shown},
};
use serde::Serialize;

use super::{Answer, Answers};

#[derive(Serialize)]
struct Output<'a> {
    answers: Vec<AnswerOut<'a>>,
    exemptions: Vec<ExemptionOut<'a>>,
    overridden_users: Vec<&'a str>,
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    user: Option<&'a str>,
    r#type: &'static str,
    group: GroupOut<'a>,
    settings: Vec<SettingOut>,
}

#[derive(Serialize)]
struct GroupOut<'a> {
    name: &'a str,
    level: &'static str,
    #[serde(flatten)]
    place: PlaceOut,
}

#[derive(Serialize)]
struct SettingOut {
    name: &'static str,
    value: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(flatten)]
    place: PlaceOut,
}

#[derive(Serialize)]
struct ExemptionOut<'a> {
    username: &'a str,
    exempt_from: Vec<&'static str>,
    holds: bool,
    expires: String,
    reason: Option<&'a str>,
    approved_by: Option<&'a str>,
    #[serde(flatten)]
    place: PlaceOut,
}

#[derive(Serialize)]
struct PlaceOut {
    file: Option<String>,
    line: Option<u32>,
}

impl From<Option<&Place>> for PlaceOut {
    fn from(place: Option<&Place>) -> Self {
        Self { file: place.map(|place| place.file.display().to_string()), line: place.map(|place| place.line) }
    }
}

impl From<Row> for SettingOut {
    fn from(row: Row) -> Self {
        let (value, seconds) = match row.value {
            Shown::Null => (serde_json::Value::Null, None),
            Shown::Duration(span) => (row.value.to_string().into(), Some(span.as_secs_f64())),
            Shown::Number(number) => (number.into(), None),
            Shown::Count(count) => (count.into(), None),
            Shown::Text(text) => (text.into(), None),
        };
        let of = row.level.name().map(str::to_owned);
        Self { name: row.name, value, seconds, level: row.level.kind(), of, place: row.place.as_ref().into() }
    }
}

impl<'a> From<&'a Answer<'a>> for AnswerOut<'a> {
    fn from(Answer { user, container_type, resolved }: &'a Answer<'a>) -> Self {
        let group = &resolved.group;
        Self {
            user: *user,
            r#type: container_type.as_str(),
            group: GroupOut { name: &group.value, level: group.level.kind(), place: group.place.as_ref().into() },
            settings: resolved.rows().into_iter().map(SettingOut::from).collect(),
        }
    }
}

fn exemption<'a>((exemption, holds): &(&'a Exemption, bool)) -> ExemptionOut<'a> {
    ExemptionOut {
        username: &exemption.username,
        exempt_from: exemption.exempt_from.iter().map(|from| from.as_str()).collect(),
        holds: *holds,
        expires: exemption.expires.to_string(),
        reason: exemption.reason.as_deref(),
        approved_by: exemption.approved_by.as_deref(),
        place: Some(&exemption.place).into(),
    }
}

/// Writes the answer as one JSON document.
pub(super) fn write(Answers { policy, answers, exemptions }: &Answers<'_>, out: &mut impl Write) -> io::Result<()> {
    let output = Output {
        answers: answers.iter().map(AnswerOut::from).collect(),
        exemptions: exemptions.iter().map(exemption).collect(),
        overridden_users: policy.overridden_users(),
    };
    out.write_all(&json::pretty(&output)?)
}

//! The report for programs. `docs/formats.md` documents it.

use std::collections::BTreeMap;

use ds01_core::{json, ledger::DayIs};
use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    by::Field,
    figures::FIGURES,
    sums::{Report, Sums},
};

/// The version of the format.
const VERSION: &str = "1";

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    made_at: Timestamp,
    from: Date,
    to: Date,
    by: &'static str,
    days: BTreeMap<Date, &'static str>,
    rows: Vec<Row<'a>>,
    total: Row<'a>,
}

/// What a line is for, and its figures.
struct Row<'a> {
    fields: &'a [Field],
    texts: &'a [Option<String>],
    sums: &'a Sums,
    whole_ms: u64,
}

/// The document.
pub(super) fn bytes(report: &Report, now: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    let row = |texts, sums| Row { fields: report.by.fields(), texts, sums, whole_ms: report.whole_ms };
    json::pretty(&Document {
        schema_version: VERSION,
        made_at: now,
        from: report.from,
        to: report.to,
        by: report.by.as_str(),
        days: report.days.iter().map(|(day, is)| (*day, word(*is))).collect(),
        rows: report.lines.iter().map(|line| row(&line.key.texts, &line.sums)).collect(),
        total: row(&[], &report.total),
    })
}

fn word(is: DayIs) -> &'static str {
    match is {
        DayIs::Rolled => "rolled",
        DayIs::Running => "running",
        DayIs::NotRecorded => "not_recorded",
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, text) in self.fields.iter().zip(self.texts) {
            map.serialize_entry(field.machine, text)?;
        }
        for figure in &FIGURES {
            map.serialize_entry(figure.machine, &(figure.value)(self.sums, self.whole_ms))?;
        }
        map.end()
    }
}

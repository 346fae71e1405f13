//! What to know before believing the figures.

use ds01_core::ledger::DayIs;
use jiff::{ToSpan, civil::Date};

use super::{by::By, sums::Report};
use crate::past::{Past, days};

/// So many spans of days are named.
const MOST: usize = 4;

/// Lines about days of which nothing is known, the one that is not over, and groups that nobody knows.
pub(crate) fn notes(report: &Report, past: &Past) -> Vec<String> {
    let of = |wanted: DayIs| report.days.iter().filter(move |(_, is)| **is == wanted).map(|(day, _)| *day);
    let mut notes = Vec::new();
    let missing: Vec<Date> = of(DayIs::NotRecorded).collect();
    if !missing.is_empty() {
        notes.push(format!("not recorded, so nobody knows who held what: {}", spans(&missing)));
    }
    let today = ds01_core::idle::journal::day_of(past.now);
    if report.days.get(&today) == Some(&DayIs::Running) {
        notes.push(format!("not over yet: {today}"));
    }
    if report.by == By::Group && !past.knows_groups() {
        notes.push("no policy is installed that says who is in which group".to_owned());
    }
    notes
}

/// Days, those that follow each other together.
fn spans(days_: &[Date]) -> String {
    let follows = |a: &Date, b: &Date| a.checked_add(1.day()).is_ok_and(|next| next == *b);
    let spans: Vec<&[Date]> = days_.chunk_by(follows).collect();
    let mut texts: Vec<String> =
        spans.iter().take(MOST).filter_map(|span| Some(days(*span.first()?, *span.last()?))).collect();
    if spans.len() > MOST {
        let more: usize = spans.iter().skip(MOST).map(|span| span.len()).sum();
        texts.push(format!("and {more} more {}", if more == 1 { "day" } else { "days" }));
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_each_other_are_named_together() {
        let days = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Date>>();
        let few = days(&["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-05"]);
        assert_eq!(spans(&few), "2026-02-27 to 2026-03-01, 2026-03-05");
        let many = days(&["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-07", "2026-01-09", "2026-01-11"]);
        assert_eq!(spans(&many), "2026-01-01, 2026-01-03, 2026-01-05, 2026-01-07, and 2 more days");
    }
}

//! The answer for people.

use std::path::Path;

use ds01_core::{
    policy::{Enforcement, Exemption, Level, Row},
    table::{self, Align, Cell, Column, Line, Medium, Shrink, wrapped},
    text::sanitize,
};

use super::{Answer, Answers};

/// Each table under its title: the first in full, the others as far as they differ from it. Where the terminal is too
/// narrow for the paths of files, a place in the policy file is its line alone.
pub(super) fn text(answers: &Answers<'_>, config: &Path, medium: Medium) -> String {
    let full = with_places(answers, None, medium);
    match medium.width {
        Some(width) if full.lines().any(|line| table::width(line) > width) => {
            let lead = format!("Lines are those of {}.\n\n", sanitize(&config.display().to_string()));
            lead + &with_places(answers, Some(config), medium)
        }
        _ => full,
    }
}

/// `short` is the file whose places are lines alone.
fn with_places(answers: &Answers<'_>, short: Option<&Path>, medium: Medium) -> String {
    let Answers { policy, answers, exemptions } = answers;
    let width = medium.width.filter(|_| short.is_some()).unwrap_or(usize::MAX);
    let mut out = String::new();
    let first = answers.first().map(|answer| answer.resolved.rows()).unwrap_or_default();
    for (index, answer) in answers.iter().enumerate() {
        let all = answer.resolved.rows();
        let rows: Vec<&Row> =
            all.iter().zip(&first).filter(|(row, first)| index == 0 || row != first).map(|(row, _)| row).collect();
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&wrapped("", &title(answer), width));
        push_rows(&mut out, &rows, index == 0, short, width);
        if index > 0 {
            out.push_str(if rows.is_empty() { "  as the first\n" } else { "  all else as the first\n" });
        }
    }
    let asked_for_all = answers.iter().all(|answer| answer.user.is_none());
    let overridden = policy.overridden_users();
    if asked_for_all && !overridden.is_empty() {
        let names: Vec<_> = overridden.into_iter().map(sanitize).collect();
        out.push('\n');
        out.push_str(&wrapped("", &format!("With overrides of their own (see --user): {}", names.join(", ")), width));
    }
    if !exemptions.is_empty() {
        out.push_str("\nExemptions\n");
        for (exemption, holds) in exemptions {
            out.push_str(&wrapped("  ", &in_words(exemption, *holds), width));
        }
    }
    out
}

fn title(answer: &Answer<'_>) -> String {
    let group = &answer.resolved.group;
    let name = sanitize(&group.value);
    match (answer.user, &group.place) {
        (None, _) => format!("{} containers, group {name}", answer.container_type),
        (Some(user), place) => {
            let why = match (&group.level, place) {
                (Level::Group(_), Some(place)) => format!("a member by {place}"),
                (_, Some(place)) => format!("the default group by {place}"),
                (_, None) => "the default group".to_owned(),
            };
            format!("{} containers of {}, group {name} ({why})", answer.container_type, sanitize(user))
        }
    }
}

fn push_rows(out: &mut String, rows: &[&Row], heads: bool, short: Option<&Path>, width: usize) {
    const INDENT: &str = "  ";
    let heading = |text: &'static str| if heads { text } else { "" };
    let column = |text, shrink| Column { heading: heading(text), align: Align::Left, shrink };
    let columns = [
        column("NAME", Shrink::Never),
        column("VALUE", Shrink::First(8)),
        column("LEVEL", Shrink::Never),
        column("WHERE", Shrink::Never),
    ];
    let lines: Vec<Line> = rows
        .iter()
        .map(|row| {
            let place = match &row.place {
                None => "-".to_owned(),
                Some(place) if short == Some(&place.file) => format!("line {}", place.line),
                Some(place) => place.to_string(),
            };
            let cells = [row.name, &row.in_its_unit(), &row.level.to_string(), &place];
            Line::Row(cells.into_iter().map(Cell::new).collect())
        })
        .collect();
    let medium = Medium { width: Some(width.saturating_sub(INDENT.len())), color: false };
    for line in table::render(&columns, &lines, medium).lines().skip(usize::from(!heads)) {
        out.push_str(INDENT);
        out.push_str(line);
        out.push('\n');
    }
}

fn in_words(exemption: &Exemption, holds: bool) -> String {
    let from: Vec<_> = exemption.exempt_from.iter().copied().map(Enforcement::as_str).collect();
    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), |text| sanitize(text).into_owned());
    format!(
        "{}: {} from {}, expires {}; reason: {}; approved by: {} ({})",
        sanitize(&exemption.username),
        if holds { "exempt" } else { "no longer exempt" },
        from.join(" and "),
        exemption.expires,
        text(&exemption.reason),
        text(&exemption.approved_by),
        exemption.place,
    )
}

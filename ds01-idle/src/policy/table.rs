//! The answer for people.

use std::io::{self, Write};

use ds01_core::{
    policy::{Enforcement, Exemption, Level, Row},
    text::sanitize,
};

use super::{Answer, Answers};

/// Writes each table under its title: the first in full, the others as far as they differ from it.
pub(super) fn write(Answers { policy, answers, exemptions }: &Answers<'_>, out: &mut impl Write) -> io::Result<()> {
    let first = answers.first().map(|answer| answer.resolved.rows()).unwrap_or_default();
    for (index, answer) in answers.iter().enumerate() {
        let all = answer.resolved.rows();
        let rows: Vec<&Row> =
            all.iter().zip(&first).filter(|(row, first)| index == 0 || row != first).map(|(row, _)| row).collect();
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", title(answer))?;
        rows_of(&rows, index == 0, out)?;
        if index > 0 {
            writeln!(out, "  {}", if rows.is_empty() { "as the first" } else { "all else as the first" })?;
        }
    }
    let asked_for_all = answers.iter().all(|answer| answer.user.is_none());
    let overridden = policy.overridden_users();
    if asked_for_all && !overridden.is_empty() {
        let names: Vec<_> = overridden.into_iter().map(sanitize).collect();
        writeln!(out, "\nWith overrides of their own (see --user): {}", names.join(", "))?;
    }
    if !exemptions.is_empty() {
        writeln!(out, "\nExemptions")?;
        for (exemption, holds) in exemptions {
            writeln!(out, "  {}", in_words(exemption, *holds))?;
        }
    }
    Ok(())
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

fn rows_of(rows: &[&Row], heads: bool, out: &mut impl Write) -> io::Result<()> {
    let heads = heads.then(|| ["NAME", "VALUE", "LEVEL", "WHERE"].map(str::to_owned));
    let cells: Vec<[String; 4]> = heads
        .into_iter()
        .chain(rows.iter().map(|row| {
            let place = row.place.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            [row.name.to_owned(), sanitize(&row.value.to_string()).into_owned(), row.level.to_string(), place]
        }))
        .collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let (name, value, level) = (width(0), width(1), width(2));
    for [a, b, c, d] in &cells {
        writeln!(out, "  {a:name$}  {b:value$}  {c:level$}  {d}")?;
    }
    Ok(())
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

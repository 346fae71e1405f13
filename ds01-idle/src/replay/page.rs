//! The answer for people: a summary, the stops, what is different, and what can't be known.

use anstyle::Style;
use ds01_core::{
    replay::compare,
    table::{Cell, Medium, push_span, wrapped},
    text::sanitize,
};

use super::{
    differences::{self, counted, unlike},
    shown::{Shown, minute},
    stops, summary, unknown,
};

pub(super) fn text(shown: &Shown<'_>, medium: Medium) -> String {
    let width = medium.width.unwrap_or(usize::MAX);
    let mut out = lead(shown, width);
    out.push('\n');
    out.push_str(&summary::table(shown, medium));
    let others: Vec<_> = shown.each().skip(1).collect();
    if let Some((main, replayed)) = shown.main()
        && !shown.given.are_compared()
    {
        head(&mut out, &format!("Stops under {}", main.name), medium);
        if replayed.stops.is_empty() {
            out.push_str("none\n");
        } else {
            out.push_str(&stops::table(shown, replayed, medium));
        }
    }
    if let (Some((main, new)), [(other, old)]) = (shown.main(), &others[..]) {
        head(&mut out, &format!("What {} changes against {}", main.name, other.name), medium);
        let compared = compare(old, new);
        if !compared.differences.is_empty() {
            out.push_str(&differences::table(shown, &compared, [&other.policy, &main.policy], medium));
        }
        out.push_str(&wrapped("", &differences::total(&compared), width));
    }
    if let Some((named, replayed)) = shown.in_force() {
        let unlike = unlike(shown, replayed);
        head(&mut out, &format!("{} held against what really happened", named.name), medium);
        let same = replayed.stops.iter().filter(|stop| stop.real).count();
        let summary = format!("{} the same, at the same check", counted(same, "stop"));
        out.push_str(&wrapped("", &summary, width));
        out.push_str(&differences::explained(shown, &unlike, width));
    }
    let unknown = unknown::sentences(shown);
    if !unknown.is_empty() {
        head(&mut out, "What the past can't tell", medium);
        unknown.iter().for_each(|sentence| out.push_str(&wrapped("- ", sentence, width)));
    }
    out
}

/// What is asked about, and of which policies.
fn lead(shown: &Shown<'_>, width: usize) -> String {
    let zone = &shown.window.zone;
    let really = &shown.past.really;
    let mut said = String::new();
    let mut line = |text: &str| said.push_str(&wrapped("", text, width));
    let from = really.span.map_or(shown.window.from, |(first, _)| first.max(shown.window.from));
    let until = really.span.map_or(shown.window.until, |(_, last)| last);
    let name = zone.iana_name().map(|name| format!(", {name}")).unwrap_or_default();
    line(&format!("From {} to {}{name}", minute(from, zone), minute(until, zone)));
    for (named, _) in shown.columns() {
        line(&format!("{} is {}", named.name, sanitize(&named.path.display().to_string())));
    }
    let checks = usize::try_from(really.checks).unwrap_or(usize::MAX);
    let supposed = match really.supposed_checks {
        0 => String::new(),
        n => format!(", and {n} more supposed where the timer was off"),
    };
    line(&format!("{} made{supposed}", counted(checks, "check")));
    said
}

fn head(out: &mut String, text: &str, medium: Medium) {
    out.push('\n');
    push_span(out, &Cell::new(text).styled(Style::new().bold()), medium);
}

//! The list for people.

use anstyle::Style;
use ds01_core::{
    idle::Suspicion,
    table::{Medium, wrapped_anyhow},
    text::sanitize,
};
use jiff::{Timestamp, tz::TimeZone};

pub(super) fn render(suspicions: &[Suspicion], medium: Medium, zone: &TimeZone) -> String {
    if suspicions.is_empty() {
        return "Nothing looks wrong.\n".to_owned();
    }
    let bold = if medium.color { Style::new().bold() } else { Style::new() };
    let width = medium.width.unwrap_or(usize::MAX);
    let mut out = String::new();
    let mut line = |lead: &str, text: &str, style: Style| {
        for line in wrapped_anyhow(lead, text, width).lines() {
            out.push_str(&format!("{style}{}{style:#}\n", line.trim_end()));
        }
    };
    for one in suspicions {
        line("", &head(one, zone), bold);
        line("  seen: ", &sanitize(&one.evidence), Style::new());
        line("  do:   ", &sanitize(&one.advice), Style::new());
        line("", "", Style::new());
    }
    let number = match suspicions.len() {
        1 => "1 suspicion".to_owned(),
        number => format!("{number} suspicions"),
    };
    line("", &format!("{number}, for you to judge: nobody is stopped for one."), Style::new());
    out
}

/// What, whom it concerns, and since when.
fn head(one: &Suspicion, zone: &TimeZone) -> String {
    let whom = one.container.as_ref().map(|(id, name)| {
        let user = one.user.as_deref().unwrap_or("an unknown owner");
        format!(": {} ({}) of {}", sanitize(name), id.short(), sanitize(user))
    });
    format!("{}{}, since {}", one.kind.title(), whom.unwrap_or_default(), since(one.since, zone))
}

/// With its day: some stand for weeks.
fn since(at: Timestamp, zone: &TimeZone) -> impl std::fmt::Display {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use ds01_core::model::{EngineName, SuspicionKind};

    use super::*;

    fn list() -> Vec<Suspicion> {
        let id = "3f2a9c0d1b2e".repeat(6)[..64].parse().unwrap();
        let since = "2026-03-02T08:05:00Z".parse().unwrap();
        let plain = Suspicion {
            kind: SuspicionKind::BusyAtIdlePower,
            container: Some((id, "train".to_owned())),
            engine: EngineName::DOCKER,
            user: Some("alice".to_owned()),
            gpus: vec!["GPU-1".to_owned()],
            pid: None,
            since,
            evidence: "GPU 0 at 99 % and more for 4h30m, at 125.0 W at most; it takes 120.5 W when it idles".to_owned(),
            advice: "ask its owner whether it hangs: a program that waits for another process in a kernel looks so"
                .to_owned(),
        };
        let hostile = Suspicion {
            kind: SuspicionKind::KeptForDays,
            container: plain.container.clone().map(|(id, _)| (id, "\u{1b}[2Jx\n".to_owned())),
            user: None,
            evidence: "kept by \u{1b}[31m".to_owned(),
            ..plain.clone()
        };
        let dead = Suspicion {
            kind: SuspicionKind::MemoryOfDeadProcess,
            container: None,
            user: None,
            pid: Some(7),
            ..plain.clone()
        };
        vec![plain, hostile, dead]
    }

    #[test]
    fn the_list_at_every_width() {
        for (width, medium) in crate::demo::everywhere() {
            let text = render(&list(), medium, &TimeZone::UTC);
            insta::assert_snapshot!(format!("suspicions_{width}"), text);
        }
        let medium = Medium { width: Some(80), color: false };
        assert_eq!(render(&[], medium, &TimeZone::UTC), "Nothing looks wrong.\n");
    }
}

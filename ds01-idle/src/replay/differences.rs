//! What one policy changes against another, and what the policy in force would have done otherwise than the reaper did.

use std::{collections::BTreeMap, time::Duration};

use anstyle::{AnsiColor, Style};
use ds01_core::{
    idle::{Action, Decision, Reason, rules::Waits},
    policy::{Enforcement, Policy},
    replay::{Compared, Difference, Differs, Missed, RealStop, Replayed, Stop, Why, differing},
    table::{self, Align, Cell, Column, Line, Medium, Shrink},
    text::sanitize,
    units,
};

use super::shown::{Shown, Whose, cause, hours, really};

const COLUMNS: [Column; 9] = [
    column("", Align::Left, Shrink::Never),
    column("WHEN", Align::Left, Shrink::Never),
    column("NAME", Align::Left, Shrink::Key { wanted: 20, least: 10 }),
    column("USER", Align::Left, Shrink::First(8)),
    column("CAUSE", Align::Left, Shrink::Optional(1)),
    column("IDLE", Align::Right, Shrink::Optional(0)),
    column("GPU-HOURS", Align::Right, Shrink::Never),
    column("WHAT", Align::Left, Shrink::Last(20)),
    column("WHY", Align::Left, Shrink::Optional(2)),
];

const fn column(heading: &'static str, align: Align, shrink: Shrink) -> Column {
    Column { heading, align, shrink }
}

/// The stop that a line is about: of two, the new one.
pub(super) fn about<'a>(difference: &Difference<'a>) -> &'a Stop {
    match difference {
        Difference::Added(stop) | Difference::Dropped(stop) | Difference::Moved { new: stop, .. } => stop,
    }
}

/// In what the policies differ for the container of a line.
pub(super) fn settings(shown: &Shown<'_>, old: &Policy, new: &Policy, difference: &Difference<'_>) -> Vec<Differs> {
    let stop = about(difference);
    let causes = match difference {
        Difference::Added(stop) | Difference::Dropped(stop) => vec![stop.cause],
        Difference::Moved { old, new } => vec![old.cause, new.cause],
    };
    differing([old, new], &stop.life, &causes, stop.at, &shown.window.zone)
}

/// Line by line.
pub(super) fn table(shown: &Shown<'_>, compared: &Compared<'_>, [old, new]: [&Policy; 2], medium: Medium) -> String {
    let mut why: Vec<(String, usize)> = Vec::new();
    let lines: Vec<Line> = compared
        .differences
        .iter()
        .map(|difference| {
            let said: Vec<String> = settings(shown, old, new, difference).iter().map(said).collect();
            for one in &said {
                match why.iter_mut().find(|(said, _)| said == one) {
                    Some((_, lines)) => *lines += 1,
                    None => why.push((one.clone(), 1)),
                }
            }
            row(shown, difference, &said.join("; "))
        })
        .collect();
    let mut text = table::render(&COLUMNS, &lines, medium);
    why.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    if !why.is_empty() {
        text.push_str("In what the policies differ for these containers, by the number of lines above:\n");
        let width = medium.width.unwrap_or(usize::MAX);
        for (said, lines) in why {
            text.push_str(&table::wrapped(&format!("  {lines:>4}  "), &said, width));
        }
    }
    text
}

fn row(shown: &Shown<'_>, difference: &Difference<'_>, why: &str) -> Line {
    let stop = about(difference);
    let whose = Whose::of(stop);
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    let (sign, what, style) = match difference {
        Difference::Added(stop) => ("+", really(stop), color(AnsiColor::Green)),
        Difference::Dropped(stop) => ("-", really(stop), color(AnsiColor::Red)),
        Difference::Moved { old, new } => ("=", moved(old, new), Style::new()),
    };
    Line::Row(vec![
        Cell::new(sign).styled(style),
        Cell::new(&shown.when(stop.at)),
        Cell::new(whose.name()),
        Cell::new(whose.user().unwrap_or("unknown")),
        Cell::new(cause(stop.cause)),
        Cell::new(&units::duration(stop.idle)),
        Cell::new(&gain(difference)),
        Cell::new(&what),
        Cell::new(why),
    ])
}

/// How much more is given back, or less.
fn gain(difference: &Difference<'_>) -> String {
    let unknown = match difference {
        Difference::Added(stop) | Difference::Dropped(stop) => stop.given_back.is_none(),
        Difference::Moved { .. } => false,
    };
    let (more, less) = difference.given_back();
    match difference {
        Difference::Added(_) if unknown => "+?".to_owned(),
        Difference::Dropped(_) if unknown => "-?".to_owned(),
        _ if less > more => format!("-{}", hours(less)),
        _ => format!("+{}", hours(more)),
    }
}

fn moved(old: &Stop, new: &Stop) -> String {
    let by = Duration::from_millis(old.boot_ms.abs_diff(new.boot_ms));
    let when = if new.boot_ms < old.boot_ms { "earlier" } else { "later" };
    let again = new.again.filter(|_| !new.real);
    let again = again.map(|again| format!(", at work in {}", units::duration(again.after)));
    let was = if old.cause == new.cause { String::new() } else { format!(", not for {}", cause(old.cause)) };
    if by.is_zero() {
        return format!("at the same check{was}");
    }
    format!("{} {when}{was}{}", units::duration(by), again.unwrap_or_default())
}

/// A difference of the policies in words.
pub(super) fn said(differs: &Differs) -> String {
    match differs {
        Differs::Setting { old, new } => {
            format!("{} {}, not {}", new.name, sanitize(&new.in_its_unit()), sanitize(&old.in_its_unit()))
        }
        Differs::Exempt { from, in_new } => {
            let from = match from {
                Enforcement::IdleTimeout => "idle_timeout",
                Enforcement::MaxRuntime => "max_runtime",
            };
            if *in_new {
                format!("its owner is exempt from {from}")
            } else {
                format!("its owner is not exempt from {from}")
            }
        }
        Differs::Infrastructure { in_new: true } => "it is infrastructure".to_owned(),
        Differs::Infrastructure { in_new: false } => "it is not infrastructure".to_owned(),
    }
}

/// The last line of a comparison.
pub(super) fn total(compared: &Compared<'_>) -> String {
    let count = |is: fn(&Difference<'_>) -> bool| compared.differences.iter().filter(|one| is(one)).count();
    let unknown = |one: &Difference<'_>| match one {
        Difference::Added(stop) | Difference::Dropped(stop) => stop.given_back.is_none(),
        Difference::Moved { .. } => false,
    };
    let (more, less) = compared
        .differences
        .iter()
        .map(Difference::given_back)
        .fold((Duration::ZERO, Duration::ZERO), |(more, less), (one_more, one_less)| {
            (more + one_more, less + one_less)
        });
    let sum = if less > more { format!("-{}", hours(less - more)) } else { format!("+{}", hours(more - less)) };
    let not_known = match count(unknown) {
        0 => String::new(),
        n => format!(", and what {n} of them would have given back is not known"),
    };
    format!(
        "{} more, {} fewer, {} at another time, {} the same; {sum} GPU-hours{not_known}",
        count(|one| matches!(one, Difference::Added(_))),
        count(|one| matches!(one, Difference::Dropped(_))),
        count(|one| matches!(one, Difference::Moved { .. })),
        compared.same,
    )
}

/// A difference between the policy in force and what the reaper did.
pub(super) enum Unlike<'a> {
    /// The policy stops it, and the reaper did not.
    OnlyPolicy(&'a Stop, Why),
    /// The reaper stopped it, and the policy does not.
    OnlyReaper(&'a RealStop, &'a Missed),
}

/// All of them, in their order.
pub(super) fn unlike<'a>(shown: &Shown<'a>, replayed: &'a Replayed) -> Vec<Unlike<'a>> {
    let stops = replayed.stops.iter().filter_map(|stop| Some(Unlike::OnlyPolicy(stop, stop.why_not_real()?)));
    let really = &shown.past.really.stops;
    let missed = replayed.missed.iter().filter_map(|one| Some(Unlike::OnlyReaper(really.get(one.stop)?, one)));
    let mut all: Vec<Unlike<'_>> = stops.chain(missed).collect();
    all.sort_by_key(|one| match one {
        Unlike::OnlyPolicy(stop, _) => stop.at,
        Unlike::OnlyReaper(stop, _) => stop.at,
    });
    all
}

/// Why, as a word for programs.
pub(super) fn why_word(why: &Why) -> &'static str {
    match why {
        Why::NoCheck => "no_check",
        Why::Partial => "partial_check",
        Why::WarnedThen => "warned_then",
        Why::NotLookedFor => "less_idle_for_the_reaper",
        Why::Withheld => "withheld",
        Why::NotOverdue => "run_time_not_limited",
        Why::Unknown => "not_in_the_journal",
        Why::Waits(_) => "policy_waits",
        _ => "other",
    }
}

/// Why, in a sentence that several stops can stand below.
pub(super) fn why_said(why: &Why) -> &'static str {
    match why {
        Why::NoCheck => "No check was made then, and the replay supposes one.",
        Why::Partial => {
            "The check was one of single containers (`run --container`), and the journal does not say which."
        }
        Why::WarnedThen => {
            "The reaper warned only then: the warning before is one of a supposed check, or is not known to have arrived, or the reaper \
             had counted less idle time."
        }
        Why::NotLookedFor => {
            "For the reaper it was not idle for so long: it did not look for a keep-alive file. Another policy was in force, or its \
             memory of the container began later than the journal's."
        }
        Why::Withheld => {
            "The reaper knew that it was idle, found no keep-alive file, and waited: another policy was in force, or the warning \
             is not known to have arrived."
        }
        Why::NotOverdue => {
            "The reaper did not limit its run time so: another policy was in force, or an exemption held."
        }
        Why::Unknown => "The reaper stopped it, and the journal does not say whose it was.",
        Why::Waits(_) => "The reaper stopped it, and the policy decides otherwise.",
        _ => "The reason is not known.",
    }
}

/// What the policy decides, where the reaper stopped.
pub(super) fn otherwise(decision: &Decision) -> String {
    let idle = units::duration(decision.idle);
    match (&decision.action, &decision.waits, &decision.reason) {
        (Action::Warn { .. } | Action::WarnOfRuntime { .. }, ..) => "it is only warned then".to_owned(),
        (Action::Stop { .. }, ..) => "the stop came to nothing".to_owned(),
        (_, Some(Waits::Announced), _) => "the time that was announced is not over".to_owned(),
        (_, Some(Waits::Window(checks, of)), _) => format!("{checks} of {of} idle checks in a row"),
        (_, Some(Waits::Kept), _) => "a keep-alive file holds".to_owned(),
        (_, Some(Waits::Asked), _) => "somebody asked to keep it".to_owned(),
        (_, Some(Waits::KeepAliveUnreadable(why)), _) => format!("its keep-alive file: {}", sanitize(why)),
        (_, Some(Waits::Untold), _) => "its warning is not known to have arrived".to_owned(),
        (_, Some(Waits::Cap), _) => "enough others are stopped at this check".to_owned(),
        (_, None, Some(Reason::Idle)) => match decision.idle_limit {
            Some(limit) => format!("idle for {idle} of {}", units::duration(limit)),
            None => format!("idle for {idle}"),
        },
        (_, None, Some(reason)) => format!("{reason}, idle for {idle}"),
        (_, None, None) => "it does not run".to_owned(),
    }
}

/// What is unlike, by its reason.
pub(super) fn explained(shown: &Shown<'_>, unlike: &[Unlike<'_>], width: usize) -> String {
    let mut by_reason: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for one in unlike {
        let (why, line) = match one {
            Unlike::OnlyPolicy(stop, why) => {
                let limit = stop.limit.map(|limit| format!(" of {}", units::duration(limit))).unwrap_or_default();
                let what = match stop.cause {
                    ds01_core::replay::Cause::Idle => format!("idle for {}{limit}", units::duration(stop.idle)),
                    ds01_core::replay::Cause::Runtime => format!("run time{limit}"),
                };
                (why.clone(), line(shown, '+', Whose::of(stop), stop.at, &format!("{what}; {}", really(stop))))
            }
            Unlike::OnlyReaper(stop, missed) => {
                let what = missed.decision.as_ref().map_or_else(String::new, otherwise);
                (missed.why(), line(shown, '-', Whose::of_real(stop), stop.at, &what))
            }
        };
        by_reason.entry(why_said(&why)).or_default().push(line);
    }
    let mut text = String::new();
    for (why, lines) in by_reason {
        text.push_str(&table::wrapped("", &format!("{}: {why}", counted(lines.len(), "stop")), width));
        lines.iter().for_each(|line| text.push_str(&table::wrapped_anyhow("  ", line, width)));
    }
    text
}

fn line(shown: &Shown<'_>, sign: char, whose: Whose<'_>, at: jiff::Timestamp, what: &str) -> String {
    let owner = whose.user().map(|user| format!(" of {}", sanitize(user))).unwrap_or_default();
    let what = if what.is_empty() { String::new() } else { format!(": {what}") };
    format!("{sign} {}  {}{owner}{what}", shown.when(at), sanitize(whose.name()))
}

/// So many of something.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

//! The answer for programs: see `docs/formats.md`.

use std::time::Duration;

use ds01_core::{
    json,
    replay::{Again, Cause, Difference, Differs, EndedBy, RealStop, Replayed, Stop, compare},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    differences::{Unlike, about, otherwise, said, settings, unlike, why_said, why_word},
    given::Named,
    shown::{Shown, Whose},
    summary::Sums,
    unknown,
};

#[derive(Serialize)]
struct Output<'a> {
    from: Timestamp,
    until: Timestamp,
    journal_from: Option<Timestamp>,
    journal_until: Option<Timestamp>,
    checks: u64,
    supposed_checks: u64,
    partial_checks: u64,
    unobserved_seconds: u64,
    policies: Vec<PolicyOut<'a>>,
    really: ReallyOut<'a>,
    differences: Option<Vec<DifferenceOut<'a>>>,
    unlike_really: Option<Vec<UnlikeOut<'a>>>,
    unknown: Vec<String>,
}

#[derive(Serialize)]
struct PolicyOut<'a> {
    name: String,
    file: String,
    #[serde(flatten)]
    sums: SumsOut,
    stops: Vec<StopOut<'a>>,
}

#[derive(Serialize)]
struct ReallyOut<'a> {
    #[serde(flatten)]
    sums: SumsOut,
    stops: Vec<RealOut<'a>>,
}

#[derive(Serialize)]
struct SumsOut {
    warnings: usize,
    idle_stops: usize,
    runtime_stops: usize,
    regretted: usize,
    gpu_seconds_given_back: Option<u64>,
    stops_of_unknown_gain: usize,
    stopped_before: usize,
}

#[derive(Serialize)]
struct ContainerOut<'a> {
    id: &'a str,
    name: &'a str,
    user: Option<&'a str>,
    r#type: Option<&'static str>,
    gpus: &'a [String],
}

#[derive(Serialize)]
struct StopOut<'a> {
    at: Timestamp,
    check: Option<u64>,
    #[serde(flatten)]
    container: ContainerOut<'a>,
    cause: Cause,
    idle_seconds: u64,
    limit_seconds: Option<u64>,
    real: bool,
    again: Option<AgainOut>,
    regretted: bool,
    ran_on_seconds: Option<u64>,
    ended_by: Option<&'static str>,
    gpu_seconds_given_back: Option<u64>,
    keep_alive_known: bool,
    kept_since: Option<Timestamp>,
}

#[derive(Serialize)]
struct RealOut<'a> {
    at: Timestamp,
    check: u64,
    #[serde(flatten)]
    container: ContainerOut<'a>,
    cause: Cause,
    again: Option<AgainOut>,
    regretted: bool,
}

#[derive(Serialize)]
struct AgainOut {
    at: Timestamp,
    after_seconds: u64,
}

#[derive(Serialize)]
struct DifferenceOut<'a> {
    change: &'static str,
    #[serde(flatten)]
    container: ContainerOut<'a>,
    old_at: Option<Timestamp>,
    new_at: Option<Timestamp>,
    gpu_seconds_more: u64,
    gpu_seconds_less: u64,
    settings: Vec<SettingOut>,
}

#[derive(Serialize)]
struct SettingOut {
    name: Option<&'static str>,
    old: Option<String>,
    new: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct UnlikeOut<'a> {
    stopped_by: &'static str,
    at: Timestamp,
    check: Option<u64>,
    #[serde(flatten)]
    container: ContainerOut<'a>,
    why: &'static str,
    text: String,
}

pub(super) fn document(shown: &Shown<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let really = &shown.past.really;
    let others: Vec<(&Named, &Replayed)> = shown.each().skip(1).collect();
    let compared = match (shown.main(), &others[..]) {
        (Some((main, new)), [(other, old)]) => Some((compare(old, new), [&other.policy, &main.policy])),
        _ => None,
    };
    let differences = compared.as_ref().map(|(compared, [old, new])| {
        let one = |one| difference(one, settings(shown, old, new, one).iter().map(setting).collect());
        compared.differences.iter().map(one).collect()
    });
    json::pretty(&Output {
        from: shown.window.from,
        until: shown.window.until,
        journal_from: really.span.map(|(first, _)| first),
        journal_until: really.span.map(|(_, last)| last),
        checks: really.checks,
        supposed_checks: really.supposed_checks,
        partial_checks: really.partial_checks,
        unobserved_seconds: really.unobserved.as_secs(),
        policies: shown.each().map(|(named, replayed)| policy(named, replayed)).collect(),
        really: ReallyOut { sums: sums(Sums::really(shown)), stops: really.stops.iter().map(real).collect() },
        differences,
        unlike_really: shown.in_force().map(|(_, replayed)| unlike(shown, replayed).iter().map(unlike_out).collect()),
        unknown: unknown::sentences(shown),
    })
}

fn policy<'a>(named: &Named, replayed: &'a Replayed) -> PolicyOut<'a> {
    PolicyOut {
        name: named.name.to_lowercase().replace(' ', "_"),
        file: named.path.display().to_string(),
        sums: sums(Sums::of(replayed)),
        stops: replayed.stops.iter().map(stop).collect(),
    }
}

fn sums(sums: Sums) -> SumsOut {
    SumsOut {
        warnings: sums.warnings,
        idle_stops: sums.idle,
        runtime_stops: sums.runtime,
        regretted: sums.regretted,
        gpu_seconds_given_back: sums.given_back.map(|time| time.as_secs()),
        stops_of_unknown_gain: sums.not_known_of,
        stopped_before: sums.before,
    }
}

fn container(whose: Whose<'_>) -> ContainerOut<'_> {
    ContainerOut {
        id: whose.id.as_str(),
        name: whose.name(),
        user: whose.user(),
        r#type: whose.kind().map(|kind| kind.as_str()),
        gpus: whose.gpus(),
    }
}

fn stop(stop: &Stop) -> StopOut<'_> {
    StopOut {
        at: stop.at,
        check: stop.check,
        container: container(Whose::of(stop)),
        cause: stop.cause,
        idle_seconds: stop.idle.as_secs(),
        limit_seconds: stop.limit.map(|limit| limit.as_secs()),
        real: stop.real,
        again: stop.again.map(again),
        regretted: stop.is_regretted(),
        ran_on_seconds: stop.end.map(|end| end.after.as_secs()),
        ended_by: stop.end.map(|end| match end.by {
            EndedBy::Reaper(_) => "reaper",
            EndedBy::Itself => "itself",
            EndedBy::Nothing => "nothing",
        }),
        gpu_seconds_given_back: stop.given_back.map(|time| time.as_secs()),
        keep_alive_known: stop.keep_alive_known,
        kept_since: stop.kept,
    }
}

fn real(stop: &RealStop) -> RealOut<'_> {
    RealOut {
        at: stop.at,
        check: stop.check,
        container: container(Whose::of_real(stop)),
        cause: stop.cause,
        again: stop.again.map(again),
        regretted: stop.again.is_some_and(Again::is_regretted),
    }
}

fn again(again: Again) -> AgainOut {
    AgainOut { at: again.at, after_seconds: again.after.as_secs() }
}

fn difference<'a>(difference: &Difference<'a>, settings: Vec<SettingOut>) -> DifferenceOut<'a> {
    let (change, old, new) = match difference {
        Difference::Added(new) => ("added", None, Some(new)),
        Difference::Dropped(old) => ("dropped", Some(old), None),
        Difference::Moved { old, new } => ("moved", Some(old), Some(new)),
    };
    let seconds = |time: Duration| time.as_secs();
    let (more, less) = difference.given_back();
    DifferenceOut {
        change,
        container: container(Whose::of(about(difference))),
        old_at: old.map(|stop| stop.at),
        new_at: new.map(|stop| stop.at),
        gpu_seconds_more: seconds(more),
        gpu_seconds_less: seconds(less),
        settings,
    }
}

fn setting(differs: &Differs) -> SettingOut {
    let (name, old, new) = match differs {
        Differs::Setting { old, new } => (Some(new.name), Some(old.value.to_string()), Some(new.value.to_string())),
        _ => (None, None, None),
    };
    SettingOut { name, old, new, text: said(differs) }
}

fn unlike_out<'a>(unlike: &Unlike<'a>) -> UnlikeOut<'a> {
    match unlike {
        Unlike::OnlyPolicy(stop, why) => UnlikeOut {
            stopped_by: "policy",
            at: stop.at,
            check: stop.check,
            container: container(Whose::of(stop)),
            why: why_word(why),
            text: why_said(why).to_owned(),
        },
        Unlike::OnlyReaper(stop, missed) => {
            let why = missed.why();
            let decides = missed.decision.as_ref().map(|decision| format!(" {}", otherwise(decision)));
            UnlikeOut {
                stopped_by: "reaper",
                at: stop.at,
                check: Some(stop.check),
                container: container(Whose::of_real(stop)),
                why: why_word(&why),
                text: format!("{}{}", why_said(&why), decides.unwrap_or_default()),
            }
        }
    }
}

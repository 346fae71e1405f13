//! `ds01-idle explain NAME`: first the answer, then what was seen, then the rules.

mod answer;
mod gpus;
mod not_found;
mod page;
mod past;
mod rules;
mod seen;

use std::{process::ExitCode, time::Duration};

use ds01_core::{
    cli::console,
    idle::{
        CheckError, Checked, KeepAlive,
        rules::{dev_container_by, type_that_counts},
    },
    model::ContainerId,
    policy::{Level, Row},
    table::Medium,
    text::sanitize,
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    CONSOLE,
    check::{self, Host},
    cli::ExplainRequest,
    demo,
    failure::{Failure, exit},
};

use answer::Answer;
use page::Page;
use past::Past;

pub(crate) fn run(request: &ExplainRequest) -> Result<ExitCode, Failure> {
    let (checked, host) = match &request.host {
        Some(host) => {
            let host = Host::new(host, None, Vec::new())?;
            (host.preview()?, Some(host))
        }
        None => (demo::checked()?, None),
    };
    let failed = check::say_problems(&checked);
    if checked.blind().is_some() {
        return Ok(ExitCode::from(exit::FAILED));
    }
    let medium = console::medium(request.color);
    let text = match checked.find(&request.name) {
        Ok(id) => {
            say_what_was_meant(&checked, &id, &request.name);
            explained(&checked, &id, host.as_ref(), medium, &TimeZone::system())?
        }
        Err(CheckError::NoSuchContainer(_)) if !request.name.is_empty() => {
            // It may have been there once.
            let gone = host.as_ref().map(|host| Past::of_gone(&host.options, &request.name)).transpose()?.flatten();
            gone.ok_or_else(|| Failure::NotFound(not_found::say(&checked.look.inventory, &request.name)))?.page(medium)
        }
        Err(error) => return Err(error.into()),
    };
    console::print(text.as_bytes())?;
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// Who gave the beginning of a name is told which container it was.
fn say_what_was_meant(checked: &Checked, id: &ContainerId, given: &str) {
    let name = checked.look.containers.iter().find(|facts| facts.id == *id).map(|facts| facts.name.as_str());
    if let Some(name) = name.filter(|name| *name != given && !id.as_str().starts_with(given)) {
        CONSOLE.say(format_args!("{given} is the beginning of one name only: {name}"));
    }
}

fn explained(
    checked: &Checked,
    id: &ContainerId,
    host: Option<&Host>,
    medium: Medium,
    zone: &TimeZone,
) -> Result<String, Failure> {
    let mut page = Page::new(medium);
    let Some(facts) = checked.look.containers.iter().find(|facts| facts.id == *id) else { return Ok(String::new()) };
    let owner = facts.user.as_deref().map_or_else(|| "an unknown owner".to_owned(), |user| sanitize(user).into_owned());
    let kind = facts.container_type();
    let case = checked.cases().remove(id);
    let ran = case.map(|case| format!(" for {}", units::duration(case.ran_for()))).unwrap_or_default();
    let engine = if facts.engine.is_docker() { String::new() } else { format!(", {}", facts.engine) };
    let about = format!(
        "{} ({}{engine}), {kind} container of {owner}, {}{ran}",
        sanitize(&facts.name),
        facts.id.short(),
        facts.status
    );
    page.head(&about);
    if let Some(remembered) = checked.look.inventory.container(id).and_then(|entry| entry.user_remembered.as_ref()) {
        let age = Duration::try_from(checked.look.now.at.duration_since(remembered.as_of)).unwrap_or_default();
        let said =
            format!("the name service last said so {} ago, {}", units::duration(age), time(remembered.as_of, zone));
        page.line(&format!("That it is {owner}'s is remembered: {said}. Since then: {}.", sanitize(&remembered.why)));
    }
    if facts.auto_remove {
        page.line("It was started with --rm: when it stops, Docker removes it, with its unnamed volumes.");
    }
    if let Some(policy) = checked.plan.policies.get(id) {
        let counts = type_that_counts(facts, &policy.monitoring);
        if let Some(by) = dev_container_by(facts).filter(|_| counts != kind) {
            let what = format!("It is a dev container by {by}, which the policy does not trust (trust_labels)");
            page.line(&format!("{what}: what holds for {counts} containers holds for it."));
        }
    }
    page.gap();
    let timer_off = host.is_some() && check::is_overdue(checked);
    let decision = checked.plan.decisions.get(id);
    let (Some(case), Some(decision)) = (case, decision) else {
        let past = host.map(|host| Past::of(&host.options, facts)).transpose()?.unwrap_or_default();
        past.ended(&mut page, facts, checked.plan.policies.get(id), zone);
        match decision {
            Some(decision) => Answer::of_standing(checked, facts, decision, timer_off, zone).write(&mut page),
            None => page.head("Nothing happens to it while it is in this state."),
        }
        return Ok(page.into_text());
    };
    Answer::of(checked, &case, decision, timer_off, zone).write(&mut page);
    page.gap();
    seen::write(&mut page, checked, &case, zone);
    // A check looks it up only when it could make a difference; whoever asks wants to know in any case.
    let acts_on_it = case.policy.engines.reap.contains(&facts.engine);
    if let Some(host) = host.filter(|_| acts_on_it)
        && let Some(control) = host.hands.controls.of(&facts.engine)
    {
        let path = &case.policy.resolved.rules.keepalive_path.value;
        let binds = checked.look.bind_sources(id);
        let file = KeepAlive::look_up(&host.sources.processes, control, id, path, binds);
        seen::write_keep_alive(&mut page, &case, &file, zone);
    }
    page.gap();
    rules::write(&mut page, checked, &case, decision, zone);
    Ok(page.into_text())
}

/// A time of day with its weekday.
fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %H:%M:%S").to_string()
}

/// A setting with its value and its place.
fn setting(row: &Row) -> String {
    let value = row.in_its_unit();
    let value = sanitize(&value);
    let place = match (&row.level, &row.place) {
        (Level::BuiltIn, _) | (_, None) => "built in".to_owned(),
        (level, Some(place)) => format!("{level}, {place}"),
    };
    format!("{} = {value} ({place})", row.name)
}

#[cfg(test)]
mod tests {
    use ds01_core::model::Remembered;

    use super::*;
    use crate::demo::{at_noon, everywhere};

    fn page(name: &str, medium: Medium) -> String {
        let checked = at_noon();
        let id = checked.find(name).unwrap();
        explained(&checked, &id, None, medium, &TimeZone::UTC).unwrap()
    }

    #[test]
    fn a_page_at_every_width() {
        for (width, medium) in everywhere() {
            let text = page("jupyter-204817", medium);
            if let Some(width) = medium.width {
                let too_wide = text.lines().find(|line| line.chars().count() > width);
                assert_eq!(too_wide, None);
            }
            insta::assert_snapshot!(format!("explain_{width}"), text);
        }
    }

    /// The answer of each kind of container: what happens next, why, and what would change it.
    #[test]
    fn every_page_begins_with_the_answer() {
        let medium = Medium { width: None, color: false };
        let answers = ["busy_", "dcgm", "dmitri", "vsc-gan", "alice", "ben._", "llm-chat-api", "sweet", "ds01-graf"]
            .map(|name| {
                let text = page(name, medium);
                text.split("\n\n").take(2).collect::<Vec<_>>().join("\n\n")
            });
        insta::assert_snapshot!("answers", answers.join("\n\n----\n"));
    }

    /// What a signal is whose GPU tells nothing: said once, with its index, and with the setting that lets others decide.
    #[test]
    fn a_page_about_an_unknown_gpu_and_a_keep_alive_file() {
        insta::assert_snapshot!("unknown_gpu", page("dmitri", Medium { width: Some(120), color: false }));
    }

    #[test]
    fn who_is_stopped_for_its_run_time_was_warned_at_the_check_before() {
        let text = page("llm-chat-api", Medium { width: None, color: false });
        assert!(text.contains("It will be stopped at the next check, for its run time."), "{text}");
        assert!(text.contains("Its user was warned of its run time at Mon 11:55:00, in check 4."), "{text}");
    }

    #[test]
    fn a_stop_that_is_withheld_says_so_and_what_helps() {
        let mut checked = at_noon();
        let id = checked.find("jupyter-204817").unwrap();
        let decision = checked.plan.decisions.get_mut(&id).unwrap();
        decision.action = ds01_core::idle::Action::Nothing;
        decision.waits = Some(ds01_core::idle::rules::Waits::Untold);
        let next = crate::words::next(None, decision, checked.look.now.at, &TimeZone::UTC);
        assert_eq!(next, "stop withheld: nobody could be told");
        let medium = Medium { width: None, color: false };
        let text = explained(&checked, &id, None, medium, &TimeZone::UTC).unwrap();
        for words in ["Its stop is withheld: nobody could be told.", "`require_delivery` in the policy", "notifying.md"]
        {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn cpu_that_may_be_its_health_checks_is_said_to_be_so() {
        let medium = Medium { width: None, color: false };
        let said = |name: &str| {
            let mut checked = at_noon();
            let id = checked.find(name).unwrap();
            let plain = explained(&checked, &id, None, medium, &TimeZone::UTC).unwrap();
            let entry = checked.look.inventory.containers.values_mut().find(|entry| entry.full_id == id).unwrap();
            entry.config.get_or_insert_default().health_check = ["CMD", "curl"].map(str::to_owned).into();
            let with_check = explained(&checked, &id, None, medium, &TimeZone::UTC).unwrap();
            [plain, with_check].map(|text| text.contains("It has a health check"))
        };
        assert_eq!(said("alice"), [false, true]);
        assert_eq!(said("dmitri"), [false, false], "its CPU is idle");
    }

    #[test]
    fn an_owner_who_is_remembered_has_an_age_and_a_reason() {
        let mut checked = at_noon();
        let id = checked.find("dmitri").unwrap();
        let now = checked.look.now.at;
        let entry = checked.look.inventory.containers.values_mut().find(|entry| entry.full_id == id).unwrap();
        let why = "the name service calls user id 1001 mal\u{1b}ory now".to_owned();
        entry.user_remembered = Some(Remembered { as_of: now - Duration::from_secs(7200), why });
        let medium = Medium { width: None, color: false };
        let text = explained(&checked, &id, None, medium, &TimeZone::UTC).unwrap();
        let said = "'s is remembered: the name service last said so 2h ago, Mon 10:00:00. Since then: the name service calls \
                    user id 1001 mal\\x1bory now.";
        assert!(text.contains(said), "{text}");
    }

    #[test]
    fn a_narrow_terminal_breaks_what_can_be_broken() {
        let medium = |width| Medium { width: Some(width), color: false };
        for name in ["busy_", "dmitri", "alice", "vsc-gan"] {
            for width in [40, 50] {
                let text = page(name, medium(width));
                let too_wide = text.lines().find(|line| line.chars().count() > width && line.trim().contains(' '));
                assert_eq!(too_wide, None, "{text}");
            }
        }
    }

    #[test]
    fn the_beginning_of_several_names_is_none() {
        let checked = at_noon();
        let error = |name: &str| checked.find(name).unwrap_err().to_string();
        assert_eq!(
            error("llm-chat"),
            "llm-chat can mean several containers; give more of it, or the engine with it, as in podman/llm-chat"
        );
        assert_eq!(error("nobody"), "there is no container nobody");
        assert_eq!(error(""), "there is no container ");
    }
}

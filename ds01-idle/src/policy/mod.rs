//! `ds01-idle policy`: which limits apply to whom, and which line sets them.

mod json;
mod table;

use std::{io::Write, process::ExitCode};

use clap::ColorChoice;
use ds01_core::{
    cli::console,
    policy::{self, ContainerType, Exemption, Policy, Resolved},
    source::{Clock, SystemClock},
};
use jiff::tz::TimeZone;

use crate::{
    CONSOLE,
    cli::PolicyRequest,
    failure::{Failure, count_findings},
};

/// What holds for one kind of container of one user or group.
struct Answer<'a> {
    user: Option<&'a str>,
    container_type: ContainerType,
    resolved: Resolved,
}

/// All that one request is answered with.
struct Answers<'a> {
    policy: &'a Policy,
    answers: Vec<Answer<'a>>,
    /// The user's exemptions, or everybody's, each with whether it holds now.
    exemptions: Vec<(&'a Exemption, bool)>,
}

pub(crate) fn run(request: &PolicyRequest, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let loaded = policy::load(&request.config)?;
    if !loaded.warnings.is_empty() {
        let warnings = count_findings(&loaded.warnings);
        CONSOLE.say(format_args!("{warnings} about this policy: see ds01-idle check-config"));
    }
    let answers = answers(&loaded.policy, request);
    if request.json {
        json::write(&answers, out)?;
    } else {
        let medium = console::medium(ColorChoice::Never);
        out.write_all(table::text(&answers, &request.config, medium).as_bytes())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn answers<'a>(policy: &'a Policy, request: &'a PolicyRequest) -> Answers<'a> {
    let (now, zone) = (SystemClock.now(), TimeZone::system());
    let types = request.container_type.map_or(ContainerType::ALL.to_vec(), |kind| vec![kind]);
    let mut answers = Vec::new();
    for container_type in types {
        if let Some(user) = request.user.as_deref() {
            let resolved = policy.resolve(Some(user), container_type);
            answers.push(Answer { user: Some(user), container_type, resolved });
            continue;
        }
        // Groups differ in the limits of managed containers. Of the others, whoever asks for everything sees one each.
        let every_group = container_type == ContainerType::Managed || request.container_type.is_some();
        let groups = policy.groups();
        let shown = if every_group { groups.len() } else { 1 };
        answers.extend(groups.into_iter().take(shown).map(|group| {
            let resolved = policy.resolve_for_group(group, container_type);
            Answer { user: None, container_type, resolved }
        }));
    }
    let exemptions = match request.user.as_deref() {
        Some(user) => policy.exemptions_of(user, now, &zone),
        None => policy.exemptions().iter().map(|one| (one, one.expires.holds(now, &zone))).collect(),
    };
    Answers { policy, answers, exemptions }
}

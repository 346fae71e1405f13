//! The notices about what happens to a container.

use std::time::Duration;

use super::frame::{LONGEST_TEXT, ascii, framed, user_text};

use crate::{
    duration::whole_seconds,
    idle::{
        evidence::ContainerFacts,
        rules::{Action, Removal},
        state::StopCause,
    },
    model::Enforcement,
};

/// Why something is left can name several figures.
const LONGEST_WHY: usize = 300;

/// What a notice is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The container.
    pub facts: &'a ContainerFacts,
    /// Whether nothing is known of what its GPU did.
    pub gpu_unknown: bool,
    /// How long after a stop it is removed. `None` is never.
    pub removed_after: Option<Duration>,
    /// How long it was observed to be idle.
    pub idle: Duration,
    /// How long it may be idle.
    pub idle_limit: Option<Duration>,
    /// How long it has run.
    pub ran_for: Duration,
    /// The path of the keep-alive file in the container.
    pub keepalive_path: &'a str,
    /// How long its owner can keep it by asking. `None` is as long as is asked, and zero not at all.
    pub keep_most: Option<Duration>,
    /// How long a keep-alive file holds. `None` is as long as it lies there.
    pub keepalive_longest: Option<Duration>,
}

/// The notice of `action`; `None` for [`Action::Nothing`].
pub fn notice(about: &About<'_>, action: &Action) -> Option<String> {
    let idle = whole_seconds(about.idle);
    let limit = about.idle_limit.map(|limit| format!(" (the limit is {})", whole_seconds(limit))).unwrap_or_default();
    let ran = whole_seconds(about.ran_for);
    let files = if about.facts.auto_remove {
        "It was started with --rm: when it stops, Docker removes it, with its unnamed volumes and everything that is \
         stored only inside it. Named volumes and mounted directories are safe."
    } else {
        "Safe: volumes and mounted directories. What is stored only inside the container stays until it is removed."
    };
    Some(match action {
        Action::Nothing => return None,
        Action::Warn { left, keep_alive_refused } => {
            let seen = if about.gpu_unknown {
                "Its GPU could not be read; nothing else in it was at work."
            } else {
                "Neither its GPU nor anything else in it was at work."
            };
            let mut lines = vec![
                format!("Why: it was idle for {idle}{limit}. {seen}"),
                format!("What happens: it is stopped if it stays idle for another {}.", whole_seconds(*left)),
                files.to_owned(),
                format!("To keep it: {}", keep(about)),
            ];
            if let Some(why) = keep_alive_refused {
                lines.push(format!("Its keep-alive file does not count: {why}."));
            }
            render("IDLE GPU CONTAINER: WILL BE STOPPED", about.facts, &lines)
        }
        Action::WarnOfRuntime { left } => render(
            "GPU CONTAINER NEARS ITS MAXIMUM RUN TIME",
            about.facts,
            &[
                format!("Why: it has run for {ran}."),
                format!("What happens: it is stopped in {}, whether it works or not.", whole_seconds(*left)),
                files.to_owned(),
                "To keep your work: save it now. For more time, ask an administrator.".to_owned(),
            ],
        ),
        Action::Stop { cause, grace } => {
            let why = match cause {
                StopCause::Idle => format!("Why: it was idle for {idle}."),
                StopCause::Runtime => format!("Why: it has run for {ran}, and this is its limit."),
            };
            let next = match cause {
                StopCause::Idle => format!("Next time: {}", keep(about)),
                StopCause::Runtime => "For longer runs, ask an administrator.".to_owned(),
            };
            let grace = format!("What happens: it is stopped now. It has {} to end by itself.", whole_seconds(*grace));
            let mut lines = vec![why, grace, files.to_owned()];
            if let Some(hold) = about.removed_after {
                lines.push(format!(
                    "What follows: it is removed after {}. Before then, {}",
                    whole_seconds(hold),
                    rescue(about)
                ));
            }
            lines.push(next);
            render("GPU CONTAINER IS BEING STOPPED", about.facts, &lines)
        }
        Action::TellExempt(from) => {
            let why = match from {
                Enforcement::IdleTimeout => format!("Why: it was idle for {idle}."),
                Enforcement::MaxRuntime => format!("Why: it has run for {ran}."),
            };
            let lines = [
                why,
                "What happens: nothing, because its owner is exempt. You are told this once.".to_owned(),
                "If you no longer need the GPU, please stop the container.".to_owned(),
            ];
            render("GPU CONTAINER OVER ITS LIMIT: EXEMPT", about.facts, &lines)
        }
        Action::WarnOfRemoval { left, removal } => {
            let why = match removal {
                Removal::NeverStarted => "Why: it was created, never started, and keeps its GPU.",
                Removal::Held => "Why: it ended, and still keeps its GPU.",
            };
            let when =
                if left.is_zero() { "at the next check".to_owned() } else { format!("in {}", whole_seconds(*left)) };
            let lines = [
                why.to_owned(),
                format!("What happens: it is removed {when}, and its GPU is free for others."),
                "What is lost: what is stored only inside the container. Volumes and mounted directories are safe."
                    .to_owned(),
                format!("To keep it: before then, {}", rescue(about)),
            ];
            render("GPU CONTAINER WILL BE REMOVED", about.facts, &lines)
        }
        Action::Remove(removal) => {
            let why = match removal {
                Removal::NeverStarted => "Why: it was created, and never started.",
                Removal::Held => "Why: it ended, and the time for which it keeps its GPU is over.",
            };
            let lines = [
                why.to_owned(),
                "What happens: it is removed now, and its GPU is free for others.".to_owned(),
                "Safe: volumes and mounted directories. What was stored only inside the container is gone.".to_owned(),
            ];
            render("GPU CONTAINER IS BEING REMOVED", about.facts, &lines)
        }
    })
}

/// Takes back the notice of a stop or removal that does not come, and says why.
pub fn not_done(facts: &ContainerFacts, why: &str) -> String {
    let lines = [
        "You were told that it is being stopped or removed. That was not done.".to_owned(),
        format!("Why: {}.", ascii(why, LONGEST_WHY)),
        "What happens: nothing now. The next check judges it anew.".to_owned(),
    ];
    render("GPU CONTAINER IS LEFT ALONE", facts, &lines)
}

fn keep(about: &About<'_>) -> String {
    let longest =
        about.keepalive_longest.map(|longest| format!(" for up to {}", whole_seconds(longest))).unwrap_or_default();
    let ask = if about.keep_most == Some(Duration::ZERO) {
        String::new()
    } else {
        let name = &about.facts.name;
        // What is to be typed has to be one plain word.
        let plain = !name.is_empty()
            && name.len() <= LONGEST_TEXT
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        let name = if plain { name } else { about.facts.id.short() };
        format!("run ds01-idle keep {name} 8h on the host, or ")
    };
    format!("{ask}use it, or run this in it: touch {}. That keeps it{longest}.", user_text(about.keepalive_path))
}

/// How what is stored only in a container that does not run is kept from its removal.
fn rescue(about: &About<'_>) -> String {
    let name = user_text(&about.facts.name);
    format!("docker start {name} keeps it, and docker cp {name}:/path . saves its files.")
}

/// A notice about a container, which its first line names.
fn render(title: &str, facts: &ContainerFacts, lines: &[String]) -> String {
    let owner = facts.user.as_deref().map(|user| format!(", of {}", user_text(user))).unwrap_or_default();
    let container = format!("Container: {} ({}){owner}", user_text(&facts.name), facts.id.short());
    framed(title, &[&[container], lines].concat())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;

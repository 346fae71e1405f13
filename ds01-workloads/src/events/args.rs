//! The flags of `ds01-workloads events`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ColorChoice};
use ds01_core::{
    cli::EVENTS_FILE,
    duration,
    event::{EVENT_TYPES, Logged},
};

const EXAMPLES: &str = "\
Examples:
  ds01-workloads events --since 1h            what happened in the last hour
  ds01-workloads events --type maintenance    who was warned and stopped today
  ds01-workloads events --container train --since 7d
  ds01-workloads events --follow              print each event as it comes";

/// The flags.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EventsArgs {
    /// How far back to look, such as 30m, 1h or 7d.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = span)]
    pub(crate) since: Duration,

    /// Only events that concern this user (can be repeated).
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,

    /// Only events about this container, given by name or the beginning of its id (can be repeated).
    #[arg(long, value_name = "NAME")]
    container: Vec<String>,

    /// Only this type, such as idle_kill, or this category, such as maintenance (can be repeated).
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    types: Vec<String>,

    /// Go on, and print each event as it comes.
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Print the lines of the log as they are.
    #[arg(long)]
    pub(crate) json: bool,

    /// When to use colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// The event log.
    #[arg(long, value_name = "FILE", default_value = EVENTS_FILE)]
    pub(crate) events_file: PathBuf,
}

impl EventsArgs {
    /// Whether an event was asked for.
    pub(crate) fn wants(&self, event: &Logged) -> bool {
        let any = |list: &[String], is: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|one| is(one));
        let is_container = |name: &str| {
            event.container() == Some(name)
                || event.container_id().is_some_and(|id| !name.is_empty() && id.starts_with(name))
        };
        any(&self.user, &|name| event.user.as_deref() == Some(name))
            && any(&self.container, &is_container)
            && any(&self.types, &|kind| matches(&event.event_type, kind))
    }
}

/// Whether an event type is `kind`: itself, its action, or its category.
fn matches(event_type: &str, kind: &str) -> bool {
    event_type == kind
        || event_type.split_once('.').is_some_and(|(category, action)| category == kind || action == kind)
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|wrong| wrong.to_string())
}

fn kind(text: &str) -> Result<String, String> {
    if EVENT_TYPES.iter().any(|known| matches(known.name, text)) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> =
        EVENT_TYPES.iter().filter_map(|known| known.name.split_once('.')).map(|(_, name)| name).collect();
    Err(format!("the types are {}; the categories are detection, maintenance and system", names.join(", ")))
}

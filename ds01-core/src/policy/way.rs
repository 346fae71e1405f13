//! The ways that a notice can take, as the policy names them.

use std::fmt;

use super::reader::{Entry, Reader};
use crate::outbox::is_hook_name;

/// A way to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The terminals of the container's owner.
    Terminals,
    /// The terminals of everybody else.
    Wall,
    /// Every program in `/etc/ds01/notify.d`.
    Hooks,
    /// One of them, by its name.
    Hook(String),
    /// A file that the owner is shown when he logs in.
    Login,
}

impl Way {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "terminals" => Self::Terminals,
            "wall" => Self::Wall,
            "hooks" => Self::Hooks,
            "login" => Self::Login,
            _ => Self::Hook(name.strip_prefix("hook:").filter(|hook| is_hook_name(hook))?.to_owned()),
        })
    }

    /// Whether something comes back on it that says that its owner was reached.
    pub fn confirms(&self) -> bool {
        matches!(self, Self::Terminals | Self::Hooks | Self::Hook(_))
    }

    /// Whether the hook of this name is run.
    pub fn takes_hook(&self, hook: &str) -> bool {
        match self {
            Self::Hooks => true,
            Self::Hook(name) => name == hook,
            Self::Terminals | Self::Wall | Self::Login => false,
        }
    }

    /// Whether the channel of this name in events is this way.
    pub fn is_channel(&self, channel: &str) -> bool {
        match self {
            Self::Terminals => channel == "terminals",
            Self::Wall => channel == "wall",
            Self::Login => channel == "login",
            Self::Hooks | Self::Hook(_) => channel.strip_prefix("hook:").is_some_and(|hook| self.takes_hook(hook)),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminals => f.write_str("terminals"),
            Self::Wall => f.write_str("wall"),
            Self::Hooks => f.write_str("hooks"),
            Self::Login => f.write_str("login"),
            Self::Hook(name) => write!(f, "hook:{name}"),
        }
    }
}

/// The ways in a list.
pub(crate) fn read(reader: &mut Reader<'_>, entry: Entry<'_>) -> Vec<Way> {
    let mut ways = Vec::new();
    for (name, at) in reader.names(entry) {
        match Way::from_name(name) {
            Some(way) => ways.push(way),
            None => {
                let help = "the channels are `terminals`, `wall`, `hooks`, `hook:NAME` and `login`";
                reader.error(at, format!("`{name}` is no channel"), help);
            }
        }
    }
    ways
}

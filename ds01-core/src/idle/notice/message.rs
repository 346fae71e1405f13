//! What is told to whom, and whether it arrived.

use std::fmt;

use crate::idle::{evidence::ContainerFacts, rules::Action};

/// A notice on its way.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The text, plain and in lines.
    pub text: &'a str,
    /// What it is about.
    pub severity: Severity,
    /// The container, and with it the owner who is told.
    pub facts: &'a ContainerFacts,
    /// A process of the container, as the host numbers it: the way to its terminals.
    pub pid: Option<u32>,
}

/// How grave a notice is, from the one that must arrive on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something will be done, unless its user does something.
    Warning,
    /// A container is being stopped.
    Stop,
    /// A container will be, or is being, removed.
    Removal,
    /// Nothing happens.
    Information,
}

impl Severity {
    /// That of the notice of `action`; `None` where there is none.
    pub fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Nothing => return None,
            Action::Warn { .. } | Action::WarnOfRuntime { .. } => Self::Warning,
            Action::Stop { .. } => Self::Stop,
            Action::WarnOfRemoval { .. } | Action::Remove(_) => Self::Removal,
            Action::TellExempt(_) => Self::Information,
        })
    }

    /// Its name in the policy and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Stop => "stop",
            Self::Removal => "removal",
            Self::Information => "information",
        }
    }
}

/// A way to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The terminals of the container's owner, on the host and in the container.
    Terminals,
    /// The terminals of everybody else.
    Wall,
}

impl Channel {
    /// Its name in the policy and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminals => "terminals",
            Self::Wall => "wall",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of a notice on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The channel.
    pub channel: Channel,
    /// For whom: a user's name, or everybody. Users' text.
    pub recipient: String,
    /// Whether it arrived.
    pub reached: Reached,
}

/// Whether a notice arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// It did, at these places: terminals, or addresses.
    Delivered(Vec<String>),
    /// There is nobody to tell.
    Nobody,
    /// It did not arrive anywhere, and this is why.
    Failed(String),
}

impl Delivery {
    /// Whether it arrived.
    pub fn is_delivered(&self) -> bool {
        matches!(self.reached, Reached::Delivered(_))
    }
}

/// As the journal of the system has it.
impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipient = crate::text::sanitize(&self.recipient);
        match &self.reached {
            Reached::Delivered(places) => write!(f, "{}: told {recipient} at {}", self.channel, places.join(", ")),
            Reached::Nobody => write!(f, "{}: {recipient} is at no terminal", self.channel),
            Reached::Failed(why) => write!(f, "{}: {recipient} could not be told: {why}", self.channel),
        }
    }
}

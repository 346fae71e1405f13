//! What is told to whom, and whether it arrived.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::idle::{evidence::ContainerFacts, rules::Action};

/// A notice on its way.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The text, plain and in lines.
    pub text: &'a str,
    /// What it is about.
    pub severity: Severity,
    /// Who is told, by name; `None` where nobody knows. Users' text.
    pub user: Option<&'a str>,
    /// The container whose end, or whose going on, it announces. What announces neither is about none.
    pub container: Option<&'a ContainerFacts>,
    /// A process of the container, as the host numbers it: the way to its terminals.
    pub pid: Option<u32>,
    /// When it is told.
    pub at: Timestamp,
    /// The number of the check that tells it.
    pub check: u64,
    /// After how long what it announces comes.
    pub ahead: Option<Duration>,
}

impl<'a> Message<'a> {
    /// One to a user that announces nothing of a container of his.
    pub fn to(user: &'a str, text: &'a str, at: Timestamp) -> Self {
        let severity = Severity::Information;
        Self { text, severity, user: Some(user), container: None, pid: None, at, check: 0, ahead: None }
    }

    /// The user id of whom it is for, where the picture of the host has it: a name service need not be asked again, and may by now
    /// say nothing or another number.
    pub(super) fn user_id(&self) -> Option<u32> {
        self.container.filter(|facts| facts.user.as_deref() == self.user)?.user_uid
    }

    /// Whom it is for, in words. Users' text.
    pub(super) fn recipient(&self) -> String {
        recipient_of(self.user)
    }
}

/// Whom a notice is for, in words. Users' text.
pub fn recipient_of(user: Option<&str>) -> String {
    user.unwrap_or("its owner, who is unknown,").to_owned()
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
    /// That of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Warning, Self::Stop, Self::Removal, Self::Information].into_iter().find(|one| one.as_str() == name)
    }

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

    /// After how long comes what the notice of `action` announces.
    pub fn ahead(action: &Action) -> Option<Duration> {
        match action {
            Action::Warn { left, .. } | Action::WarnOfRuntime { left } | Action::WarnOfRemoval { left, .. } => {
                Some(*left)
            }
            _ => None,
        }
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
    /// Programs of the admin's, which get it from the outbox.
    Hooks,
    /// A file that its owner is shown when he logs in.
    Login,
}

impl Channel {
    /// Its name in the policy and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminals => "terminals",
            Self::Wall => "wall",
            Self::Hooks => "hooks",
            Self::Login => "login",
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
    /// Where it did not arrive, and why, although it did elsewhere.
    pub missed: Vec<String>,
}

/// Whether a notice arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// It did, at these places: terminals, or addresses.
    Delivered(Vec<String>),
    /// It lies there, where it can reach people, and nobody knows yet whether it has.
    Written(Vec<String>),
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

    /// Whether it is known to have reached the container's owner.
    pub fn confirms(&self) -> bool {
        self.is_delivered() && self.channel == Channel::Terminals
    }

    /// Whether it arrived, or lies where it can.
    pub fn is_on_its_way(&self) -> bool {
        matches!(self.reached, Reached::Delivered(_) | Reached::Written(_))
    }
}

/// As the journal of the system has it.
impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipient = crate::text::sanitize(&self.recipient);
        match &self.reached {
            Reached::Delivered(places) => write!(f, "{}: told {recipient} at {}", self.channel, places.join(", ")),
            Reached::Written(places) => write!(f, "{}: put up for {recipient}: {}", self.channel, places.join(", ")),
            Reached::Nobody => write!(f, "{}: {recipient} is at no terminal", self.channel),
            Reached::Failed(why) => write!(f, "{}: {recipient} could not be told: {why}", self.channel),
        }?;
        if self.missed.is_empty() { Ok(()) } else { write!(f, "; not at {}", self.missed.join("; ")) }
    }
}

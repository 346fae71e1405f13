//! All ways to people, each used as the policy says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tracing::warn;

use super::{
    broadcast::Broadcast,
    frame::user_text,
    host::People,
    login::Login,
    message::{Channel, Delivery, Message, Reached, Severity},
};
use crate::{
    idle::evidence::ContainerFacts,
    model::ContainerId,
    outbox::{About, Entry, News, Outbox, SCHEMA_VERSION},
    policy::{Notify, Recipient, Way},
    store::StoreError,
};

/// All ways to people, each used as the policy says.
pub struct Channels {
    /// The people on this host.
    pub people: People,
    /// What the policy says.
    pub notify: Notify,
    /// To programs of the admin's.
    pub outbox: Outbox,
    /// To whoever logs in.
    pub login: Login,
}

/// The longest owner's or container's name that is handed on.
const LONGEST_NAME: usize = 256;

impl Channels {
    fn ways(&self, severity: Severity) -> &[Way] {
        let channels = &self.notify.channels;
        match severity {
            Severity::Warning => &channels.warning,
            Severity::Stop => &channels.stop,
            Severity::Removal => &channels.removal,
            Severity::Information => &channels.information,
        }
    }

    fn recipient(&self, message: &Message<'_>) -> Recipient {
        message.user.map(|user| self.notify.recipient(user)).unwrap_or_default()
    }

    /// Puts it into the outbox. `None` where there is no hook.
    fn hand_to_hooks(&self, message: &Message<'_>, ways: &[Way], address: Option<String>) -> Option<Delivery> {
        let wanted = |hook: &String| ways.iter().any(|way| way.takes_hook(hook));
        if !ways.iter().any(|way| matches!(way, Way::Hooks | Way::Hook(_))) {
            return None;
        }
        let found = self.outbox.hooks();
        found.refused.iter().for_each(|why| warn!("not run: {why}"));
        let hooks: Vec<String> = found.names.into_iter().filter(wanted).collect();
        if hooks.is_empty() {
            return None;
        }
        let of_container = |text: fn(&ContainerFacts) -> String| message.container.map(text).unwrap_or_default();
        let entry = Entry {
            schema_version: SCHEMA_VERSION.to_owned(),
            id: entry_id(message),
            time: message.at,
            severity: message.severity.as_str().to_owned(),
            user: message.user.map(short),
            address,
            container: About {
                name: of_container(|facts| short(&facts.name)),
                id: of_container(|facts| facts.id.as_str().to_owned()),
                r#type: of_container(|facts| facts.container_type().as_str().to_owned()),
            },
            subject: format!(
                "[ds01] {}{}",
                title(message.text),
                of_container(|one| format!(": {}", user_text(&one.name)))
            ),
            text: message.text.to_owned(),
            stop_in_seconds: message.ahead.map(|ahead| ahead.as_secs()),
            check: message.check,
            hooks: hooks.clone(),
            reported: Vec::new(),
        };
        let reached = match self.outbox.put(&entry) {
            Ok(()) => Reached::Written(hooks),
            Err(why) => Reached::Failed(why),
        };
        Some(delivery(Channel::Hooks, message, reached))
    }

    /// Writes it where its owner sees it at his next login. `None` where nobody is known to be the owner, and where this
    /// is not installed.
    fn leave_for_login(&self, message: &Message<'_>) -> Option<Delivery> {
        let user = message.user.filter(|_| self.login.is_installed())?;
        let reached = match message.user_id().or_else(|| (self.people.user_id)(user)) {
            Some(uid) => match self.login.add(uid, message) {
                Ok(path) => Reached::Written(vec![path.display().to_string()]),
                Err(why) => Reached::Failed(why),
            },
            None => {
                Reached::Failed("this host knows no user of that name, or its name service does not answer".to_owned())
            }
        };
        Some(delivery(Channel::Login, message, reached))
    }
}

impl Channels {
    /// Tells a user on each way that any notice takes, and the others only if that is asked for: to try the ways.
    pub fn try_out(&self, message: &Message<'_>, others_too: bool) -> Vec<Delivery> {
        self.tell_on(&self.notify.channels.all(), message, others_too)
    }

    /// What of a message lies in the outbox.
    ///
    /// # Errors
    ///
    /// When the outbox could not be read.
    pub fn in_outbox(&self, message: &Message<'_>) -> Result<Option<Entry>, StoreError> {
        self.outbox.find(&entry_id(message))
    }

    fn tell_on(&self, ways: &[Way], message: &Message<'_>, others_too: bool) -> Vec<Delivery> {
        let recipient = self.recipient(message);
        let on_terminals = |way: Way| ways.contains(&way) && !recipient.quiet;
        // What is only written down comes first: it takes no time, and is not lost with a check that is killed.
        let login = if ways.contains(&Way::Login) { self.leave_for_login(message) } else { None };
        let hooks = self.hand_to_hooks(message, ways, recipient.address.clone());
        let (owner, others) = (on_terminals(Way::Terminals), others_too && on_terminals(Way::Wall));
        self.people.tell_some(message, owner, others).into_iter().chain(hooks).chain(login).collect()
    }
}

impl Broadcast for Channels {
    fn tell(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.tell_on(self.ways(message.severity), message, true)
    }

    fn tell_user(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.tell_on(self.ways(message.severity), message, false)
    }

    fn tell_owner(&self, message: &Message<'_>) -> Option<Delivery> {
        let wanted = self.ways(message.severity).contains(&Way::Terminals) && !self.recipient(message).quiet;
        if wanted { self.people.tell_owner(message) } else { None }
    }

    fn news(&self, now: Timestamp) -> (Vec<News>, Vec<String>) {
        self.outbox.news(now)
    }

    fn settle(&self, news: &[News], warned: &BTreeSet<ContainerId>, now: Timestamp) -> Vec<String> {
        let outbox = self.outbox.settle(news).map_err(|error| error.to_string());
        let login = self.login.settle(warned, now);
        [outbox, login].into_iter().filter_map(Result::err).collect()
    }
}

fn delivery(channel: Channel, message: &Message<'_>, reached: Reached) -> Delivery {
    Delivery { channel, recipient: message.recipient(), reached, missed: Vec::new() }
}

fn entry_id(message: &Message<'_>) -> String {
    Entry::id_of(message.at, &subject_of(message), message.severity.as_str())
}

/// What tells a notice from others of the same moment, in characters that can stand in the name of a file: its container, or
/// whom it is for.
fn subject_of(message: &Message<'_>) -> String {
    const LONGEST: usize = 32;
    let user = || message.user.unwrap_or_default().bytes().take(LONGEST).map(|byte| format!("{byte:02x}")).collect();
    message.container.map_or_else(user, |facts| facts.id.short().to_owned())
}

/// The line within the frame of a notice that says what it is about.
fn title(text: &str) -> &str {
    text.lines().nth(1).unwrap_or_default().trim_matches(['|', ' '])
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

//! `notify`: how people are told, and whether that has to have arrived.

use super::{
    diagnostic::Position,
    names::ByUser,
    reader::{Entry, Reader},
    schema, user_name,
    way::{self, Way},
    yaml::{Kind, Node},
};

/// How people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Whether everybody who is logged in is told, beside the owner.
    pub wall: bool,
    /// Whether those are written to who let nobody write to their terminals (`mesg n`).
    pub despite_mesg: bool,
    /// What has to have arrived before somebody is stopped for idleness.
    pub require_delivery: RequireDelivery,
    /// The ways of a notice, by what it says.
    pub channels: Channels,
    pub(super) users: ByUser<Recipient>,
}

/// The ways of a notice, by what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// Of warnings before a stop.
    pub warning: Vec<Way>,
    /// Of stops.
    pub stop: Vec<Way>,
    /// Of removals, and of warnings before them.
    pub removal: Vec<Way>,
    /// Of all others.
    pub information: Vec<Way>,
}

/// What is set for one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipient {
    /// His address, for hooks.
    pub address: Option<String>,
    /// Whether nothing about his containers is written to terminals, neither to his nor to those of others.
    pub quiet: bool,
}

/// What has to have arrived before somebody is stopped for idleness: his warning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RequireDelivery {
    /// Nothing: it was sent.
    #[default]
    None,
    /// On any channel that reaches its owner.
    Any,
    /// On one of these.
    One(Vec<Way>),
}

impl RequireDelivery {
    /// Whether a warning that arrived on these channels is enough.
    pub fn is_met(&self, confirmed: &[String]) -> bool {
        match self {
            Self::None => true,
            Self::Any => !confirmed.is_empty(),
            Self::One(ways) => confirmed.iter().any(|channel| ways.iter().any(|way| way.is_channel(channel))),
        }
    }
}

impl Channels {
    /// Each way that any notice takes.
    pub fn all(&self) -> Vec<Way> {
        let mut all: Vec<Way> = Vec::new();
        for way in [&self.warning, &self.stop, &self.removal, &self.information].into_iter().flatten() {
            if !all.contains(way) {
                all.push(way.clone());
            }
        }
        all
    }
}

impl Default for Channels {
    fn default() -> Self {
        let all = vec![Way::Terminals, Way::Wall, Way::Hooks, Way::Login];
        Self {
            warning: all.clone(),
            stop: all.clone(),
            removal: all,
            information: vec![Way::Terminals, Way::Wall, Way::Login],
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            wall: true,
            despite_mesg: false,
            require_delivery: RequireDelivery::None,
            channels: Channels::default(),
            users: ByUser::default(),
        }
    }
}

impl Notify {
    /// What is set for `user`. A name that can mean several of those listed means none.
    pub fn recipient(&self, user: &str) -> Recipient {
        match &self.users.of(user)[..] {
            [(_, recipient)] => (*recipient).clone(),
            _ => Recipient::default(),
        }
    }
}

const KEYS: [&str; 5] = ["wall", "despite_mesg", "require_delivery", "channels", "users"];
const SEVERITIES: [&str; 4] = ["warning", "stop", "removal", "information"];
const OF_USER: [&str; 2] = ["address", "quiet"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Notify {
    let mut notify = Notify::default();
    let mut required_at = None;
    let mut quiet = Vec::new();
    for entry in reader.entries(node, "`notify`") {
        match entry.key {
            "wall" => notify.wall = reader.flag(entry).unwrap_or(notify.wall),
            "despite_mesg" => notify.despite_mesg = reader.flag(entry).unwrap_or(notify.despite_mesg),
            "require_delivery" => {
                required_at = Some(entry.at);
                notify.require_delivery = required(reader, entry).unwrap_or_default();
            }
            "channels" => channels(reader, entry.value, &mut notify.channels),
            "users" => (notify.users, quiet) = users(reader, entry.value),
            _ => reader.unknown_key(entry, "`notify`", || schema::hint(entry.key, KEYS.into_iter())),
        }
    }
    if let (Some(at), false) = (required_at, can_be_met(&notify, false)) {
        let message = "no warning can arrive as `require_delivery` asks: nobody would be stopped for idleness";
        reader.warn(at, message, "name a channel that `channels.warning` has, too");
    } else if !can_be_met(&notify, true) {
        for (user, at) in quiet {
            let message = format!("`{user}` is quiet, so that no warning can arrive as `require_delivery` asks");
            let help = "nothing of theirs would be stopped for idleness; add `hooks` to `channels.warning` and to `require_delivery`";
            reader.warn(at, message, help);
        }
    }
    notify
}

/// Whether warnings take a way that `require_delivery` accepts; to a `quiet` user, none goes to a terminal.
fn can_be_met(notify: &Notify, quiet: bool) -> bool {
    let wanted = match &notify.require_delivery {
        RequireDelivery::None => return true,
        RequireDelivery::Any => &vec![Way::Terminals, Way::Hooks],
        RequireDelivery::One(ways) => ways,
    };
    let takes = |way: &Way| match way {
        Way::Hook(_) => notify.channels.warning.iter().any(|used| used == way || *used == Way::Hooks),
        Way::Hooks => notify.channels.warning.iter().any(|used| matches!(used, Way::Hooks | Way::Hook(_))),
        Way::Terminals if quiet => false,
        _ => notify.channels.warning.contains(way),
    };
    wanted.iter().any(takes)
}

fn required(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<RequireDelivery> {
    if !matches!(entry.value.kind, Kind::List(_)) {
        return match reader.scalar(entry)?.text.trim() {
            "none" => Some(RequireDelivery::None),
            "any" => Some(RequireDelivery::Any),
            _ => {
                let help = "write `none`, `any`, or a list such as `[terminals, hooks]`";
                reader.error(entry.at, "`require_delivery` is none of its values", help);
                None
            }
        };
    }
    let mut ways = Vec::new();
    for way in way::read(reader, entry) {
        if way.confirms() {
            ways.push(way);
        } else {
            let message = format!("`{way}` never tells whether a notice arrived at its owner");
            reader.error(entry.at, message, "write `terminals`, `hooks`, or `hook:` and the name of one");
        }
    }
    if ways.is_empty() {
        reader.error(entry.at, "`require_delivery` names no channel", "write `none` if nothing is required");
    }
    Some(RequireDelivery::One(ways))
}

fn channels(reader: &mut Reader<'_>, node: &Node, channels: &mut Channels) {
    for entry in reader.entries(node, "`channels`") {
        let ways = match entry.key {
            "warning" => &mut channels.warning,
            "stop" => &mut channels.stop,
            "removal" => &mut channels.removal,
            "information" => &mut channels.information,
            _ => {
                reader.unknown_key(entry, "`channels`", || schema::hint(entry.key, SEVERITIES.into_iter()));
                continue;
            }
        };
        *ways = way::read(reader, entry);
    }
}

/// What is set for each, and who is quiet, with the place that says so.
fn users(reader: &mut Reader<'_>, node: &Node) -> (ByUser<Recipient>, Vec<(String, Position)>) {
    let (mut users, mut quiet) = (ByUser::default(), Vec::new());
    for entry in reader.entries(node, "`users`") {
        if let Some(wrong) = user_name::fault(entry.key) {
            reader.error(entry.at, wrong.message, wrong.help);
            continue;
        }
        let mut recipient = Recipient::default();
        for entry in reader.entries(entry.value, &format!("`users.{}`", entry.key)) {
            match entry.key {
                "address" => recipient.address = address(reader, entry),
                "quiet" => recipient.quiet = reader.flag(entry).unwrap_or_default(),
                _ => reader.unknown_key(entry, "a user of `notify`", || schema::hint(entry.key, OF_USER.into_iter())),
            }
        }
        if recipient.quiet {
            quiet.push((entry.key.to_owned(), entry.at));
        }
        users.insert(entry.key.to_owned(), recipient);
    }
    (users, quiet)
}

/// An address reaches programs that are started for it: nothing in it may mean anything to them.
fn address(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<String> {
    let text = reader.scalar(entry)?.text.trim();
    if entry.value.is_null() {
        return None;
    }
    // The same as in `config/notify.d/mail`.
    let sound = |c: char| c.is_ascii_alphanumeric() || "._%+@=-".contains(c);
    if !text.is_empty() && text.len() <= 254 && !text.starts_with('-') && text.chars().all(sound) {
        return Some(text.to_owned());
    }
    reader.error(entry.at, "`address` is no single address", "write one such as `alice@uni.example`");
    None
}

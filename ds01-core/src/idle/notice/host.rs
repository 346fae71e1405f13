//! Telling the people on this host: a container's owner at his terminals, and everybody else.

use std::path::PathBuf;

use super::{
    broadcast::{Broadcast, Wall},
    message::{Channel, Delivery, Message, Reached},
};
use crate::source::terminals::{self, Terminal};

/// A user's id by his name.
pub type UserId = Box<dyn Fn(&str) -> Option<u32> + Send + Sync>;

/// The people on this host.
pub struct People {
    /// The directory of the host's devices.
    pub dev: PathBuf,
    /// The mount point of its procfs.
    pub proc: PathBuf,
    /// The ids of users.
    pub user_id: UserId,
    /// Whether those are written to who let nobody write to their terminals (`mesg n`).
    pub despite_mesg: bool,
    /// How everybody else is told.
    pub others: Others,
}

/// How those are told who are not the owner.
pub enum Others {
    /// Not at all.
    Silent,
    /// At each terminal of the host, as `wall` does. Unlike it, this needs no list of who is logged in: distributions have
    /// ceased to keep one.
    EachTerminal,
    /// By a program that is given the notice on its standard input. It tells the owner, too.
    Program(Wall),
}

/// A terminal that is told something.
struct Place {
    terminal: Terminal,
    /// Where it is, in words.
    name: String,
    to_owner: bool,
    /// Whether it is in the container.
    is_inside: bool,
}

/// Where a notice went, and why it did not go everywhere.
#[derive(Default)]
struct Told {
    at: Vec<String>,
    failed: Vec<String>,
}

impl Told {
    fn delivery(self, channel: Channel, recipient: String) -> Delivery {
        let (reached, missed) = if !self.at.is_empty() {
            (Reached::Delivered(self.at), self.failed)
        } else if self.failed.is_empty() {
            (Reached::Nobody, Vec::new())
        } else {
            (Reached::Failed(self.failed.join("; ")), Vec::new())
        };
        Delivery { channel, recipient, reached, missed }
    }
}

impl Broadcast for People {
    fn tell(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.tell_some(message, true, true)
    }

    fn tell_user(&self, message: &Message<'_>) -> Vec<Delivery> {
        self.tell_some(message, true, false)
    }

    fn tell_owner(&self, message: &Message<'_>) -> Option<Delivery> {
        self.tell_some(message, true, false).into_iter().next()
    }
}

impl People {
    /// Tells the owner, and whoever else is there, or one of them. Terminals of those who are not told are not opened.
    pub(super) fn tell_some(&self, message: &Message<'_>, to_owner: bool, to_others: bool) -> Vec<Delivery> {
        // A line of its own, whatever somebody is typing there.
        let text = format!("\n{}", message.text);
        let others = if to_others { &self.others } else { &Others::Silent };
        let owner = message.user.and_then(|name| (self.user_id)(name).or_else(|| name.parse().ok()));
        let is_owner = |uid: u32| Some(uid) == owner;
        let to_each = matches!(others, Others::EachTerminal);
        let wanted = |uid: u32| if is_owner(uid) { to_owner } else { to_each };
        let place = |terminal: Terminal| {
            let (name, to_owner) = (terminal.is.name.clone(), is_owner(terminal.is.owner));
            Place { name, to_owner, is_inside: false, terminal }
        };
        let mut places: Vec<Place> = terminals::of_host(&self.dev, wanted).into_iter().map(place).collect();
        if let Some(pid) = message.pid.filter(|_| to_owner) {
            let inside = terminals::of_container(&terminals::root_of(&self.proc, pid));
            places.extend(inside.into_iter().map(|terminal| Place {
                name: format!("in the container {}", terminal.is.name),
                to_owner: true,
                is_inside: true,
                terminal,
            }));
        }
        let [told_owner, told_others] = self.write(places, &text);
        let mut deliveries = Vec::new();
        if to_owner {
            deliveries.push(told_owner.delivery(Channel::Terminals, message.recipient()));
        }
        match others {
            Others::Silent => {}
            Others::EachTerminal => {
                deliveries.push(told_others.delivery(Channel::Wall, "everybody else".to_owned()));
            }
            Others::Program(wall) => {
                let reached = match wall.run(message.text) {
                    Ok(()) => Reached::Delivered(vec![wall.program().display().to_string()]),
                    Err(why) => Reached::Failed(why),
                };
                let recipient = "everybody".to_owned();
                deliveries.push(Delivery { channel: Channel::Wall, recipient, reached, missed: Vec::new() });
            }
        }
        deliveries
    }

    /// Writes `text` to all of them at once; what came of it, for the owner and for the others.
    fn write(&self, places: Vec<Place>, text: &str) -> [Told; 2] {
        let mut told = [Told::default(), Told::default()];
        let (writable, closed): (Vec<Place>, Vec<Place>) = places
            .into_iter()
            // Whoever is in the container works in it, whatever he set there.
            .partition(|place| place.is_inside || place.terminal.is.takes_messages || self.despite_mesg);
        for place in closed {
            let why = format!("{}: its user lets nobody write to it (mesg n)", place.name);
            told[usize::from(!place.to_owner)].failed.push(why);
        }
        let terminals: Vec<&Terminal> = writable.iter().map(|place| &place.terminal).collect();
        let written = terminals::write_all(&terminals, text);
        for (place, written) in writable.iter().zip(written) {
            let told = &mut told[usize::from(!place.to_owner)];
            match written {
                Ok(()) => told.at.push(place.name.clone()),
                Err(why) => told.failed.push(format!("{}: {why}", place.name)),
            }
        }
        told
    }
}

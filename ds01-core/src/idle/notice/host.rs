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

/// Where a notice went, and why it did not go everywhere.
#[derive(Default)]
struct Told {
    at: Vec<String>,
    failed: Vec<String>,
}

impl Told {
    fn write(&mut self, terminal: &Terminal, whose: &str, text: &str, despite_mesg: bool) {
        let name = format!("{whose}{}", terminal.is.name);
        if !terminal.is.takes_messages && !despite_mesg {
            self.failed.push(format!("{name}: its user lets nobody write to it (mesg n)"));
            return;
        }
        match terminal.write(text) {
            Ok(()) => self.at.push(name),
            Err(why) => self.failed.push(format!("{name}: {why}")),
        }
    }

    fn delivery(self, channel: Channel, recipient: String) -> Delivery {
        let reached = if !self.at.is_empty() {
            Reached::Delivered(self.at)
        } else if self.failed.is_empty() {
            Reached::Nobody
        } else {
            Reached::Failed(self.failed.join("; "))
        };
        Delivery { channel, recipient, reached }
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
        let (own, rest): (Vec<Terminal>, Vec<Terminal>) =
            terminals::of_host(&self.dev, wanted).into_iter().partition(|terminal| is_owner(terminal.is.owner));
        let mut deliveries = Vec::new();
        if to_owner {
            let mut told = Told::default();
            own.iter().for_each(|terminal| told.write(terminal, "", &text, self.despite_mesg));
            let inside = message.pid.map(|pid| terminals::of_container(&terminals::root_of(&self.proc, pid)));
            // Whoever is in the container works in it, whatever name he has there.
            inside.iter().flatten().for_each(|terminal| told.write(terminal, "in the container ", &text, true));
            deliveries.push(told.delivery(Channel::Terminals, message.recipient()));
        }
        match others {
            Others::Silent => {}
            Others::EachTerminal => {
                let mut told = Told::default();
                rest.iter().for_each(|terminal| told.write(terminal, "", &text, self.despite_mesg));
                deliveries.push(told.delivery(Channel::Wall, "everybody else".to_owned()));
            }
            Others::Program(wall) => {
                let reached = match wall.run(message.text) {
                    Ok(()) => Reached::Delivered(vec![wall.program().display().to_string()]),
                    Err(why) => Reached::Failed(why),
                };
                deliveries.push(Delivery { channel: Channel::Wall, recipient: "everybody".to_owned(), reached });
            }
        }
        deliveries
    }
}

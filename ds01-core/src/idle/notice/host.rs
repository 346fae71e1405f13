//! Telling the people on this host: a container's owner at his terminals, and everybody else.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::SignedDuration;

use super::{
    broadcast::{Broadcast, Wall},
    message::{Channel, Delivery, Message, Reached},
};
use crate::{
    deadline::within,
    source::terminals::{self, Terminal},
};

/// A user's id by his name.
pub type UserId = Box<dyn Fn(&str) -> Option<u32> + Send + Sync>;

/// Who has typed at a terminal within this time is taken to be there: a notice that it takes is known to have arrived.
const ATTENDED_FOR: SignedDuration = SignedDuration::from_hours(8);

/// How long a container's terminals are looked for: it may have put a dead file system in their place.
const INSIDE_AT_MOST: Duration = Duration::from_secs(2);

/// How long one name may take.
const NAME_AT_MOST: Duration = Duration::from_secs(1);

/// And all names of a run together.
const NAMES_AT_MOST: Duration = Duration::from_secs(5);

/// Ids by `look_up`, each asked for once, and not waited for long: a name service can hang.
pub fn user_ids(look_up: impl Fn(&str) -> Option<u32> + Send + Sync + 'static) -> UserId {
    let look_up = Arc::new(look_up);
    let known: Mutex<(HashMap<String, Option<u32>>, Duration)> = Mutex::default();
    Box::new(move |name| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let (ids, waited) = &mut *known;
        if let Some(id) = ids.get(name) {
            return *id;
        }
        let begun = Instant::now();
        let limit = NAME_AT_MOST.min(NAMES_AT_MOST.saturating_sub(*waited));
        let (look_up, asked) = (Arc::clone(&look_up), name.to_owned());
        let id = within("user id", limit, move || look_up(&asked)).ok().flatten();
        *waited += begun.elapsed();
        ids.insert(name.to_owned(), id);
        id
    })
}

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
    /// Whether somebody is there.
    is_attended: bool,
}

/// Where a notice went, and why it did not go everywhere.
#[derive(Default)]
struct Told {
    at: Vec<String>,
    is_attended: bool,
    failed: Vec<String>,
}

impl Told {
    /// Where nobody has typed for long, it lies there.
    fn delivery(self, channel: Channel, recipient: String) -> Delivery {
        let (reached, missed) = if !self.at.is_empty() && (self.is_attended || channel == Channel::Wall) {
            (Reached::Delivered(self.at), self.failed)
        } else if !self.at.is_empty() {
            (Reached::Written(self.at), self.failed)
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
        // What lies at a terminal where nobody is lies there already.
        self.tell_at(message, true, false, |is_attended| is_attended).into_iter().next()
    }
}

impl People {
    /// Tells the owner, and whoever else is there, or one of them. Terminals of those who are not told are not opened.
    pub(super) fn tell_some(&self, message: &Message<'_>, to_owner: bool, to_others: bool) -> Vec<Delivery> {
        self.tell_at(message, to_owner, to_others, |_| true)
    }

    /// At the terminals that are wanted, by whether somebody is there.
    fn tell_at(
        &self,
        message: &Message<'_>,
        to_owner: bool,
        to_others: bool,
        is_wanted: fn(bool) -> bool,
    ) -> Vec<Delivery> {
        // A line of its own, whatever somebody is typing there.
        let text = format!("\n{}", message.text);
        let others = if to_others { &self.others } else { &Others::Silent };
        let asked = || message.user.and_then(|name| (self.user_id)(name).or_else(|| name.parse().ok()));
        let owner = message.user_id().or_else(asked);
        let is_owner = |uid: u32| Some(uid) == owner;
        let to_each = matches!(others, Others::EachTerminal);
        let wanted = |uid: u32| if is_owner(uid) { to_owner } else { to_each };
        let is_attended = |terminal: &Terminal| {
            terminal.last_input.is_some_and(|input| message.at.duration_since(input) < ATTENDED_FOR)
        };
        let mut failed = Vec::new();
        let place = |terminal: Terminal| {
            let (name, to_owner) = (terminal.is.name.clone(), is_owner(terminal.is.owner));
            Place { name, to_owner, is_inside: false, is_attended: is_attended(&terminal), terminal }
        };
        let mut places: Vec<Place> = terminals::of_host(&self.dev, wanted).into_iter().map(place).collect();
        if let Some(pid) = message.pid.filter(|_| to_owner) {
            let (root, dev) = (terminals::root_of(&self.proc, pid), self.dev.clone());
            let inside = within("terminals inside", INSIDE_AT_MOST, move || terminals::of_container(&root, &dev));
            let place = |terminal: Terminal| Place {
                name: format!("in the container {}", terminal.is.name),
                to_owner: true,
                is_inside: true,
                is_attended: is_attended(&terminal),
                terminal,
            };
            match inside {
                Ok(inside) => places.extend(inside.into_iter().map(place)),
                Err(error) => failed.push(format!("the container's terminals could not be looked at: {error}")),
            }
        }
        places.retain(|place| is_wanted(place.is_attended));
        let [mut told_owner, told_others] = self.write(places, &text);
        told_owner.failed.extend(failed);
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
                Ok(()) => {
                    told.at.push(place.name.clone());
                    told.is_attended |= place.is_attended;
                }
                Err(why) => told.failed.push(format!("{}: {why}", place.name)),
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    };

    use super::*;

    #[test]
    fn each_name_is_asked_for_once_and_one_that_hangs_is_not_waited_for() {
        let (keep_waiting, never) = mpsc::channel::<()>();
        let (never, asked) = (Mutex::new(never), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let ids = user_ids(move |name| {
            count.fetch_add(1, SeqCst);
            if name == "hangs" {
                let _ = never.lock().map(|never| never.recv());
            }
            (name == "alice").then_some(1001)
        });
        assert_eq!([ids("alice"), ids("bob"), ids("hangs")], [Some(1001), None, None]);
        assert_eq!([ids("alice"), ids("bob"), ids("hangs")], [Some(1001), None, None]);
        assert_eq!(asked.load(SeqCst), 3);
        drop(keep_waiting);
    }
}

//! Who is to be told when a GPU is free.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{detect::inventory::Extra, model::Wanted};

/// So many requests of one user are remembered: the newest.
const MOST_OF_ONE: usize = 8;

/// And so many of all together.
const MOST: usize = 256;

/// Somebody who asked to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who asked, by user id: the owner of the request's file.
    pub uid: u32,
    /// His name.
    pub by: String,
    /// What is to be free.
    pub wanted: Wanted,
    /// When he asked.
    pub at: Timestamp,
    /// When that is forgotten.
    pub until: Timestamp,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Remembers who asked, as far as there is room, and forgets whose time is over.
pub(super) fn remember(all: &mut Vec<Waiting>, asked: &[Waiting], now: Timestamp) {
    all.retain(|one| one.until > now);
    for one in asked.iter().filter(|one| one.until > now) {
        // Asked twice, he is told once.
        all.retain(|other| (other.uid, &other.wanted) != (one.uid, &one.wanted));
        let his = |other: &&Waiting| other.uid == one.uid;
        if all.iter().filter(his).count() >= MOST_OF_ONE
            && let Some(oldest) = all.iter().position(|other| other.uid == one.uid)
        {
            all.remove(oldest);
        }
        if all.len() < MOST {
            all.push(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(uid: u32, gpus: u64, until: i64) -> Waiting {
        Waiting {
            uid,
            by: format!("user{uid}"),
            wanted: Wanted { gpus, ..Wanted::default() },
            at: Timestamp::UNIX_EPOCH,
            until: Timestamp::from_second(until).unwrap(),
            extra: Extra::new(),
        }
    }

    #[test]
    fn nobody_s_flood_pushes_another_out_and_what_is_over_is_forgotten() {
        let now = Timestamp::from_second(100).unwrap();
        let mut all = Vec::new();
        remember(&mut all, &[ask(1, 1, 500), ask(1, 1, 600), ask(2, 1, 50)], now);
        assert_eq!(all, [ask(1, 1, 600)], "the same once, and none that is over");
        let flood: Vec<Waiting> = (1..=2_000).map(|gpus| ask(7, gpus, 500)).collect();
        remember(&mut all, &flood, now);
        assert_eq!(all.len(), 1 + MOST_OF_ONE);
        assert_eq!((&all[0], &all[8]), (&ask(1, 1, 600), &ask(7, 2_000, 500)));
        let many: Vec<Waiting> = (100..2_000).map(|uid| ask(uid, 1, 500)).collect();
        remember(&mut all, &many, now);
        assert_eq!((all.len(), &all[0]), (MOST, &ask(1, 1, 600)));
        remember(&mut all, &[], Timestamp::from_second(550).unwrap());
        assert_eq!(all, [ask(1, 1, 600)]);
    }
}

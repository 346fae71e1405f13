//! Who plays a part in the picture: each with a letter and a colour.

use std::collections::{BTreeMap, BTreeSet};

use ds01_core::{detect::UNKNOWN_USER, ledger::Spent};

/// The users of a picture, those with the most hours first.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) users: Vec<Player>,
    place: BTreeMap<Option<String>, usize>,
}

/// A user in the picture.
#[derive(Debug)]
pub(super) struct Player {
    /// `None` is whoever is unknown. Users' text.
    pub(super) user: Option<String>,
    pub(super) spent: Spent,
    /// Stands for them where there are no colours; those who are too many share one.
    pub(super) letter: char,
}

/// Stands for all for whom there is no letter left.
pub(super) const OTHERS: char = 'Z';

impl Cast {
    /// Hands out the parts.
    pub(super) fn new(hours: BTreeMap<Option<String>, Spent>) -> Self {
        let mut users: Vec<(Option<String>, Spent)> = hours.into_iter().collect();
        users.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.held_ms()));
        let mut free: BTreeSet<char> = ('A'..OTHERS).collect();
        if users.len() <= free.len() + 1 {
            free.insert(OTHERS);
        }
        let mut cast = Self::default();
        for (user, spent) in users {
            let letter = letter(user.as_deref().unwrap_or(UNKNOWN_USER), &free).unwrap_or(OTHERS);
            free.remove(&letter);
            cast.place.insert(user.clone(), cast.users.len());
            cast.users.push(Player { user, spent, letter });
        }
        cast
    }

    /// The place of a user among all.
    pub(super) fn place(&self, user: Option<&str>) -> usize {
        self.place.get(&user.map(ToOwned::to_owned)).copied().unwrap_or(0)
    }
}

impl Player {
    pub(super) fn name(&self) -> &str {
        self.user.as_deref().unwrap_or(UNKNOWN_USER)
    }
}

/// The first letter of a name that is still free, or else the first that is.
fn letter(name: &str, free: &BTreeSet<char>) -> Option<char> {
    let own = name.chars().map(|c| c.to_ascii_uppercase()).find(|c| free.contains(c));
    own.or_else(|| free.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(names: &[&str]) -> Cast {
        let hours = (1..).zip(names).map(|(rank, name)| {
            let spent = Spent { work_ms: 1_000 - rank, ..Spent::default() };
            ((*name != "?").then(|| (*name).to_owned()), spent)
        });
        Cast::new(hours.collect())
    }

    fn letters(cast: &Cast) -> String {
        cast.users.iter().map(|player| player.letter).collect()
    }

    #[test]
    fn letters_are_those_of_the_names_where_they_are_free() {
        let few = cast(&["alice", "anna", "ben", "204817", "b", "?"]);
        assert_eq!(letters(&few), "ANBCDU");
        assert_eq!(few.place(Some("ben")), 2);
        assert_eq!(few.users[few.place(None)].name(), "unknown");
    }

    #[test]
    fn those_who_are_too_many_share_a_letter() {
        let names: Vec<String> = (0..26).map(|number| format!("{number:02}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(letters(&cast(&all)), ('A'..='Z').collect::<String>());
        let names: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(letters(&cast(&all)), ('A'..='Y').collect::<String>() + "ZZZZZ");
    }
}

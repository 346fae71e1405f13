//! User names, which a directory server, a label and a file may each write in another form.

use std::collections::BTreeMap;

/// The short form of a user name: the domain cut (`alice@uni.example`, `UNI\alice`), and everything but ASCII letters,
/// digits, `_` and `-` replaced by `_`.
///
/// ```
/// use ds01_core::policy::short_form;
///
/// assert_eq!(short_form("h.baker@uni.example"), "h_baker");
/// assert_eq!(short_form("UNI\\alice"), "alice");
/// ```
pub fn short_form(name: &str) -> String {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let name = name.rsplit_once('\\').map_or(name, |(_, name)| name);
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

/// Something for each of several users, found by any form of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByUser<T> {
    exact: BTreeMap<String, T>,
    by_short: BTreeMap<String, Vec<String>>,
}

impl<T> Default for ByUser<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), by_short: BTreeMap::new() }
    }
}

impl<T> ByUser<T> {
    /// Adds an entry. A name that is there already keeps its first.
    pub(crate) fn insert(&mut self, name: String, value: T) {
        if !self.exact.contains_key(&name) {
            self.by_short.entry(short_form(&name)).or_default().push(name.clone());
            self.exact.insert(name, value);
        }
    }

    /// The entry of this very name.
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.exact.get(name)
    }

    /// The entries that speak of `user`: that of the name as it is; else that of its short form; else, for a user known
    /// only by a short name, those whose names have it as their short form. More than one is a question, not an answer.
    pub(crate) fn of(&self, user: &str) -> Vec<(&str, &T)> {
        let short = short_form(user);
        for name in [user, &short] {
            if let Some((name, value)) = self.exact.get_key_value(name) {
                return vec![(name, value)];
            }
        }
        let names = if user == short { self.by_short.get(user) } else { None };
        names.into_iter().flatten().filter_map(|name| self.exact.get_key_value(name)).map(|(n, v)| (&**n, v)).collect()
    }

    /// All entries, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.exact.iter().map(|(name, value)| (&**name, value))
    }

    /// Short forms that several names share, with those names.
    pub(crate) fn shared_short_forms(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.by_short.iter().filter(|(_, names)| names.len() > 1).map(|(short, names)| (&**short, &**names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[&str], user: &str) -> Vec<String> {
        let mut by_user = ByUser::default();
        for name in entries {
            by_user.insert((*name).to_owned(), ());
        }
        by_user.of(user).into_iter().map(|(name, ())| name.to_owned()).collect()
    }

    #[test]
    fn short_forms() {
        for (name, short) in [
            ("alice", "alice"),
            ("204214@hertie.example", "204214"),
            ("h.baker@uni.example", "h_baker"),
            ("a@b@c", "a"),
            ("UNI\\h.baker", "h_baker"),
            ("мария", "_____"),
            ("@x", ""),
        ] {
            assert_eq!(short_form(name), short, "{name:?}");
        }
    }

    #[test]
    fn the_nearest_form_wins() {
        let all = ["h_baker", "h.baker@uni.example", "h.baker"];
        assert_eq!(of(&all, "h.baker@uni.example"), ["h.baker@uni.example"]);
        assert_eq!(of(&all, "h.baker"), ["h.baker"]);
        assert_eq!(of(&all, "h_baker"), ["h_baker"]);
        assert_eq!(of(&all, "h.baker@other.example"), ["h_baker"]);
    }

    #[test]
    fn a_short_name_finds_the_long_one_and_no_long_name_finds_another() {
        assert_eq!(of(&["h.baker@uni.example"], "h_baker"), ["h.baker@uni.example"]);
        assert!(of(&["h.baker@uni.example"], "h.baker@other.example").is_empty());
        assert!(of(&["h.baker@uni.example"], "h").is_empty());
        assert_eq!(of(&["a@x", "a@y"], "a").len(), 2);
    }
}

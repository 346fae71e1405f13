//! Names of users, containers and images, as the policy lets them leave the host.

use std::hash::Hasher;

use rustix::rand::{GetRandomFlags, getrandom};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::label::label;
use crate::{
    detect::UNKNOWN_USER,
    policy::Identities,
    store::{Store, StoreError},
};

/// The file's name within the state directory: nobody but root reads it.
const KEY_FILE: &str = "metrics.key";

const KEY_BYTES: usize = 16;

/// Of a user's name, so many characters are told apart: more than any name service allows.
pub(super) const LONGEST_USER: usize = 256;

/// Names, or what stands in their place.
#[derive(Debug, Clone)]
pub struct Names {
    identities: Identities,
    key: [u8; KEY_BYTES],
}

impl Names {
    /// Nothing in the place of names, or the names.
    pub fn without_key(show: bool) -> Self {
        Self { identities: if show { Identities::Full } else { Identities::None }, key: [0; KEY_BYTES] }
    }

    /// Hashed with this key.
    pub fn hashed(key: [u8; KEY_BYTES]) -> Self {
        Self { identities: Identities::Hashed, key }
    }

    /// What it makes of names.
    pub(super) fn identities(&self) -> Identities {
        self.identities
    }

    /// As the policy says, with the key of this host, which is made when it is first needed.
    pub(super) fn of_host(identities: Identities, state: &Store) -> Result<Self, StoreError> {
        Ok(match identities {
            Identities::None => Self::without_key(false),
            Identities::Full => Self::without_key(true),
            Identities::Hashed => Self::hashed(key(state)?),
        })
    }

    /// A user's name. That nobody knows it is no name.
    pub(super) fn user(&self, name: &str) -> String {
        // Whose sums are kept under a name that was cut has the same hash there.
        let name = name.char_indices().nth(LONGEST_USER).map_or(name, |(end, _)| &name[..end]);
        match self.identities {
            Identities::Hashed if name == UNKNOWN_USER => name.to_owned(),
            _ => self.name("user", name),
        }
    }

    pub(super) fn container(&self, name: &str) -> String {
        self.name("container", name)
    }

    pub(super) fn image(&self, name: &str) -> String {
        self.name("image", name)
    }

    /// `what` keeps a user and a container of one name apart.
    fn name(&self, what: &str, name: &str) -> String {
        match self.identities {
            Identities::None => String::new(),
            Identities::Full => label(name),
            Identities::Hashed => {
                // A keyed hash that was made for short texts: without the key nobody can try names. 64 bits tell millions apart.
                let mut hasher = SipHasher24::new_with_key(&self.key);
                hasher.write(what.as_bytes());
                hasher.write(b"\0");
                hasher.write(name.as_bytes());
                format!("{:016x}", hasher.finish128().h1)
            }
        }
    }
}

fn key(state: &Store) -> Result<[u8; KEY_BYTES], StoreError> {
    if let Some(key) = state.read(KEY_FILE)?.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok()) {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    getrandom(&mut key, GetRandomFlags::empty()).map_err(|error| StoreError::Io {
        action: "make a key for",
        path: state.path_of(KEY_FILE),
        error: error.into(),
    })?;
    state.replace_secret(KEY_FILE, &key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn hashes_are_equal_for_equal_names_and_differ_between_hosts_and_kinds() {
        let (one, other) = (Names::hashed([1; KEY_BYTES]), Names::hashed([2; KEY_BYTES]));
        assert_eq!(one.user("alice"), one.user("alice"));
        assert_eq!(one.user("alice").len(), 16);
        assert_ne!(one.user("alice"), one.user("bob"));
        assert_ne!(one.user("alice"), one.container("alice"));
        assert_ne!(one.user("alice"), other.user("alice"));
        assert_eq!(one.user(UNKNOWN_USER), UNKNOWN_USER);
        // As in the sums by user, which keep no more of a name.
        let long = "训".repeat(LONGEST_USER);
        assert_eq!(one.user(&format!("{long}x")), one.user(&long));
        assert_ne!(one.container(&format!("{long}x")), one.container(&long));
    }

    #[test]
    fn a_key_is_made_once_for_root_alone_and_only_where_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let state = Store::open(&dir.path().join("state")).unwrap();
        for identities in [Identities::None, Identities::Full] {
            Names::of_host(identities, &state).unwrap();
            assert!(!state.path_of(KEY_FILE).exists());
        }
        let hash = || Names::of_host(Identities::Hashed, &state).unwrap().user("alice");
        let first = hash();
        assert_eq!(hash(), first);
        let mode = state.path_of(KEY_FILE).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        // One that is torn is of no use.
        state.replace_secret(KEY_FILE, b"short").unwrap();
        assert_ne!(hash(), first);
    }
}

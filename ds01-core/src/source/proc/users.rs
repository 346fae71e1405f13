//! The names of user ids, each asked for once.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::parse;
use crate::model::{Reading, Unknown, UnknownKind};

type Name = Reading<String>;
type IdOf = Box<dyn Fn(&str) -> Reading<u32> + Send + Sync>;

/// User names, with a memory: a directory server can take seconds to answer, or to be given up on.
pub(super) struct Users {
    lookup: Box<dyn Fn(u32) -> Name + Send + Sync>,
    id_of: IdOf,
    known: Mutex<HashMap<u32, Arc<OnceLock<Name>>>>,
}

impl Users {
    /// Names from the host's name service (files, LDAP, whatever `nsswitch.conf` says).
    pub(super) fn name_service() -> Self {
        let place = "the name service";
        Self::new(
            move |uid| named(uid, users::get_user_by_uid(uid).map(|user| lossy(user.name())), place),
            move |name| numbered(name, users::get_user_by_name(name).map(|user| user.uid()), place),
        )
    }

    /// Names from one file in the format of `/etc/passwd`.
    pub(super) fn passwd_file(path: impl AsRef<Path> + Send + Sync + 'static) -> Self {
        let path = Arc::new(path);
        let read = move || {
            let path = path.as_ref().as_ref();
            let kind = |error: &io::Error| match error.kind() {
                io::ErrorKind::PermissionDenied => UnknownKind::Denied,
                _ => UnknownKind::Failed,
            };
            let unknown = |error: io::Error| Unknown::new(kind(&error), format!("{}: {error}", path.display()));
            fs::read(path).map(|bytes| (bytes, path.display().to_string())).map_err(unknown)
        };
        let read_again = read.clone();
        Self::new(
            move |uid| match read() {
                Ok((bytes, place)) => named(uid, parse::passwd_name(&bytes, uid).map(String::from), place),
                Err(unknown) => unknown.into(),
            },
            move |name| match read_again() {
                Ok((bytes, place)) => numbered(name, parse::passwd_id(&bytes, name), place),
                Err(unknown) => unknown.into(),
            },
        )
    }

    /// Names from `lookup`, and ids from `id_of`.
    fn new(
        lookup: impl Fn(u32) -> Name + Send + Sync + 'static,
        id_of: impl Fn(&str) -> Reading<u32> + Send + Sync + 'static,
    ) -> Self {
        Self { lookup: Box::new(lookup), id_of: Box::new(id_of), known: Mutex::default() }
    }

    /// The id of the user of this name, asked for each time.
    pub(super) fn id(&self, name: &str) -> Reading<u32> {
        (self.id_of)(name)
    }

    /// The name of `uid`. Two threads that ask for the same id share one look-up; others don't wait for it.
    pub(super) fn name(&self, uid: u32) -> Name {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(uid).or_default())
        };
        cell.get_or_init(|| (self.lookup)(uid)).clone()
    }
}

/// A name, or that `place` has none. The kind is [`UnknownKind::Failed`], not "no such user": a directory that can't be
/// reached answers the C library's call in the same way.
fn named(uid: u32, name: Option<String>, place: impl std::fmt::Display) -> Name {
    name.map_or_else(
        || Unknown::new(UnknownKind::Failed, format!("no user with uid {uid} in {place}")).into(),
        Reading::Known,
    )
}

/// As [`named`], the other way around.
fn numbered(name: &str, uid: Option<u32>, place: impl std::fmt::Display) -> Reading<u32> {
    uid.map_or_else(|| Unknown::new(UnknownKind::Failed, format!("no user {name} in {place}")).into(), Reading::Known)
}

fn lossy(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    use super::*;

    #[test]
    fn each_uid_is_asked_for_once_whatever_the_answer() {
        let asked = Arc::new(AtomicUsize::new(0));
        let names = {
            let asked = Arc::clone(&asked);
            move |uid| {
                asked.fetch_add(1, Ordering::Relaxed);
                named(uid, (uid == 1000).then(|| "ada".to_owned()), "a test")
            }
        };
        let users = Users::new(names, |name| numbered(name, None, "a test"));
        for _ in 0..3 {
            assert_eq!(users.name(1000).known().map(String::as_str), Some("ada"));
            assert_eq!(users.name(1001).unknown().unwrap().detail, "no user with uid 1001 in a test");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_slow_look_up_holds_up_nobody_else() {
        let slow = Arc::new(Barrier::new(2));
        let names = {
            let slow = Arc::clone(&slow);
            move |uid: u32| {
                if uid == 1 {
                    slow.wait();
                }
                Reading::Known(uid.to_string())
            }
        };
        let users = Users::new(names, |name| numbered(name, None, "a test"));
        thread::scope(|scope| {
            let first = scope.spawn(|| users.name(1));
            assert_eq!(users.name(2), Reading::Known("2".to_owned()));
            slow.wait();
            assert_eq!(first.join().unwrap(), Reading::Known("1".to_owned()));
        });
    }

    #[test]
    fn the_name_service_knows_root_and_not_everyone() {
        let users = Users::name_service();
        assert_eq!(users.name(0), Reading::Known("root".to_owned()));
        assert_eq!(
            users.name(3_999_999_999).unknown().unwrap(),
            &Unknown::new(UnknownKind::Failed, "no user with uid 3999999999 in the name service")
        );
    }

    #[test]
    fn a_name_has_its_id() {
        let service = Users::name_service();
        assert_eq!(service.id("root"), Reading::Known(0));
        for nobody in ["", "no such user", "ro\0ot", "0"] {
            assert!(service.id(nobody).unknown().is_some(), "{nobody:?}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n").unwrap();
        let users = Users::passwd_file(file.path().to_owned());
        assert_eq!((users.id("ada"), users.id("bob").known()), (Reading::Known(1000), None));
    }

    #[test]
    fn a_passwd_file_that_is_not_there_is_named() {
        let unknown = Users::passwd_file("/nowhere/passwd").name(1).unknown().unwrap().clone();
        assert_eq!(unknown.kind, UnknownKind::Failed);
        assert!(unknown.detail.starts_with("/nowhere/passwd: "), "{unknown}");
    }
}

//! Whose a container is: what labels and directories say, else as whom its main process runs, and what was known of both.

use jiff::Timestamp;

use super::{
    inventory::ContainerEntry,
    names::{Known, Named, Names},
    owner::{UNKNOWN_USER, UserSource},
};
use crate::model::Remembered;

/// A container's owner.
pub(super) struct Owner {
    pub user: String,
    pub source: UserSource,
    /// The owner's user id.
    pub uid: Option<u32>,
    pub remembered: Option<Remembered>,
}

/// What the scan before said of a container, and when that was.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub entry: &'a ContainerEntry,
    pub scanned: Option<Timestamp>,
}

impl Owner {
    /// Of one whose owner labels or directories name.
    pub(super) fn named(user: String, source: UserSource, before: Option<Before<'_>>, names: &Names<'_>) -> Self {
        let same = before.map(|before| before.entry).filter(|entry| entry.user == user && entry.user_source == source);
        // A user whom the name service does not know is named by his number.
        let uid = names.id(&user, same.and_then(|entry| entry.user_uid)).or_else(|| user.parse().ok());
        Self { user, source, uid, remembered: None }
    }

    /// Of one in a user's own daemon: it is his, whatever it says.
    pub(super) fn of_daemon(uid: u32, before: Option<Before<'_>>, names: &Names<'_>) -> Self {
        let unnamed = || Named { name: uid.to_string(), remembered: None };
        Self::by_process(uid, names.name(uid, own(uid, before)).unwrap_or_else(unnamed))
    }

    /// Of one that nothing names the owner of but its main process, which runs as `uid` where it was seen.
    ///
    /// User id 0 names nobody: most containers run as root.
    pub(super) fn of_main(uid: Option<u32>, before: Option<Before<'_>>, names: &Names<'_>) -> Self {
        if let Some(uid) = uid.filter(|uid| *uid != 0) {
            // What another user was called says nothing of this one.
            let named = names.name(uid, own(uid, before));
            return named.map_or_else(|| Self::unknown(Some(uid)), |named| Self::by_process(uid, named));
        }
        let before = before.map(|before| before.entry).filter(|entry| entry.user_source == UserSource::ProcessUid);
        before.map_or_else(
            || Self::unknown(None),
            |entry| Self {
                user: entry.user.clone(),
                source: entry.user_source,
                uid: entry.user_uid,
                remembered: entry.user_remembered.clone(),
            },
        )
    }

    fn by_process(uid: u32, named: Named) -> Self {
        let Named { name, remembered } = named;
        Self { user: name, source: UserSource::ProcessUid, uid: Some(uid), remembered }
    }

    fn unknown(uid: Option<u32>) -> Self {
        Self { user: UNKNOWN_USER.to_owned(), source: UserSource::Unknown, uid, remembered: None }
    }
}

fn own(uid: u32, before: Option<Before<'_>>) -> Option<Known<'_>> {
    before.and_then(|before| Known::of_container(before.entry, uid, before.scanned))
}

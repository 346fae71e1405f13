//! Where a process is in the tree of control groups, and how much of that only root could say. No I/O.

use crate::model::Proof;

/// The path of a process in one hierarchy of control groups: one line `ID:CONTROLLERS:PATH` of `/proc/PID/cgroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The parts of the path, from the root. `..`, which leads out of the reader's namespace, is left out.
    parts: Vec<&'a str>,
    /// How many of them nobody but root could choose.
    proven: usize,
    /// Who could choose the others.
    user: Option<Option<u32>>,
    /// How the first ones are known to be root's.
    pub(super) proof: Proof,
}

/// Who may write a group's directory, as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// To whom it belongs.
    pub(super) uid: u32,
    /// Whether others than its owner may write it.
    pub(super) shared: bool,
}

/// The place in each hierarchy. `owners` tells whose the directories of the parts are in the hierarchy of these controllers, from
/// the root as far as that can be read.
///
/// A group's name is chosen by who may write the directory that it lies in. So all names down to the first directory that is not
/// root's alone are root's, that directory's own name among them, and none below it is. systemd gives `user@UID.service` to its
/// user, and everything below; where no owner can be read, this name alone decides.
pub(super) fn places<'a>(text: &'a str, mut owners: impl FnMut(&str, &[&str]) -> Vec<Owner>) -> Vec<Place<'a>> {
    let place = |line: &'a str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        // What the kernel adds to the v2 path of a process that has outlived its cgroup.
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        let leads_out = path.split('/').any(|part| part == "..");
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
        let owners = if leads_out { Vec::new() } else { owners(controllers, &parts) };
        Some(Place::new(parts, &owners))
    };
    text.lines().filter_map(place).collect()
}

impl<'a> Place<'a> {
    fn new(parts: Vec<&'a str>, owners: &[Owner]) -> Self {
        let mut place = Self { proven: parts.len(), user: None, proof: Proof::Cgroup, parts };
        for at in 0..place.parts.len() {
            let owner = owners.get(at).copied();
            let by_name = at.checked_sub(1).and_then(|above| users_manager(place.parts[above], place.parts[at]));
            let by_owner = owner.filter(|owner| owner.uid != 0 || owner.shared);
            if by_name.is_some() || by_owner.is_some() {
                let owner = by_owner.map(|owner| owner.uid).filter(|uid| *uid != 0);
                (place.proven, place.user) = (at + 1, Some(owner.or(by_name)));
                break;
            }
        }
        if owners.len() < place.proven {
            place.proof = Proof::Path;
        }
        place
    }

    /// The parts that only root could choose.
    pub(super) fn proven(&self) -> &[&'a str] {
        &self.parts[..self.proven]
    }

    /// The parts below, which a user could choose.
    pub(super) fn chosen(&self) -> &[&'a str] {
        &self.parts[self.proven..]
    }

    /// Whose directory the last proven part is, where it is not root's alone: `Some(None)` where several may write it.
    pub(super) fn user(&self) -> Option<Option<u32>> {
        self.user
    }
}

/// The user of `user-UID.slice/user@UID.service`. Root's own is root's.
fn users_manager(slice: &str, service: &str) -> Option<u32> {
    let uid = slice.strip_prefix("user-")?.strip_suffix(".slice")?;
    let same = service.strip_prefix("user@")?.strip_suffix(".service")? == uid;
    uid.parse().ok().filter(|uid| same && *uid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Owner = Owner { uid: 0, shared: false };

    fn place(path: &str, owners: &[Owner]) -> (usize, Option<Option<u32>>, Proof) {
        let text = format!("0::{path}\n");
        let places = places(&text, |controllers, parts| {
            assert_eq!(controllers, "");
            owners[..owners.len().min(parts.len())].to_vec()
        });
        let [place] = &places[..] else { panic!("{places:?}") };
        (place.proven, place.user, place.proof)
    }

    #[test]
    fn names_down_to_the_first_directory_that_is_not_roots_are_roots() {
        let user = Owner { uid: 1000, shared: false };
        assert_eq!(place("/a/b/c", &[ROOT, ROOT, ROOT]), (3, None, Proof::Cgroup));
        assert_eq!(place("/a/b/c", &[ROOT, user, user]), (2, Some(Some(1000)), Proof::Cgroup));
        assert_eq!(place("/a/b/c", &[user, ROOT, ROOT]), (1, Some(Some(1000)), Proof::Cgroup));
        let shared = Owner { uid: 0, shared: true };
        assert_eq!(place("/a/b/c", &[ROOT, shared, ROOT]), (2, Some(None), Proof::Cgroup));
    }

    #[test]
    fn what_could_not_be_read_is_known_by_its_path_alone() {
        let user = Owner { uid: 1000, shared: false };
        assert_eq!(place("/a/b", &[]), (2, None, Proof::Path));
        assert_eq!(place("/a/b", &[ROOT]), (2, None, Proof::Path));
        assert_eq!(place("/a/b", &[user]), (1, Some(Some(1000)), Proof::Cgroup));
        assert_eq!(place("/../../a/b", &[ROOT; 4]), (2, None, Proof::Path), "it leads out of the namespace");
    }

    #[test]
    fn a_users_service_manager_is_the_users_also_where_no_owner_can_be_read() {
        let path = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope";
        assert_eq!(place(path, &[]), (3, Some(Some(1000)), Proof::Path));
        assert_eq!(place(path, &[ROOT; 5]), (3, Some(Some(1000)), Proof::Cgroup));
        let owner = Owner { uid: 1001, shared: false };
        assert_eq!(place(path, &[ROOT, ROOT, owner]), (3, Some(Some(1001)), Proof::Cgroup), "the kernel knows best");
        assert_eq!(place(&format!("/docker/x{path}"), &[]), (5, Some(Some(1000)), Proof::Path));
        for path in [
            "/user.slice/user-0.slice/user@0.service/x",
            "/user.slice/user-1000.slice/user@1001.service/x",
            "/user.slice/user-1000.slice/user@1000.service.d/x",
            "/user-.slice/user@.service/x",
        ] {
            assert_eq!(place(path, &[]).1, None, "{path}");
        }
    }

    #[test]
    fn lines_that_are_none_have_no_place() {
        assert_eq!(places("\n:\n0:\nx", |_, _| Vec::new()), []);
        assert_eq!(place("/", &[]), (0, None, Proof::Cgroup));
        assert_eq!(place("/a (deleted)", &[]), (1, None, Proof::Path));
    }
}

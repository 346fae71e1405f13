//! The policy's files on disk, read as a program should that acts on them as root.
//!
//! The main file is wherever the admin says, through a link if need be. What lies beside it is found by name, so it has
//! to be what it seems: a regular file of bounded size, no symbolic link (it could lead to a file of somebody else's),
//! owned by root, the caller or the main file's owner, and not writable for everybody. Devices and pipes are never
//! waited for.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::{
    build,
    diagnostic::{BadPolicy, Diagnostic, Findings, Severity},
    document::{Document, PolicyFiles},
    whole::{Loaded, Policy},
    yaml::MAX_BYTES,
};

/// Where the policy is installed.
pub const DEFAULT_PATH: &str = "/etc/ds01/resource-limits.yaml";

const OVERRIDES: &str = "user-overrides.yaml";
const EXEMPTIONS: &str = "lifecycle-exemptions.yaml";
const GROUPS: &str = "groups";

/// The most members files that are read.
const MAX_GROUPS: usize = 1000;

/// Reads the policy at `path` and the files beside it.
///
/// # Errors
///
/// [`BadPolicy`] when the main file is missing, when any of the files can't be read or trusted, or when anything is
/// wrong in one of them. The files beside the main one may be missing.
pub fn load(path: &Path) -> Result<Loaded, BadPolicy> {
    let mut found = Findings::default();
    match read_all(path, &mut found) {
        Some(files) => build::build(&files, found),
        None => Err(BadPolicy { found: found.finish(path) }),
    }
}

/// The policy at `named`, else the installed one; `None` where no policy is installed.
///
/// # Errors
///
/// As [`load`]. Where nobody named the file, it is for the caller to go on without it.
pub fn installed(named: Option<&Path>) -> Result<Option<Policy>, BadPolicy> {
    if named.is_none() && !is_installed() {
        return Ok(None);
    }
    load(named.unwrap_or(Path::new(DEFAULT_PATH))).map(|loaded| Some(loaded.policy))
}

/// Whether a policy is installed, sound or not.
pub fn is_installed() -> bool {
    lies_at(Path::new(DEFAULT_PATH))
}

/// Whether anything is there. A link that leads nowhere is a policy that can't be read, and so is what nobody may look at.
fn lies_at(path: &Path) -> bool {
    !path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Why a file is not read.
struct Refused {
    message: String,
    help: String,
}

impl Refused {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }

    fn io(errno: Errno) -> Self {
        let help = match errno {
            Errno::ACCESS | Errno::PERM => "run this as root, or give yourself the right to read it",
            _ => "make the file readable, or take it away",
        };
        Self::new(format!("the file can't be read: {}", std::io::Error::from(errno)), help)
    }

    fn report(self, path: &Path, found: &mut Findings) {
        found.push(Diagnostic::about_file(Severity::Error, path, self.message, self.help));
    }
}

fn read_all(path: &Path, found: &mut Findings) -> Option<PolicyFiles> {
    let (policy, owner) = match read_main(path, found) {
        Ok(read) => read,
        Err(refused) => {
            refused.report(path, found);
            return None;
        }
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = |name: &str| path.with_file_name(name);
    let mut files = PolicyFiles { policy, overrides: None, exemptions: None, members: BTreeMap::new() };
    let folder = match fs::open(parent, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(folder) => folder,
        Err(errno) => {
            Refused::io(errno).report(parent, found);
            return Some(files);
        }
    };
    files.overrides = read_beside(&folder, OVERRIDES, beside(OVERRIDES), owner, found);
    files.exemptions = read_beside(&folder, EXEMPTIONS, beside(EXEMPTIONS), owner, found);
    files.members = read_members(&folder, &beside(GROUPS), owner, found);
    Some(files)
}

/// The main file, and its owner.
fn read_main(path: &Path, found: &mut Findings) -> Result<(Document, u32), Refused> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT if lies_at(path) => {
            Refused::new("it is a link to a file that does not exist", "mend the link, or put the policy in its place")
        }
        Errno::NOENT => Refused::new(
            "there is no such file, and nobody is judged by built-in values",
            "install the policy there, or name another with --config",
        ),
        errno => Refused::io(errno),
    })?;
    let stat = regular(&file)?;
    not_for_everybody(&stat)?;
    if !trusted(stat.st_uid, None) {
        let message = format!("the file belongs to the user with uid {}, who can change what is enforced", stat.st_uid);
        found.push(Diagnostic::about_file(Severity::Warning, path, message, "give it to root: `chown root`"));
    }
    Ok((Document { path: path.to_owned(), bytes: read(file)? }, stat.st_uid))
}

/// A file beside the main one; `None` when it is not there, or is refused, which is then reported.
fn read_beside(folder: impl AsFd, name: &str, path: PathBuf, owner: u32, found: &mut Findings) -> Option<Document> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let bytes = match fs::openat(&folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return None,
        Err(errno) => Err(no_link(errno)),
        Ok(file) => regular(&file).and_then(|stat| {
            not_for_everybody(&stat)?;
            owned(&stat, owner)?;
            read(file)
        }),
    };
    match bytes {
        Ok(bytes) => Some(Document { path, bytes }),
        Err(refused) => {
            refused.report(&path, found);
            None
        }
    }
}

fn read_members(folder: impl AsFd, path: &Path, owner: u32, found: &mut Findings) -> BTreeMap<String, Document> {
    match member_files(&folder, owner) {
        Ok(Some((groups, names))) => names
            .into_iter()
            .filter_map(|name| {
                let document = read_beside(&groups, &name, path.join(&name), owner, found)?;
                Some((name.strip_suffix(".members")?.to_owned(), document))
            })
            .collect(),
        Ok(None) => BTreeMap::new(),
        Err(refused) => {
            refused.report(path, found);
            BTreeMap::new()
        }
    }
}

/// The folder of the members files, and their names.
fn member_files(folder: impl AsFd, owner: u32) -> Result<Option<(OwnedFd, Vec<String>)>, Refused> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let groups = match fs::openat(folder, GROUPS, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        // With both flags, a link is reported as not a folder.
        Err(Errno::NOTDIR) => {
            return Err(Refused::new(
                "this is not a folder",
                "make it a folder with a NAME.members file for each group",
            ));
        }
        Err(errno) => return Err(no_link(errno)),
        Ok(groups) => groups,
    };
    let stat = fs::fstat(&groups).map_err(Refused::io)?;
    not_for_everybody(&stat)?;
    owned(&stat, owner)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&groups).map_err(Refused::io)? {
        let entry = entry.map_err(Refused::io)?;
        if let Ok(name) = entry.file_name().to_str()
            && name.ends_with(".members")
            // No group's name begins so, but the name of the link that an editor puts beside a file that is open in it.
            && !name.starts_with('.')
        {
            names.push(name.to_owned());
        }
        if names.len() > MAX_GROUPS {
            let message = format!("the folder has more than {MAX_GROUPS} members files");
            return Err(Refused::new(message, "take away those of groups that are no more"));
        }
    }
    names.sort_unstable();
    Ok(Some((groups, names)))
}

fn no_link(errno: Errno) -> Refused {
    if errno == Errno::LOOP {
        return Refused::new(
            "this is a symbolic link, and links are not followed here",
            "put the file itself in its place",
        );
    }
    Refused::io(errno)
}

fn regular(file: impl AsFd) -> Result<Stat, Refused> {
    let stat = fs::fstat(file).map_err(Refused::io)?;
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(stat),
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no regular file",
    };
    Err(Refused::new(format!("this is {what}, not a file"), "put a regular file in its place"))
}

fn not_for_everybody(stat: &Stat) -> Result<(), Refused> {
    if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
        return Err(Refused::new("everybody can write to it, so anybody could set their own limits", "`chmod o-w` it"));
    }
    Ok(())
}

fn owned(stat: &Stat, owner: u32) -> Result<(), Refused> {
    if trusted(stat.st_uid, Some(owner)) {
        return Ok(());
    }
    let message =
        format!("it belongs to the user with uid {}, who is neither root nor the policy's owner", stat.st_uid);
    Err(Refused::new(message, "give it to root: `chown root`"))
}

/// Whether a file of `uid` may decide over others: root's, the caller's, or one of the owner of the main file.
fn trusted(uid: u32, owner: Option<u32>) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw() || Some(uid) == owner
}

/// Reads a file up to one byte more than is allowed, which tells the parser that it is too long.
fn read(file: OwnedFd) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    match File::from(file).take(most).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Refused::new(format!("the file can't be read: {error}"), "look at the disk")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_a_policy_that_can_not_be_read_and_not_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resource-limits.yaml");
        assert!(!lies_at(&path));
        std::os::unix::fs::symlink(dir.path().join("gone"), &path).unwrap();
        assert!(lies_at(&path));
        let words = load(&path).unwrap_err().to_string();
        assert!(words.contains("a link to a file that does not exist"), "{words}");
    }
}

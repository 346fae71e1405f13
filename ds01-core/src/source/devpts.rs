//! The pseudo-terminals in a directory, whoever may have put it there: the directory counts only when it is a pseudo-terminal
//! file system, and nothing is reached through a link.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{self, Dir, Mode, OFlags, ResolveFlags},
    io::{self, Errno},
};

/// `DEVPTS_SUPER_MAGIC` of `statfs(2)`.
const DEVPTS: i64 = 0x1cd1;

/// Nobody has so many terminals; whoever can mount can make a directory of any length.
pub(super) const MOST: usize = 4096;

/// The file system at `path` below `root`; `None` where there is another thing, or nothing.
pub(super) fn open(root: &OwnedFd, path: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let dir = match fs::openat2(root, path, flags, Mode::empty(), beneath) {
        Ok(dir) => dir,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((fs::fstatfs(&dir)?.f_type == DEVPTS).then_some(dir))
}

/// In the order of numbers: `2` comes before `10`.
pub(super) fn by_number(names: &mut [String]) {
    names.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
}

/// The names in it that are numbers, as those of terminals are, in their order.
pub(super) fn numbers(dir: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)?.take(MOST) {
        let entry = entry?;
        let name = entry.file_name().to_str().ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        names.extend(name.map(ToOwned::to_owned));
    }
    by_number(&mut names);
    Ok(names)
}

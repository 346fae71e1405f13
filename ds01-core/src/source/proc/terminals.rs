//! When the terminals of a container last received input.
//!
//! The kernel keeps it as the access time of `/dev/pts/N`, in steps of some seconds. The way there leads through the
//! container's own file system, so no link on it is followed, and nothing but a pseudo-terminal file system is listed.

use std::{collections::BTreeMap, path::Path};

use rustix::{
    fs::{self, AtFlags, Dir, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use crate::model::{Reading, Unknown, UnknownKind};

/// `DEVPTS_SUPER_MAGIC` of `statfs(2)`.
const DEVPTS: i64 = 0x1cd1;

/// Nobody has so many terminals; whoever can mount can make a directory of any length.
const MOST_TERMINALS: usize = 4096;

/// The last input of each terminal below `root`, in milliseconds on the wall clock. A container without terminals has none.
pub(super) fn last_inputs(root: &Path) -> Reading<BTreeMap<String, i64>> {
    read(root)
        .map_err(|(what, error)| {
            let kind =
                if error == Errno::ACCESS || error == Errno::PERM { UnknownKind::Denied } else { UnknownKind::Failed };
            Unknown::new(kind, format!("{}{what}: {}", root.display(), std::io::Error::from(error)))
        })
        .into()
}

fn read(root: &Path) -> Result<BTreeMap<String, i64>, (&'static str, Errno)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = fs::open(root, flags, Mode::empty()).map_err(|error| ("", error))?;
    let pts = "/dev/pts";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let dir = match fs::openat2(&root, "dev/pts", flags, Mode::empty(), beneath) {
        Ok(dir) => dir,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(BTreeMap::new()),
        Err(error) => return Err((pts, error)),
    };
    if fs::fstatfs(&dir).map_err(|error| (pts, error))?.f_type != DEVPTS {
        return Ok(BTreeMap::new());
    }
    let mut inputs = BTreeMap::new();
    for entry in Dir::read_from(&dir).map_err(|error| (pts, error))?.take(MOST_TERMINALS) {
        let entry = entry.map_err(|error| (pts, error))?;
        let Some(name) = entry.file_name().to_str().ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        match fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let millis = i64::try_from(stat.st_atime_nsec / 1_000_000).unwrap_or(0);
                inputs.insert(name.to_owned(), stat.st_atime.saturating_mul(1000).saturating_add(millis));
            }
            // It was closed just now.
            Err(Errno::NOENT) => {}
            Err(error) => return Err((pts, error)),
        }
    }
    Ok(inputs)
}

//! When the terminals of a container last received input.
//!
//! The kernel keeps it as the access time of `/dev/pts/N`, in steps of some seconds. The way there leads through the
//! container's own file system, so no link on it is followed, and nothing but a pseudo-terminal file system is listed.

use std::{collections::BTreeMap, path::Path};

use rustix::{
    fs::{self, AtFlags, Mode, OFlags},
    io::Errno,
};

use crate::{
    model::{Reading, Unknown, UnknownKind},
    source::devpts,
};

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
    let pts = |error| ("/dev/pts", error);
    let Some(dir) = devpts::open(&root, "dev/pts").map_err(pts)? else { return Ok(BTreeMap::new()) };
    let mut inputs = BTreeMap::new();
    for name in devpts::numbers(&dir).map_err(pts)? {
        match fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let millis = i64::try_from(stat.st_atime_nsec / 1_000_000).unwrap_or(0);
                inputs.insert(name, stat.st_atime.saturating_mul(1000).saturating_add(millis));
            }
            // It was closed just now.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(pts(error)),
        }
    }
    Ok(inputs)
}

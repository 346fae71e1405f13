//! Reading the inventory file, and what to say when there is none to read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ds01_core::detect::{
    Inventory,
    inventory::{FILE_NAME, InventoryError},
};
use rustix::{fs::OFlags, io::Errno};

use crate::{
    denied::{Left, nothing_public},
    fleet, kept,
};

/// Larger files than this are nothing that the detector wrote.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Why there is nothing to show. The text says what happened, to which file, and what to do.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// No scan has been saved yet.
    Missing(PathBuf),
    /// The caller may not read it.
    Denied(PathBuf),
    /// Nor is there anything that is his own, or for everybody.
    Nothing(PathBuf),
    /// It can't be read for another reason.
    Unreadable(PathBuf, io::Error),
    /// It is no file, such as a directory or a link.
    NoFile(PathBuf),
    /// Its content is of no use.
    Unusable(PathBuf, InventoryError),
    /// The fleet could not be seen.
    Fleet(fleet::Failure),
    /// What is public of it is of no use.
    Public(PathBuf, String),
    /// The scan of `--live` or `--demo` could not be made.
    Scan(String),
}

/// Reads the inventory of a state directory. It takes no lock: the detector replaces the file as a whole.
pub(crate) fn load(state_dir: &Path) -> Result<Inventory, LoadError> {
    let path = state_dir.join(FILE_NAME);
    let bytes = read(&path)?;
    let mut inventory = Inventory::from_json(&bytes).map_err(|error| LoadError::Unusable(path, error))?;
    kept::add(&mut inventory, |path| read(path).ok(), state_dir);
    Ok(inventory)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    // A link or a pipe in its place is nothing that the detector made: the first could lead anywhere, the second hang.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let mut file: File = open.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Missing(path.to_owned()),
        io::ErrorKind::PermissionDenied => LoadError::Denied(path.to_owned()),
        _ if Errno::from_io_error(&error) == Some(Errno::LOOP) => LoadError::NoFile(path.to_owned()),
        _ => LoadError::Unreadable(path.to_owned(), error),
    })?;
    let unreadable = |error| LoadError::Unreadable(path.to_owned(), error);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LoadError::NoFile(path.to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or(0) + 1);
    let length = file.by_ref().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > MOST_BYTES {
        let text = format!("larger than {MOST_BYTES} bytes");
        return Err(LoadError::Unusable(path.to_owned(), InventoryError::Corrupt(text)));
    }
    Ok(bytes)
}

impl From<fleet::Failure> for LoadError {
    fn from(failure: fleet::Failure) -> Self {
        Self::Fleet(failure)
    }
}

impl LoadError {
    /// Whether there simply is no inventory yet.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Fleet(fleet::Failure::NoHost(_)))
    }

    /// What happened, and on lines of their own what to do.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Missing(path) => format!(
                "no inventory yet: {} does not exist.\n\
                 It is written by ds01-workload-detector.timer: see `systemctl status ds01-workload-detector.timer`.\n\
                 To look now, without it: ds01-workloads --live",
                path.display()
            ),
            Self::Denied(path) => nothing_public(path, Left::Own),
            Self::Nothing(path) => nothing_public(path, Left::Nothing),
            Self::Unreadable(path, error) => format!(
                "can't read {}: {error}.\n\
                 See what is there: `ls -ld {}`, and `--state-dir` where the detector keeps it elsewhere.",
                path.display(),
                path.parent().unwrap_or(path).display()
            ),
            Self::NoFile(path) => format!(
                "{} is no regular file; links are not followed.\n\
                 See what is there: `ls -l {}`",
                path.display(),
                path.display()
            ),
            Self::Unusable(path, error @ InventoryError::Corrupt(_)) => format!(
                "{} is {error}.\n\
                 The next run of the detector sets it aside and begins anew: `sudo ds01-detect`, or\n\
                 `systemctl status ds01-workload-detector.timer` when that should have happened already.",
                path.display()
            ),
            Self::Unusable(path, error @ InventoryError::Version { .. }) => format!(
                "{} was {error}.\n\
                 Install the version of ds01-workloads that belongs to the detector (`ds01-detect --version`).",
                path.display()
            ),
            Self::Scan(error) | Self::Fleet(fleet::Failure::Unreachable(error) | fleet::Failure::NoHost(error)) => {
                error.clone()
            }
            Self::Public(path, why) => {
                format!(
                    "{} is {why}.\nThe next run of the detector replaces it: tell an administrator.",
                    path.display()
                )
            }
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

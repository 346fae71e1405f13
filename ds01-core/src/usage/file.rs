//! Reading one small kernel file, and what it means that it could not be read.

use std::{fs, io, path::Path};

use rustix::io::Errno;

use crate::model::{Reading, Unknown, UnknownKind};

/// The file's content, or why there is none. These files are ASCII but for names that users choose.
pub(super) fn read(path: &Path) -> Reading<String> {
    match fs::read(path) {
        Ok(bytes) => Reading::Known(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => unreadable(path, &error).into(),
    }
}

/// The file's content as `parse` understands it.
pub(super) fn read_as<T>(path: &Path, parse: impl FnOnce(&str) -> Option<T>) -> Reading<T> {
    match read(path) {
        Reading::Unknown(why) => Reading::Unknown(why),
        Reading::Known(text) => match parse(&text) {
            Some(value) => Reading::Known(value),
            None => Unknown::new(UnknownKind::Failed, format!("{}: not in the known form", path.display())).into(),
        },
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Unknown {
    // The files of a process that ended after they were opened answer with "no such process".
    let gone = error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    let kind = match error.kind() {
        _ if gone => UnknownKind::Gone,
        io::ErrorKind::NotFound => UnknownKind::Gone,
        io::ErrorKind::PermissionDenied => UnknownKind::Denied,
        _ => UnknownKind::Failed,
    };
    Unknown::new(kind, format!("{}: {error}", path.display()))
}

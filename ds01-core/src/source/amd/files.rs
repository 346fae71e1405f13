//! Reading small files of the kernel.

use std::{fs, io, path::Path};

use crate::model::{Reading, Unknown, UnknownKind};

/// More entries than such a directory has.
const MOST: usize = 65_536;

/// The file's text, without what is blank around it.
pub(super) fn text(path: &Path) -> Reading<String> {
    match fs::read(path) {
        Ok(bytes) => Reading::Known(String::from_utf8_lossy(&bytes).trim().to_owned()),
        Err(error) => why(path, &error).into(),
    }
}

/// The file's one number.
pub(super) fn number(path: &Path) -> Reading<u64> {
    match text(path) {
        Reading::Known(text) => text.parse().map_or_else(
            |_| Unknown::new(UnknownKind::Failed, format!("{}: no number: {text:.40}", path.display())).into(),
            Reading::Known,
        ),
        Reading::Unknown(why) => why.into(),
    }
}

/// The names in a directory, in order.
pub(super) fn names(path: &Path) -> Result<Vec<String>, Unknown> {
    let entries = fs::read_dir(path).map_err(|error| why(path, &error))?;
    let mut names: Vec<String> =
        entries.take(MOST).flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// The names in a directory that are numbers, in their order.
pub(super) fn numbers(path: &Path) -> Result<Vec<u32>, Unknown> {
    let mut numbers: Vec<u32> = names(path)?.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn why(path: &Path, error: &io::Error) -> Unknown {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => UnknownKind::Denied,
        io::ErrorKind::NotFound => UnknownKind::NotSupported,
        _ => UnknownKind::Failed,
    };
    Unknown::new(kind, format!("{}: {error}", path.display()))
}

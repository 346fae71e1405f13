//! The event log: a file of lines that all programs append to.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::store::{Lines, Store, StoreError, read_back};

use super::{Event, Logged};

/// Where events go.
#[derive(Debug, Clone)]
pub struct EventLog {
    path: PathBuf,
    program: &'static str,
}

/// Opens a log to read it: no link is followed, and a FIFO in its place holds nobody up.
///
/// # Errors
///
/// The system's.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}

impl EventLog {
    /// A log at `path`, written by `program`. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, program: &'static str) -> Self {
        Self { path: path.into(), program }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends events, each by one write, and flushes them to the disk. Nothing to append opens nothing.
    ///
    /// # Errors
    ///
    /// The first that occurred: later events are not tried, so that what is written has no gap. The caller warns and goes
    /// on; logging never fails the program that logs.
    pub fn append(&self, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut lines = self.open()?;
        lines.begin()?;
        for event in events {
            let line = event.to_line(self.program).map_err(|error| StoreError::Io {
                action: "write an event to",
                path: self.path.clone(),
                error: error.into(),
            })?;
            lines.append(&line)?;
        }
        lines.flush()
    }

    /// Hands over what was logged, each event with its line, the last first, until `each` has enough, which it says by `false`. Lines that are no
    /// events are skipped. The file before the last rotation is read too; older ones are compressed.
    ///
    /// # Errors
    ///
    /// When the log could not be read. One that is not there holds nothing.
    pub fn read_back(&self, mut each: impl FnMut(Logged, &[u8]) -> bool) -> Result<(), StoreError> {
        let mut rotated = self.path.clone().into_os_string();
        rotated.push(".1");
        let mut wants_more = true;
        for path in [self.path.as_path(), Path::new(&rotated)] {
            let file = match open_to_read(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened,
            };
            let mut each = |line: &[u8]| {
                wants_more = Logged::from_line(line).is_none_or(|event| each(event, line));
                wants_more
            };
            file.and_then(|file| read_back(&file, &mut each)).map_err(|error| StoreError::Io {
                action: "read",
                path: path.to_owned(),
                error,
            })?;
            if !wants_more {
                break;
            }
        }
        Ok(())
    }

    fn open(&self) -> Result<Lines, StoreError> {
        let (Some(dir), Some(name)) = (self.path.parent(), self.path.file_name().and_then(|name| name.to_str())) else {
            return Err(StoreError::Unsafe { path: self.path.clone(), why: "this names no file".to_owned() });
        };
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        Store::open(dir)?.open_lines(name)
    }
}

//! A file of lines that several programs append to.

use std::{
    fs::{File, TryLockError},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    time::Duration,
};

use super::{StoreError, io_error};
use crate::deadline::within;

/// For so long other writers are waited for: far longer than they need.
const WAIT_FOR_WRITERS: Duration = Duration::from_secs(1);

/// A file of lines that several programs append to.
#[derive(Debug)]
pub struct Lines {
    file: File,
    path: PathBuf,
}

impl Lines {
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    /// Appends one line, its newline included, with one write: lines of several writers never interleave.
    ///
    /// # Errors
    ///
    /// When it could not be written whole, as on a full disk.
    pub fn append(&mut self, line: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write(line).map_err(|error| io_error("append to", &self.path, error))?;
        if written < line.len() {
            let error = io::Error::new(io::ErrorKind::StorageFull, format!("{written} of {} bytes fit", line.len()));
            return Err(io_error("append to", &self.path, error));
        }
        Ok(())
    }

    /// Keeps other writers out until [`flush`](Self::flush), and ends a line that an earlier one could not finish, so that
    /// the next one stands alone.
    ///
    /// Only who is alone can tell an unfinished line from one that is being written: the length of a file grows page by page
    /// during a write. A writer that was stopped is not waited for; lines stay whole even so.
    ///
    /// # Errors
    ///
    /// When the file could not be read or written.
    pub fn begin(&mut self) -> Result<(), StoreError> {
        let io = |error| io_error("look at the end of", &self.path, error);
        if matches!(self.file.try_lock(), Err(TryLockError::WouldBlock)) {
            let file = self.file.try_clone().map_err(io)?;
            // Whether in vain or not, there is nothing more that could be done.
            let _ = within("lock", WAIT_FOR_WRITERS, move || file.lock());
        }
        let length = self.file.metadata().map_err(io)?.len();
        let mut last = [b'\n'];
        if length > 0 {
            self.file.read_exact_at(&mut last, length - 1).map_err(io)?;
        }
        if last == [b'\n'] { Ok(()) } else { self.append(b"\n") }
    }

    /// Whether it is this file, opened once more. Where its name leads to another one by now, what is appended is lost.
    ///
    /// # Errors
    ///
    /// When a file could not be looked at.
    pub fn is_same(&self, other: &File) -> Result<bool, StoreError> {
        let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let io = |error| io_error("look at", &self.path, error);
        Ok(identity(&self.file).map_err(io)? == identity(other).map_err(io)?)
    }

    /// Lets other writers in, and flushes all appended lines to the disk.
    ///
    /// # Errors
    ///
    /// When the disk refused.
    pub fn flush(&self) -> Result<(), StoreError> {
        // What could not be unlocked could not be locked either, on file systems that know no locks.
        let _ = self.file.unlock();
        self.file.sync_data().map_err(|error| io_error("flush", &self.path, error))
    }
}

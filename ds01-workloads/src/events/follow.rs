//! The end of a log that grows, through its rotations.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use ds01_core::event::open_to_read;

/// Reads what is appended to a file of lines.
pub(super) struct Follower {
    path: PathBuf,
    file: File,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
}

impl Follower {
    /// From the end of the file as it is now.
    pub(super) fn at_the_end(path: &Path) -> io::Result<Self> {
        let mut file = open_to_read(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { path: path.to_owned(), file, rest: Vec::new() })
    }

    /// Hands over each line that was completed since. A file that was rotated is read to its end, and then the new one from
    /// its beginning; one that was emptied is read from its beginning.
    pub(super) fn read(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.read_on(each)?;
        let here = self.file.metadata()?;
        match open_to_read(&self.path) {
            Ok(file) => {
                let now = file.metadata()?;
                if (now.dev(), now.ino()) != (here.dev(), here.ino()) {
                    // What was appended to the old one between the look and its rotation.
                    self.read_on(each)?;
                    self.file = file;
                    self.rest.clear();
                    self.read_on(each)?;
                } else if now.len() < self.file.stream_position()? {
                    self.file.seek(SeekFrom::Start(0))?;
                    self.rest.clear();
                    self.read_on(each)?;
                }
                Ok(())
            }
            // Between its rotation and the next event there is none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn read_on(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(whole);
        self.rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(each);
        self.rest = rest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn lines_are_followed_through_rotation_and_truncation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let append = |text: &str| {
            let mut file = File::options().append(true).create(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        append("old\n");
        let mut follower = Follower::at_the_end(&path).unwrap();
        let mut read = || {
            let mut lines = Vec::new();
            follower.read(&mut |line| lines.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
            lines
        };
        assert!(read().is_empty());
        append("one\ntw");
        assert_eq!(read(), ["one"]);
        append("o\n");
        assert_eq!(read(), ["two"]);
        append("last of it\n");
        fs::rename(&path, dir.path().join("events.jsonl.1")).unwrap();
        assert_eq!(read(), ["last of it"]);
        append("three\n");
        assert_eq!(read(), ["three"]);
        File::options().write(true).truncate(true).open(&path).unwrap();
        append("4\n");
        assert_eq!(read(), ["4"]);
    }
}

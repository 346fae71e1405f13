//! A file in a directory of somebody who is not trusted.

use std::{fs::File, io::Read, path::Path};

use rustix::fs::{self, FileType, Mode, OFlags};

/// The content of the regular file `name` in `dir`, if it has at most `most` bytes. No link is followed, neither to the
/// directory nor in it, and nothing there holds the caller up.
pub(super) fn read(dir: &Path, name: &str, most: u64) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let dir = fs::open(dir, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let file = fs::openat(&dir, name, flags, Mode::empty()).ok()?;
    let stat = fs::fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut bytes = Vec::new();
    File::from(file).take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_small_regular_files_are_read_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("small"), "1234").unwrap();
        fs::write(path("large"), "12345").unwrap();
        symlink(path("small"), path("link")).unwrap();
        fs::create_dir(path("dir")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
        assert!(fifo.success());
        assert_eq!(read(dir.path(), "small", 4).unwrap(), b"1234");
        for name in ["large", "link", "dir", "fifo", "none"] {
            assert_eq!(read(dir.path(), name, 4), None, "{name}");
        }
        symlink(dir.path(), path("way")).unwrap();
        assert_eq!(read(&path("way"), "small", 4), None);
    }
}

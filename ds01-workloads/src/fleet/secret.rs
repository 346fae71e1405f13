//! Small files: the fleet's own configuration, lists of hosts, and secrets, which nobody else may read.

use std::{
    fs::{File, OpenOptions},
    io::{Error, ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::{fs::OFlags, io::Errno};

/// No secret is longer.
const MOST_SECRET: u64 = 16 * 1024;

/// The text of a small file, through a link if need be: certificates mostly lie behind one. `None` when there is none.
///
/// # Errors
///
/// What is wrong with it, and with which file.
pub(super) fn text(path: &Path, most: u64) -> Result<Option<String>, String> {
    open(path, OFlags::empty())?.map(|file| read(file, path, most)).transpose()
}

/// The same of what the caller names on the command line, which may be a pipe, as in `--hosts <(...)`.
///
/// # Errors
///
/// As [`text`].
pub(super) fn given(path: &Path, most: u64) -> Result<Option<String>, String> {
    found(path, File::open(path))?.map(|file| read(file, path, most)).transpose()
}

/// A secret: one line of printable ASCII in a file that belongs to root or to the caller, and that nobody else can read.
///
/// # Errors
///
/// What is wrong with it, and what to do about it.
pub(super) fn secret(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file =
        open(path, OFlags::NOFOLLOW)?.ok_or_else(|| format!("{shown} does not exist: it is to hold the secret"))?;
    let stat = file.metadata().map_err(|error| format!("can't look at {shown}: {error}"))?;
    let me = rustix::process::geteuid().as_raw();
    if stat.uid() != 0 && stat.uid() != me {
        return Err(format!(
            "{shown} belongs to user id {}, who could read and change the secret in it; run: sudo chown root {shown}",
            stat.uid()
        ));
    }
    if stat.mode() & 0o027 != 0 {
        return Err(format!(
            "{shown} can be read by others or written by its group (mode {:04o}), so what is in it is no secret; \
             run: chmod g-w,o= {shown}",
            stat.mode() & 0o7777
        ));
    }
    let text = read(file, path, MOST_SECRET)?;
    let line = text.trim();
    if line.is_empty() || !line.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(format!("{shown}: one line of printable ASCII was expected"));
    }
    Ok(line.to_owned())
}

/// A regular file. Nobody is waited for at the other end of a pipe.
fn open(path: &Path, more: OFlags) -> Result<Option<File>, String> {
    let flags = more | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    if more.contains(OFlags::NOFOLLOW)
        && opened.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::LOOP.raw_os_error()))
    {
        return Err(format!(
            "{} is a link, and could be made to lead elsewhere: name the file itself that holds the secret",
            path.display()
        ));
    }
    let Some(file) = found(path, opened)? else { return Ok(None) };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(Some(file)) } else { Err(format!("{} is no regular file", path.display())) }
}

/// What was opened; `None` where nothing is there.
fn found(path: &Path, opened: Result<File, Error>) -> Result<Option<File>, String> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("can't read {}: {error}", path.display())),
    }
}

fn read(file: File, path: &Path, most: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    if bytes.len() as u64 > most {
        return Err(format!("{} is longer than {most} bytes", path.display()));
    }
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, chown, symlink},
    };

    use super::*;

    #[test]
    fn a_secret_that_others_can_read_or_change_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "s3cret \n").unwrap();
        let with_mode = |mode| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            secret(&path)
        };
        for mode in [0o600, 0o400, 0o640, 0o440] {
            assert_eq!(with_mode(mode).unwrap(), "s3cret", "{mode:o}");
        }
        for mode in [0o644, 0o604, 0o660, 0o602, 0o601] {
            let error = with_mode(mode).unwrap_err();
            assert!(error.contains(&format!("{mode:04o}")) && error.contains("chmod g-w,o="), "{mode:o}: {error}");
        }
        with_mode(0o600).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(1234), None).unwrap();
            assert!(secret(&path).unwrap_err().contains("belongs to user id 1234"));
            chown(&path, Some(0), None).unwrap();
        }
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(secret(&link).unwrap_err().contains("name the file itself"));
        assert_eq!(text(&link, 100).unwrap().as_deref(), Some("s3cret \n"), "what is no secret may lie behind a link");
        assert!(secret(dir.path()).unwrap_err().contains("no regular file"));
        assert!(secret(&dir.path().join("none")).unwrap_err().contains("does not exist"));
        for content in ["", "two\nlines", "esc\u{1b}", &"x".repeat(20_000)] {
            fs::write(&path, content).unwrap();
            assert!(secret(&path).is_err(), "{content}");
        }
    }
}

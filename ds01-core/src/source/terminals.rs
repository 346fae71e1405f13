//! The terminals of a host and of its containers, to write to.
//!
//! Users own these devices, and whoever is root in a container can put anything in their place. So a directory counts only when
//! it is a pseudo-terminal file system, nothing in it is reached through a link, only character devices with a terminal's number
//! are opened, and none becomes the controlling terminal. Writing never waits: a terminal that takes nothing, because it was
//! stopped (Ctrl-S) or nobody reads it, is left alone.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{self, Dir, FileType, Mode, OFlags},
    io::Errno,
    termios::{self, OutputModes},
    time::Timespec,
};

use super::devpts;

/// Major numbers of pseudo-terminals (`Documentation/admin-guide/devices.txt` of the kernel).
const PTS_MAJORS: std::ops::RangeInclusive<u32> = 136..=143;

/// Nobody has more; whoever can mount can make a directory of any length.
const MOST: usize = 4096;

/// A terminal that takes nothing for so long is full, or stopped.
const TAKES_NOTHING_AFTER: Duration = Duration::from_millis(200);

/// A terminal that somebody has open.
#[derive(Debug)]
pub struct Terminal {
    device: OwnedFd,
    /// The user id of its owner: on the host the user who is logged in there; in a container a user of the container.
    pub owner: u32,
    /// Whether its owner lets others write to it (`mesg y`).
    pub takes_messages: bool,
    /// Where it is, such as `/dev/pts/3`.
    pub name: String,
}

/// The terminals of the host: pseudo-terminals (ssh, tmux, an editor's terminal) and consoles, below `dev`, which is `/dev`.
/// Those that can't be opened are somebody else's by now, or gone.
pub fn of_host(dev: &Path) -> Vec<Terminal> {
    let Ok(dir) = open_dir(dev) else { return Vec::new() };
    let mut found = in_pts(&dir, "pts");
    for name in names(&dir).into_iter().filter(|name| is_console(name)) {
        // One that nobody is logged in at belongs to root, and is not opened: that does something to a serial line.
        found.extend(open(&dir, &name, &format!("/dev/{name}"), |stat| stat.st_uid != 0));
    }
    found
}

/// The terminals of a container (`docker exec -it`, `docker run -it`), by the root directory of one of its processes,
/// `/proc/PID/root`.
pub fn of_container(root: &Path) -> Vec<Terminal> {
    let Ok(root) = open_dir(root) else { return Vec::new() };
    in_pts(&root, "dev/pts")
}

fn open_dir(path: &Path) -> rustix::io::Result<OwnedFd> {
    fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// The pseudo-terminals at `path` below a directory.
fn in_pts(root: &OwnedFd, path: &str) -> Vec<Terminal> {
    let Ok(Some(dir)) = devpts::open(root, path) else { return Vec::new() };
    let mut names = devpts::numbers(&dir).unwrap_or_default();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let is_pty = |stat: &fs::Stat| PTS_MAJORS.contains(&rustix::fs::major(stat.st_rdev));
    names.iter().filter_map(|name| open(&dir, name, &format!("/dev/pts/{name}"), is_pty)).collect()
}

fn names(dir: &OwnedFd) -> Vec<String> {
    let Ok(entries) = Dir::read_from(dir) else { return Vec::new() };
    let names = entries.take(MOST).filter_map(|entry| Some(entry.ok()?.file_name().to_str().ok()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

/// The names of consoles: `console`, `tty1`, `ttyS0`, `ttyAMA0`, `hvc0`.
fn is_console(name: &str) -> bool {
    let of = |prefix: &str| {
        let number = name.strip_prefix(prefix)?.trim_start_matches(|c: char| c.is_ascii_uppercase());
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    name == "console" || of("tty").is_some() || of("hvc").is_some()
}

/// One that is what it seems: looked at before it is opened, as opening a FIFO or a device does something, and after.
fn open(dir: &OwnedFd, name: &str, named: &str, is_wanted: impl Fn(&fs::Stat) -> bool) -> Option<Terminal> {
    let is_one =
        |stat: &fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && is_wanted(stat);
    let before = fs::statat(dir, name, fs::AtFlags::SYMLINK_NOFOLLOW).ok().filter(is_one)?;
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let device = fs::openat(dir, name, flags, Mode::empty()).ok()?;
    let stat = fs::fstat(&device).ok().filter(is_one)?;
    (stat.st_rdev == before.st_rdev && termios::isatty(&device)).then(|| Terminal {
        owner: stat.st_uid,
        takes_messages: Mode::from_raw_mode(stat.st_mode).contains(Mode::WGRP),
        name: named.to_owned(),
        device,
    })
}

impl Terminal {
    /// Writes `text` whole, or says why not. It has to be plain text in lines, and short: a terminal takes some thousand bytes
    /// at once.
    ///
    /// # Errors
    ///
    /// When the terminal hung up, or took nothing or only a part.
    pub fn write(&self, text: &str) -> Result<(), String> {
        // A line begins at the left also where an editor or tmux has told the terminal not to see to that.
        let adds_returns =
            |modes: &termios::Termios| modes.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR);
        let lines = match termios::tcgetattr(&self.device) {
            Ok(modes) if adds_returns(&modes) => text.to_owned(),
            _ => text.replace('\n', "\r\n"),
        };
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            match rustix::io::write(&self.device, rest) {
                Ok(0) => return Err("it takes nothing".to_owned()),
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(rest.len() < lines.len())?,
                Err(error) => return Err(std::io::Error::from(error).to_string()),
            }
        }
        Ok(())
    }

    fn wait(&self, began: bool) -> Result<(), String> {
        let mut fds = [PollFd::new(&self.device, PollFlags::OUT)];
        let limit = Timespec::try_from(TAKES_NOTHING_AFTER).ok();
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) if began => Err("it took only a part: it is full, or stopped".to_owned()),
            Ok(0) => Err("it takes nothing: it is full, or stopped".to_owned()),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(std::io::Error::from(error).to_string()),
        }
    }
}

/// The root directory of a process, as the kernel shows it below `proc`.
pub fn root_of(proc: &Path, pid: u32) -> PathBuf {
    proc.join(pid.to_string()).join("root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_are_told_by_their_names() {
        let are = ["console", "tty1", "tty63", "ttyS0", "ttyAMA0", "ttyUSB1", "hvc0"];
        let are_not = ["tty", "ttyS", "hvc", "console1", "nvidia0", "tty1a", "ttyprintk", "pts"];
        assert!(are.iter().all(|name| is_console(name)) && !are_not.iter().any(|name| is_console(name)));
    }
}

//! The terminals of a host and of its containers, to write to.
//!
//! Users own these devices, and whoever is root in a container can put anything in their place. So a directory counts only when
//! it is a pseudo-terminal file system, nothing in it is reached through a link, only character devices with a terminal's number
//! are opened, and none becomes the controlling terminal. All are written to side by side, and none is waited for alone: one that
//! takes nothing, because it was stopped (Ctrl-S) or nobody reads it, is left.

use std::{
    cmp::Reverse,
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

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

/// The most terminals of one user that are told, those first at which somebody typed last. Whoever opens more holds nobody up.
const MOST_OF_ONE: usize = 32;

/// Once no terminal has taken anything for so long, the rest of them are full, or stopped.
const TAKES_NOTHING_AFTER: Duration = Duration::from_millis(200);

/// So long one text may take at all terminals together.
const ALL_AT_MOST: Duration = Duration::from_secs(2);

/// Between two tries at terminals that seem to take something, and do not.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// A terminal that somebody has open, by what its directory says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The user id of its owner: on the host the user who is logged in there; in a container a user of the container.
    pub owner: u32,
    /// Whether its owner lets others write to it (`mesg y`).
    pub takes_messages: bool,
    /// Where it is, such as `/dev/pts/3`.
    pub name: String,
}

/// A terminal to be written to.
#[derive(Debug)]
pub struct Terminal {
    /// Or why it could not be opened.
    device: Result<OwnedFd, String>,
    /// What it is.
    pub is: Listed,
    /// When somebody typed at it last, or opened it on the host. `None` where nobody has typed at a container's: `docker run -dt`
    /// makes one that nobody sees.
    pub last_input: Option<Timestamp>,
}

/// The terminals of the host whose owners are wanted: pseudo-terminals (ssh, tmux, an editor's terminal) and consoles, below
/// `dev`, which is `/dev`. Those that are somebody else's by now, or gone, are left out. Those of others are not opened.
pub fn of_host(dev: &Path, is_wanted: impl Fn(u32) -> bool) -> Vec<Terminal> {
    let found = found_on_host(dev).unwrap_or_default();
    open_some(found.into_iter().filter(|found| is_wanted(found.is.owner)).collect())
}

/// The terminals of a container (`docker exec -it`, `docker run -it`), by the root directory of one of its processes,
/// `/proc/PID/root`. One that shares those of the host, below `dev`, has none of its own. It can put a file system there that does
/// not answer: callers give it a deadline.
pub fn of_container(root: &Path, dev: &Path) -> Vec<Terminal> {
    open_some(found_in_container(root, dev).unwrap_or_default())
}

fn open_some(found: Vec<Found>) -> Vec<Terminal> {
    let mut of_owner: HashMap<u32, usize> = HashMap::new();
    let mut found: Vec<(usize, Found)> = found.into_iter().enumerate().collect();
    found.sort_by_key(|(_, one)| Reverse(one.last_input));
    found.retain(|(_, one)| {
        let count = of_owner.entry(one.is.owner).or_default();
        *count += 1;
        *count <= MOST_OF_ONE
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, one)| one).filter_map(Found::open).collect()
}

/// The terminals of the host, looked at and not opened.
///
/// # Errors
///
/// When `dev` can't be read.
pub fn listed_of_host(dev: &Path) -> io::Result<Vec<Listed>> {
    Ok(found_on_host(dev)?.into_iter().map(|found| found.is).collect())
}

/// The terminals of a container, looked at and not opened. As [`of_container`].
///
/// # Errors
///
/// When its directories can't be read.
pub fn listed_of_container(root: &Path, dev: &Path) -> io::Result<Vec<Listed>> {
    Ok(found_in_container(root, dev)?.into_iter().map(|found| found.is).collect())
}

/// A terminal in its directory.
struct Found {
    dir: Rc<OwnedFd>,
    file: String,
    device_number: u64,
    /// When it was made, or given away.
    changed_at: Timestamp,
    /// The access time, which the kernel sets when it was made and when it is read, in steps of some seconds.
    last_input: Option<Timestamp>,
    is: Listed,
}

fn found_on_host(dev: &Path) -> io::Result<Vec<Found>> {
    let dir = Rc::new(open_dir(dev)?);
    let mut found = in_pts(&dir, "pts")?;
    for name in names(&dir)?.into_iter().filter(|name| is_console(name)) {
        // One that nobody is logged in at belongs to root, and is not opened: that does something to a serial line.
        found.extend(look(&dir, &name, format!("/dev/{name}"), |stat| stat.st_uid != 0));
    }
    Ok(found)
}

fn found_in_container(root: &Path, dev: &Path) -> io::Result<Vec<Found>> {
    let host = fs::stat(dev.join("pts")).ok().map(|stat| stat.st_dev);
    let root = open_dir(root)?;
    let Some(dir) = devpts::open(&root, "dev/pts")? else { return Ok(Vec::new()) };
    if host == Some(fs::fstat(&dir)?.st_dev) {
        return Ok(Vec::new());
    }
    let mut found = all_in(dir)?;
    found.iter_mut().for_each(|one| one.last_input = one.last_input.filter(|at| *at > one.changed_at));
    Ok(found)
}

fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    Ok(fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// The pseudo-terminals at `path` below a directory.
fn in_pts(root: &OwnedFd, path: &str) -> io::Result<Vec<Found>> {
    devpts::open(root, path)?.map_or_else(|| Ok(Vec::new()), all_in)
}

fn all_in(dir: OwnedFd) -> io::Result<Vec<Found>> {
    let dir = Rc::new(dir);
    let names = devpts::numbers(&dir)?;
    let is_pty = |stat: &fs::Stat| PTS_MAJORS.contains(&fs::major(stat.st_rdev));
    Ok(names.iter().filter_map(|name| look(&dir, name, format!("/dev/pts/{name}"), is_pty)).collect())
}

fn names(dir: &OwnedFd) -> io::Result<Vec<String>> {
    let entries = Dir::read_from(dir)?;
    let names = entries.take(devpts::MOST).filter_map(|entry| Some(entry.ok()?.file_name().to_str().ok()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    devpts::by_number(&mut names);
    Ok(names)
}

/// The names of consoles: `console`, `tty1`, `ttyS0`, `ttyAMA0`, `hvc0`.
fn is_console(name: &str) -> bool {
    let of = |prefix: &str| {
        let number = name.strip_prefix(prefix)?.trim_start_matches(|c: char| c.is_ascii_uppercase());
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    name == "console" || of("tty").is_some() || of("hvc").is_some()
}

/// One that is what it seems: opening a FIFO or a device does something, so it is looked at before.
fn look(dir: &Rc<OwnedFd>, file: &str, name: String, is_wanted: impl Fn(&fs::Stat) -> bool) -> Option<Found> {
    let stat = fs::statat(&**dir, file, fs::AtFlags::SYMLINK_NOFOLLOW).ok()?;
    (is_device(&stat) && is_wanted(&stat)).then(|| Found {
        dir: Rc::clone(dir),
        file: file.to_owned(),
        device_number: stat.st_rdev,
        last_input: Timestamp::from_second(stat.st_atime).ok(),
        changed_at: Timestamp::from_second(stat.st_ctime).unwrap_or_default(),
        is: Listed { owner: stat.st_uid, takes_messages: Mode::from_raw_mode(stat.st_mode).contains(Mode::WGRP), name },
    })
}

fn is_device(stat: &fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
}

impl Found {
    /// Opens it, if it still is what it was when it was looked at.
    fn open(self) -> Option<Terminal> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let device = match fs::openat(&*self.dir, &self.file, flags, Mode::empty()) {
            Ok(device) => device,
            // It hung up.
            Err(Errno::NOENT | Errno::NXIO | Errno::IO) => return None,
            Err(error) => {
                let why = format!("it can't be opened: {}", io::Error::from(error));
                return Some(Terminal { is: self.is, last_input: self.last_input, device: Err(why) });
            }
        };
        let stat = fs::fstat(&device).ok().filter(is_device)?;
        let is_same = stat.st_rdev == self.device_number && stat.st_uid == self.is.owner;
        (is_same && termios::isatty(&device)).then(|| Terminal {
            is: Listed { takes_messages: Mode::from_raw_mode(stat.st_mode).contains(Mode::WGRP), ..self.is },
            last_input: self.last_input,
            device: Ok(device),
        })
    }
}

/// Writes `text` whole to each terminal, all within two seconds. It has to be plain text in lines, and short: a terminal takes
/// some thousand bytes at once. For each, why it was not written: it hung up, or took nothing or only a part.
pub fn write_all(terminals: &[&Terminal], text: &str) -> Vec<Result<(), String>> {
    let end = Instant::now() + ALL_AT_MOST;
    let mut all: Vec<Writing<'_>> = terminals.iter().map(|terminal| Writing::new(terminal, text)).collect();
    loop {
        let took_some = all.iter_mut().fold(false, |some, one| one.write() | some);
        let waiting: Vec<&OwnedFd> = all.iter().filter_map(Writing::waits_for).collect();
        let left = end.saturating_duration_since(Instant::now());
        if waiting.is_empty() || left.is_zero() {
            break;
        }
        if !took_some {
            thread::sleep(TRY_AGAIN);
        }
        let mut fds: Vec<PollFd<'_>> = waiting.into_iter().map(|device| PollFd::new(device, PollFlags::OUT)).collect();
        let limit = Timespec::try_from(TAKES_NOTHING_AFTER.min(left)).ok();
        match poll(&mut fds, limit.as_ref()) {
            Ok(1..) | Err(Errno::INTR) => {}
            Ok(0) | Err(_) => break,
        }
    }
    all.into_iter().map(Writing::ended).collect()
}

/// A text on its way to one terminal.
struct Writing<'a> {
    device: Option<&'a OwnedFd>,
    lines: Vec<u8>,
    written: usize,
    failed: Option<String>,
}

impl<'a> Writing<'a> {
    fn new(terminal: &'a Terminal, text: &str) -> Self {
        let device = terminal.device.as_ref();
        // A line begins at the left also where an editor or tmux has told the terminal not to see to that.
        let adds_returns =
            |modes: &termios::Termios| modes.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR);
        let modes = device.ok().and_then(|device| termios::tcgetattr(device).ok());
        let lines = if modes.is_some_and(|modes| adds_returns(&modes)) {
            text.as_bytes().to_vec()
        } else {
            text.replace('\n', "\r\n").into_bytes()
        };
        Self { device: device.ok(), lines, written: 0, failed: device.err().cloned() }
    }

    /// The device, while there is something left that it has not taken.
    fn waits_for(&self) -> Option<&'a OwnedFd> {
        self.device.filter(|_| self.failed.is_none() && self.written < self.lines.len())
    }

    /// Writes what it takes now; whether that is anything.
    fn write(&mut self) -> bool {
        let before = self.written;
        while let Some(device) = self.waits_for() {
            match rustix::io::write(device, &self.lines[self.written..]) {
                Ok(written @ 1..) => self.written += written,
                Err(Errno::INTR) => {}
                Ok(0) | Err(Errno::AGAIN) => break,
                Err(error) => self.failed = Some(io::Error::from(error).to_string()),
            }
        }
        self.written > before
    }

    fn ended(self) -> Result<(), String> {
        match self.failed {
            Some(why) => Err(why),
            None if self.written == self.lines.len() => Ok(()),
            None if self.written > 0 => Err("it took only a part: it is full, or stopped".to_owned()),
            None => Err("it takes nothing: it is full, or stopped".to_owned()),
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

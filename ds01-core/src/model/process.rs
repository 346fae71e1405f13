//! What `/proc` says about a process, as plain data.

use jiff::Timestamp;

use super::{Belonging, ContainerId, Reading};

/// One process, read from `/proc/PID`.
///
/// `comm`, `exe` and `cmdline` are users' text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The pid as the host numbers it.
    pub pid: u32,
    /// `starttime` of `/proc/PID/stat`: clock ticks from boot to the process's start. With the pid (and the boot id) it
    /// identifies a process: it does not move when the wall clock is set, and a reused pid has another.
    pub start_ticks: u64,
    /// The same instant on the wall clock, to a second: `btime` of `/proc/stat` plus the ticks.
    pub started_at: Timestamp,
    /// The effective user id, from `Uid:` of `/proc/PID/status`.
    pub uid: u32,
    /// `/proc/PID/loginuid`: the user at whose login it began, through `sudo` and `su`. `None` for services.
    pub login_uid: Reading<Option<u32>>,
    /// The name from `/proc/PID/stat`, at most 15 bytes, decoded lossily.
    pub comm: String,
    /// The file name of `/proc/PID/exe`, decoded lossily, without ` (deleted)`.
    pub exe: Reading<String>,
    /// `/proc/PID/cmdline` split at NUL bytes, decoded lossily, joined by spaces. Empty for kernel threads and zombies.
    pub cmdline: Reading<String>,
    /// The user below whose slice it runs, from `/proc/PID/cgroup`: `user.slice/user-UID.slice`. `None` elsewhere. Only root
    /// moves processes there that did not begin there.
    pub user_slice: Reading<Option<u32>>,
    /// The containers it runs in, from `/proc/PID/cgroup`, the outermost first: several for Docker in Docker, none for a
    /// process of the host. Names that a user could choose, below a control group of the user's own, count for nothing here:
    /// [`users_group`](Self::users_group) has them.
    pub containers: Reading<Vec<ContainerId>>,
    /// The control group of a user that it runs below, and not in a container; as for `belongs_to`.
    pub users_group: Option<UsersGroup>,
    /// What it belongs to, from the same file: what its control group proves first, then what it says itself. Nothing where
    /// [`containers`](Self::containers) could not be read: such a process can't be placed at all.
    pub belongs_to: Vec<Belonging>,
}

/// A user's part of the tree of control groups. The user can make groups in it, give them any name, and move processes into
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersGroup {
    /// That user: to whom the kernel says that the directory belongs. `None` where several may write it.
    pub uid: Option<u32>,
    /// The containers that names below it tell of, the outermost first. They mean something only as containers of an engine that
    /// this very user runs: anybody can name a group like somebody else's container.
    pub containers: Vec<ContainerId>,
}

/// The host, as `/proc` knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host name, from `/proc/sys/kernel/hostname`.
    pub name: String,
    /// `/proc/sys/kernel/random/boot_id`: another one after each boot.
    pub boot_id: String,
}

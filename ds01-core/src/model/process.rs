//! What `/proc` says about a process, as plain data.

use jiff::Timestamp;

use super::{ContainerId, Reading};

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
    /// process of the host.
    pub containers: Reading<Vec<ContainerId>>,
}

/// The host, as `/proc` knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The host name, from `/proc/sys/kernel/hostname`.
    pub name: String,
    /// `/proc/sys/kernel/random/boot_id`: another one after each boot.
    pub boot_id: String,
}

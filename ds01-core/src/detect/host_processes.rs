//! Processes outside all listed containers: who enters the picture, who waits, who is gone.
//!
//! A process enters at the second scan in a row that sees it; until then it waits among the pending ones. Its identity is
//! boot, pid and start: a reused pid is another process.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{Belonging, ContainerId, Process, Reading};

use super::{
    gpu_use::{GpuUsers, name},
    inventory::{Extra, GpuUse, Inventory, ProcessEntry, total_memory_mb},
    names::{Known, Names},
    settings::Settings,
};

/// Programs that hold a context to manage GPUs, not to use them.
const SYSTEM_PROCESSES: [&str; 10] = [
    "nvidia-persistenced",
    "nv-hostengine",
    "dcgm",
    "dcgmi",
    "dcgm-exporter",
    "nvidia-smi",
    "nvidia-cuda-mps-server",
    "nvidia-cuda-mps-control",
    "Xorg",
    "X",
];

/// User ids below this are system accounts.
const FIRST_LOGIN_UID: u32 = 1000;

/// The kernel keeps no more bytes of a process's name.
const COMM_BYTES: usize = 15;

/// The two lists of processes in an inventory, by pid: those in the picture, and those that wait.
#[derive(Default)]
pub(super) struct HostProcesses {
    pub listed: BTreeMap<u32, ProcessEntry>,
    pub pending: BTreeMap<u32, ProcessEntry>,
}

/// What the lists are made from.
pub(super) struct HostScan<'a> {
    /// When.
    pub now: Timestamp,
    /// The lists of the scan before.
    pub previous: &'a Inventory,
    /// Whether pids and starts of the scan before are of this boot, for all that can be told.
    pub same_boot: bool,
    /// Whether an engine of root's failed, so that a container that none lists may yet be one of its own.
    pub engine_failed: bool,
    /// What users are called.
    pub names: &'a Names<'a>,
    /// What an admin set.
    pub settings: &'a Settings,
}

impl HostScan<'_> {
    /// Both lists as they are now; as they were, when nobody can tell.
    pub(super) fn processes(&self, users: Option<&GpuUsers<'_>>) -> HostProcesses {
        let stale = |(pid, entry): (&u32, &ProcessEntry)| (*pid, ProcessEntry { stale: true, ..entry.clone() });
        let Some(users) = users else {
            // That they ended with their boot needs no GPU to tell.
            if !self.same_boot {
                return HostProcesses::default();
            }
            return HostProcesses {
                listed: self.previous.host_processes.iter().map(stale).collect(),
                pending: self.previous.pending_processes.iter().map(stale).collect(),
            };
        };
        let mut now = HostProcesses::default();
        for (process, uses) in users.outside.values().filter(|(process, _)| !self.is_system(process)) {
            self.add(process, uses, users, &mut now);
        }
        self.keep_unseen(&self.previous.host_processes, users, &mut now.listed);
        self.keep_unseen(&self.previous.pending_processes, users, &mut now.pending);
        now
    }

    fn add(&self, process: &Process, uses: &[GpuUse], users: &GpuUsers<'_>, now: &mut HostProcesses) {
        let listed = self.before(&self.previous.host_processes, process);
        let pending = self.before(&self.previous.pending_processes, process);
        let before = listed.or(pending);
        let container = process.containers.known().and_then(|ids| ids.last());
        let mut entry = self.entry(process, container, uses, before);
        if let Some(before) = before {
            let mut held = entry.gpus.clone();
            users.add_kept(&mut held, users.kept(process.pid, &before.gpus));
            entry.set_gpus(held);
        }
        // While an engine is out of reach its new containers are not listed: who runs in one has to wait, or it would leave
        // the picture again, as if it had ended, as soon as the engine is back.
        let may_be_listed_yet = self.engine_failed && container.is_some();
        if listed.is_some() || (pending.is_some() && !may_be_listed_yet) {
            now.listed.insert(process.pid, entry);
        } else {
            now.pending.insert(process.pid, entry);
        }
    }

    /// Keeps what nobody could look at: a process on a GPU that could not be read, or one that could not be read itself.
    fn keep_unseen(
        &self,
        before: &BTreeMap<u32, ProcessEntry>,
        users: &GpuUsers<'_>,
        now: &mut BTreeMap<u32, ProcessEntry>,
    ) {
        if !self.same_boot {
            return;
        }
        for (pid, entry) in before.iter().filter(|(pid, _)| !users.outside.contains_key(pid)) {
            let hidden = users.unreadable.contains_key(pid);
            let alive = || users.processes?.get(*pid).filter(|process| process.start_ticks == entry.start_ticks);
            let kept = users.kept(*pid, &entry.gpus);
            if !kept.is_empty() && (hidden || alive().is_some()) {
                let mut entry = ProcessEntry { stale: true, ..entry.clone() };
                entry.set_gpus(kept);
                now.insert(*pid, entry);
            }
        }
    }

    fn before<'b>(&self, entries: &'b BTreeMap<u32, ProcessEntry>, process: &Process) -> Option<&'b ProcessEntry> {
        entries.get(&process.pid).filter(|entry| self.same_boot && entry.start_ticks == process.start_ticks)
    }

    fn entry(
        &self,
        process: &Process,
        container: Option<&ContainerId>,
        uses: &[GpuUse],
        before: Option<&ProcessEntry>,
    ) -> ProcessEntry {
        let known = before.and_then(|before| Known::of_process(before, process.uid, self.previous.last_scan));
        let named = self.names.name(process.uid, known);
        let (user, user_remembered) =
            named.map_or_else(|| (process.uid.to_string(), None), |named| (named.name, named.remembered));
        let mut entry = ProcessEntry {
            pid: process.pid,
            // Reckoned from the wall clock at boot, which moves by a second when that clock is set: kept as first seen.
            started_at: before.map_or(process.started_at, |b| b.started_at),
            user,
            user_remembered,
            uid: process.uid,
            name: name(process),
            cmdline: process.cmdline.known().cloned(),
            gpu_memory_mb: None,
            gpu_uuid: None,
            gpus: Vec::new(),
            in_container: container.is_some(),
            container_id: container.cloned(),
            belongs_to: process.belongs_to.iter().map(|one| self.with_user(one)).collect(),
            detected_at: before.map_or(self.now, |b| b.detected_at),
            stale: false,
            start_ticks: process.start_ticks,
            extra: before.map_or_else(Extra::new, |b| b.extra.clone()),
        };
        entry.set_gpus(uses.to_vec());
        entry
    }

    /// The same with the name of its user.
    fn with_user(&self, one: &Belonging) -> Belonging {
        let name = |uid: u32| self.names.name(uid, None).map_or_else(|| uid.to_string(), |named| named.name);
        Belonging { user: one.uid.map(name), ..one.clone() }
    }

    /// Whether this is a program of the system's, run by the system: what a login user runs is listed, whatever its name.
    fn is_system(&self, process: &Process) -> bool {
        // Root in a container is anybody, and names its programs as it likes.
        let listed = process.containers.known().is_none_or(|ids| !ids.is_empty());
        let inside = process.belongs_to.iter().any(|one| one.kind.is_inside());
        let contained = listed || inside || process.users_group.is_some();
        let by_login = process.login_uid.known().is_some_and(|uid| uid.is_some_and(|uid| uid >= FIRST_LOGIN_UID));
        if process.uid >= FIRST_LOGIN_UID || by_login || contained {
            return false;
        }
        let extra = self.settings.system_processes.iter().map(String::as_str);
        let mut names = SYSTEM_PROCESSES.into_iter().chain(extra);
        match &process.exe {
            Reading::Known(exe) => names.any(|name| name == exe),
            Reading::Unknown(_) => names.any(|name| name[..name.floor_char_boundary(COMM_BYTES)] == process.comm),
        }
    }
}

impl ProcessEntry {
    fn set_gpus(&mut self, gpus: Vec<GpuUse>) {
        self.gpu_memory_mb = total_memory_mb(&gpus);
        self.gpu_uuid = gpus.first().map(|held| held.gpu_uuid.clone());
        self.gpus = gpus;
    }
}

//! Some containers, the program, and time that moves without waiting.

use ds01_core::policy::Engines;
use std::{
    cell::{Cell, RefCell},
    fs,
    ops::RangeInclusive,
    path::Path,
    process::{self, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use docker_rig::{BUSYBOX, Container, Rig};
use ds01_core::{
    cli::SourceArgs,
    detect::{Inventory, Settings, inventory::FILE_NAME},
    event::EventLog,
    model::{DeviceSpan, Sample},
    sampler::{Sampler, SamplerSources},
    scan::{self, ScanOptions},
    source::{Clock, Shift, ShiftedClock, SystemClock, nvml::ResidentNvml, proc::ProcFs, samples::SampleFiles},
};
use jiff::{SignedDuration, Timestamp};
use nvml_standin::{Gpu, Scenario};
use serde_json::Value;

use crate::{
    gpus::Gpus,
    reaper::{Reaper, Run},
    told::{STOP, STOPPED, WARNING, unboxed},
    witness::Witness,
};

/// The sampler that ships, in a story in which time moves without waiting.
pub(crate) struct StorySampler {
    sampler: Sampler,
    clock: Arc<StoryClock>,
    files: SampleFiles,
}

impl StorySampler {
    /// One look at this moment.
    pub(crate) fn look_at(&mut self, story: &Story, at: Duration) {
        let (wall, boot) = story.shift_to(at);
        *self.clock.0.lock().unwrap() =
            Shift { wall: SignedDuration::from_secs(wall), boot: Duration::from_secs(boot) };
        self.files.append(&self.sampler.look().unwrap()).unwrap();
    }
}

/// A clock that is set as a story goes on.
#[derive(Default)]
struct StoryClock(Mutex<Shift>);

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        ShiftedClock(*self.0.lock().unwrap()).now()
    }

    fn since_boot(&self) -> Duration {
        ShiftedClock(*self.0.lock().unwrap()).since_boot()
    }
}

/// More than the slowest machine needs for what is going to happen at all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A main process that does nothing, and ends when it is told to.
const SITS: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"];

/// A main process that does nothing, and does not end by itself.
const IGNORES: [&str; 3] = ["sh", "-c", "trap '' TERM; sleep 100000 & wait"];

/// A main process that keeps a core busy, and ends when it is told to.
const LOADS: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; while :; do :; done"];

/// A story on a host with two GPUs of its own.
///
/// Its clock runs from its beginning, and is that of the program: whatever has really passed is part of it, so that a slow
/// machine adds nothing up.
pub(crate) struct Story {
    pub(crate) rig: Rig,
    pub(crate) gpus: Arc<Gpus>,
    pub(crate) reaper: Reaper,
    witness: Witness,
    number: u32,
    began: Instant,
    /// By how much the wall clock was set, in seconds.
    wall_set: Cell<i64>,
    cast: RefCell<Vec<Role>>,
    /// Whether the daemon is this story's alone.
    alone: bool,
}

/// A container by the name that the test has for it.
struct Role {
    alias: String,
    name: String,
    id: String,
}

impl Story {
    /// `None` without a rig.
    pub(crate) fn begin() -> Option<Self> {
        Some(Self::on(Rig::from_env()?, false))
    }

    /// On a daemon that no other story uses: its containers have no more names than the test gives them, and a check may be
    /// one of everybody.
    pub(crate) fn alone_on(rig: Rig) -> Self {
        Self::on(rig, true)
    }

    fn on(rig: Rig, alone: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let gpu = |n| Gpu { process_utilization: Some(Vec::new()), ..Gpu::new(&uuid("GPU", number, n), 81_920) };
        let gpus = Arc::new(Gpus::new(Scenario::default().gpu(gpu(0)).gpu(gpu(1))));
        let reaper = Reaper::new(rig.socket(), gpus.library());
        let witness = Witness::new(&rig);
        let (wall_set, cast) = <(Cell<i64>, RefCell<Vec<Role>>)>::default();
        Self { rig, gpus, reaper, witness, number, began: Instant::now(), wall_set, cast, alone }
    }

    /// How far the story is by the machine's clock.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The UUID of one of its GPUs. No other story has it, so that no container of another is given it.
    pub(crate) fn gpu(&self, n: u32) -> String {
        uuid("GPU", self.number, n)
    }

    /// A UUID for a MIG instance.
    pub(crate) fn mig(&self, n: u32) -> String {
        uuid("MIG", self.number, n)
    }

    /// A container with the first GPU that does nothing, and ends when it is told to.
    pub(crate) fn sitter(&self, alias: &str, options: &[&str]) -> Container {
        self.with_gpu(alias, options, &SITS)
    }

    /// The same, one that ignores SIGTERM.
    pub(crate) fn ignorer(&self, alias: &str, options: &[&str]) -> Container {
        self.with_gpu(alias, options, &IGNORES)
    }

    /// The same, one that keeps a core busy.
    pub(crate) fn loader(&self, alias: &str, options: &[&str]) -> Container {
        self.with_gpu(alias, options, &LOADS)
    }

    /// A running container with the first GPU.
    pub(crate) fn with_gpu(&self, alias: &str, options: &[&str], command: &[&str]) -> Container {
        self.run(alias, &[&[self.gpus_option(&[0]).as_str()], options].concat(), command)
    }

    /// One with the second GPU that does nothing: what happens to it shows what would happen to others.
    pub(crate) fn idle_beside(&self) -> Container {
        self.run("idle", &[&self.gpus_option(&[1])], &SITS)
    }

    /// The same with no GPU unless `options` give it one. It does nothing unless `command` says what.
    pub(crate) fn run(&self, alias: &str, options: &[&str], command: &[&str]) -> Container {
        self.make(alias, options, command, |args| self.rig.run_container(args))
    }

    /// One with the first GPU that was made and not started.
    pub(crate) fn create(&self, alias: &str, options: &[&str]) -> Container {
        let gpu = self.gpus_option(&[0]);
        self.make(alias, &[&[gpu.as_str()], options].concat(), &SITS, |args| self.rig.create_container(args))
    }

    fn make(
        &self,
        alias: &str,
        options: &[&str],
        command: &[&str],
        make: impl FnOnce(&[&str]) -> Container,
    ) -> Container {
        let name = if self.alone { alias.to_owned() } else { Rig::unique_name(alias) };
        let command = if command.is_empty() { &SITS } else { command };
        let container = make(&[options, &["--name", &name, BUSYBOX], command].concat());
        self.cast.borrow_mut().push(Role { alias: alias.to_owned(), name, id: container.id().to_owned() });
        container
    }

    /// What gives a container these of its GPUs.
    pub(crate) fn gpus_option(&self, which: &[u32]) -> String {
        let uuids: Vec<String> = which.iter().map(|n| self.gpu(*n)).collect();
        format!("--gpus=\"device={}\"", uuids.join(","))
    }

    /// The daemon is reached through this socket from now on.
    pub(crate) fn behind(&mut self, socket: &Path) {
        self.reaper.docker(socket);
    }

    /// And through its own again.
    pub(crate) fn directly(&mut self) {
        self.reaper.docker(self.rig.socket());
    }

    /// The wall clock was set by so many seconds, and the boot clock was not.
    pub(crate) fn set_wall_clock(&self, seconds: i64) {
        self.wall_set.set(self.wall_set.get() + seconds);
    }

    /// Leaves a picture of the detector's, made now by the wall clock of the last check, that knows nobody.
    pub(crate) fn leave_an_inventory(&self) {
        let inventory = Inventory { last_scan: Some(self.gpus.now()), ..Inventory::empty() };
        fs::write(self.reaper.state_dir().join(FILE_NAME), inventory.to_json().unwrap()).unwrap();
    }

    /// What moves both clocks of a program that starts now to this moment of the story, the wall clock and the boot clock, in
    /// seconds. Samples are taken at the same.
    fn shift_to(&self, at: Duration) -> (i64, u64) {
        let left = at.saturating_sub(self.began.elapsed());
        let boot = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let wall = boot.cast_signed() + self.wall_set.get();
        self.gpus.at(Timestamp::now() + SignedDuration::from_secs(wall));
        (wall, boot)
    }

    /// A sampler of the story's own, which looks at the moments that [`look_at`](StorySampler::look_at) names.
    pub(crate) fn sampler(&self) -> StorySampler {
        let clock = Arc::new(StoryClock::default());
        let sources = SamplerSources {
            gpus: Arc::new(ResidentNvml::new(Some(self.gpus.library().to_owned()))),
            processes: Arc::new(ProcFs::new("/proc")),
            clock: clock.clone(),
        };
        let sampler = Sampler::new(sources, &self.reaper.state_dir()).unwrap();
        StorySampler { sampler, clock, files: SampleFiles::new(self.reaper.samples_dir()) }
    }

    /// In these minutes of the story the sampler sees so much of MIG instances by GPM, all the time. GPM compares samples by a
    /// clock that no story can take ahead, so that this is written down as a sampler would.
    pub(crate) fn sampled(&self, instances: &[(String, f64)], minutes: RangeInclusive<u64>) {
        let (from, to) = minutes.into_inner();
        let (_, ahead) = self.shift_to(Duration::from_secs(from * 60));
        let now_ms = u64::try_from((SystemClock.since_boot() + Duration::from_secs(ahead)).as_millis()).unwrap();
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
        let files = SampleFiles::new(self.reaper.samples_dir());
        for n in 0..(to - from) * 12 {
            let from_ms = now_ms + n * 5_000;
            let device = |(uuid, percent): &(String, f64)| DeviceSpan {
                uuid: uuid.clone(),
                covered_ms: 5_000,
                percent: Some(*percent),
                mean_percent: Some(*percent),
                shares: None,
            };
            let devices = instances.iter().map(device).collect();
            let sample = Sample { boot_id: boot_id.clone(), from_ms, to_ms: from_ms + 5_000, devices, cpu: Vec::new() };
            files.append(&sample).unwrap();
        }
    }

    /// A scan of the detector's at this moment of the story.
    pub(crate) fn scan(&self, at: impl Into<At>) {
        let (wall, boot) = self.shift_to(at.into().0);
        let sources = SourceArgs {
            docker_host: Some(self.rig.socket().to_owned()),
            engines: Vec::new(),
            users_dir: "/nonexistent".into(),
            nvml_library: Some(self.gpus.library().to_owned()),
            proc_root: "/proc".into(),
            sys_root: "/sys".into(),
            samples_dir: self.reaper.samples_dir(),
            shift_clocks: Some(Shift { wall: SignedDuration::from_secs(wall), boot: Duration::from_secs(boot) }),
        };
        let doors = sources.doors(DEADLINE, &Engines::default()).unwrap();
        let options = ScanOptions {
            metrics: None,
            state_dir: self.reaper.state_dir(),
            events: EventLog::new(self.reaper.events_file(), "ds01-detect"),
            deadline: DEADLINE,
            settings: Settings { named: doors.named, ..Settings::default() },
        };
        scan::run(&doors.sources, &options).unwrap().journal.unwrap();
    }

    /// One of the program's commands at this minute of the story, ready for more arguments.
    pub(crate) fn command(&self, subcommand: &str, at: impl Into<At>) -> Command {
        let mut command = self.reaper.command(subcommand);
        let (wall, boot) = self.shift_to(at.into().0);
        command.arg(format!("--shift-clocks={wall},{boot}"));
        command
    }

    /// A check of this story's containers alone, ready for more arguments.
    pub(crate) fn check_command(&self, at: impl Into<At>) -> Command {
        let mut command = self.command("run", at);
        if self.alone {
            return command;
        }
        let there = self.rig.docker(&["ps", "--all", "--quiet", "--no-trunc"]);
        let cast = self.cast.borrow();
        let names: Vec<&str> =
            cast.iter().filter(|role| there.contains(&role.id)).map(|role| role.id.as_str()).collect();
        assert!(!names.is_empty(), "a check of nobody would be one of everybody");
        for name in names {
            command.args(["--container", name]);
        }
        command
    }

    /// A check at this minute of the story, which ends with this exit code.
    #[track_caller]
    pub(crate) fn check_ends(&self, at: impl Into<At>, code: i32) -> Run {
        Run::of(&mut self.check_command(at)).ends_with(code)
    }

    /// A check at this minute of the story, which succeeds.
    #[track_caller]
    pub(crate) fn check(&self, at: impl Into<At>) -> Run {
        self.check_ends(at, 0)
    }

    /// Checks at these minutes, all of which succeed.
    #[track_caller]
    pub(crate) fn checks(&self, minutes: impl IntoIterator<Item = u64>) {
        minutes.into_iter().for_each(|minute| drop(self.check(minute)));
    }

    /// All events so far: type, the container that it is about, and what else tells events of one type apart.
    pub(crate) fn events(&self) -> Vec<String> {
        self.reaper.events().iter().map(|event| self.short(event)).collect()
    }

    /// Those about one container.
    pub(crate) fn events_about(&self, alias: &str) -> Vec<String> {
        self.events().into_iter().filter(|event| event.ends_with(&format!(" {alias}"))).collect()
    }

    fn short(&self, event: &Value) -> String {
        let details = &event["details"];
        let kind = event["event_type"].as_str().unwrap().split('.').next_back().unwrap();
        let about = match (&details["container"], &details["high"]) {
            (Value::String(name), _) => self.alias(name),
            (_, high) => format!("{high}"),
        };
        format!("{kind} {about}")
    }

    /// All notices so far: their titles, and the containers that they are about.
    pub(crate) fn notices(&self) -> Vec<String> {
        let short = |notice: &String| {
            let lines = unboxed(notice);
            // A long name stands on a line of its own.
            let text = lines[2..].join(" ");
            let name = text.strip_prefix("Container: ").unwrap().split(' ').next().unwrap();
            format!("{}: {}", lines[0], self.alias(name))
        };
        self.reaper.notices().iter().map(short).collect()
    }

    /// What the notices about one container say, each in one line.
    pub(crate) fn told_about(&self, alias: &str) -> Vec<String> {
        let lines = self.reaper.notices().into_iter().map(|notice| self.plain(&unboxed(&notice).join(" ")));
        lines.filter(|text| text.contains(&format!("Container: {alias} "))).collect()
    }

    /// A text with the names that the test has for its containers, in place of names and ids that differ from run to run.
    pub(crate) fn plain(&self, text: &str) -> String {
        let cast = self.cast.borrow();
        let named = |text: String, role: &Role| {
            let text = text.replace(&role.name, &role.alias).replace(&role.id, "[id]").replace(&role.id[..12], "[id]");
            (0..8).fold(text, |text, n| text.replace(&self.gpu(n), &format!("[GPU {n}]")))
        };
        cast.iter().fold(text.to_owned(), named)
    }

    fn alias(&self, name: &str) -> String {
        let cast = self.cast.borrow();
        cast.iter().find(|role| role.name == name).map_or_else(|| name.to_owned(), |role| role.alias.clone())
    }

    /// What was done to a container after it was first started, as the daemon tells it.
    pub(crate) fn done_to(&self, container: &Container) -> Vec<String> {
        self.witness.actions(container.id())
    }

    /// Up to minute 22 by [`POLICY`](crate::reaper::POLICY), `idle` was warned and stopped, and nothing was done to the
    /// others, nor anybody told about them.
    #[track_caller]
    pub(crate) fn shows_that_only_idle_goes(&self, idle: &Container, others: &[&Container]) {
        self.checks([2, 6, 10, 14, 18, 22]);
        assert_eq!(self.events(), ["idle_warning idle", "idle_kill idle", "gpu_released idle"]);
        assert_eq!(self.notices(), [format!("{WARNING}: idle"), format!("{STOP}: idle")]);
        assert_eq!(self.done_to(idle), STOPPED);
        for other in others {
            assert_eq!((self.done_to(other), runs(other)), (vec![], true), "{}", other.name());
        }
    }

    /// The daemon's events about a container.
    pub(crate) fn docker_events(&self, container: &Container) -> Vec<Value> {
        self.witness.events(container.id())
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        // Whatever a story is about: nothing was ever run inside of its containers.
        for role in self.cast.borrow().iter() {
            let actions = self.witness.actions(&role.id);
            let inside = actions.iter().find(|action| action.starts_with("exec_"));
            assert_eq!(inside, None, "inside of {}", role.alias);
        }
    }
}

/// A moment of a story.
pub(crate) struct At(Duration);

/// Its minute.
impl From<u64> for At {
    fn from(minute: u64) -> Self {
        Self(Duration::from_secs(60 * minute))
    }
}

impl From<Duration> for At {
    fn from(at: Duration) -> Self {
        Self(at)
    }
}

fn uuid(kind: &str, story: u32, n: u32) -> String {
    format!("{kind}-{:08x}-{story:04x}-4000-8000-{n:012x}", process::id())
}

/// The pid of its main process.
pub(crate) fn main_pid(container: &Container) -> u32 {
    container.inspect("{{.State.Pid}}").parse().unwrap()
}

/// Whether it runs, paused or not.
pub(crate) fn runs(container: &Container) -> bool {
    container.inspect("{{.State.Running}}") == "true"
}

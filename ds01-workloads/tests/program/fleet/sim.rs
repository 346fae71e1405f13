//! Simulated hosts: what each one's metrics file says, and a small server that Prometheus scrapes them from.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_rig::Target;

/// How a host behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// It answers.
    Up,
    /// Nobody answers.
    Gone,
    /// It answers, and its detector has looked two hours ago.
    Stale,
    /// It answers, and its Docker does not.
    NoDocker,
}

/// A host and what runs on it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) gpus: Vec<Gpu>,
    pub(crate) containers: Vec<Container>,
    /// User, GPU, memory and number of processes.
    pub(crate) processes: Vec<(String, String, u64, u64)>,
    mode: AtomicU8,
}

#[derive(Debug)]
pub(crate) struct Gpu {
    pub(crate) uuid: String,
    label: String,
    profile: &'static str,
}

#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    user: String,
    /// The GPUs it was given, and whether it holds a context there with so much memory.
    pub(crate) gpus: Vec<(String, Option<u64>)>,
}

/// SplitMix64: the same fleet for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }
}

/// Names as anybody may choose them.
const HOSTILE: [&str; 4] = ["esc\u{1b}[2Jape", "quote\"back\\slash", "line\nfeed", "bidi\u{202e}name"];

/// So many hosts, each with 10 to 60 workloads.
pub(crate) fn fleet(hosts: usize, seed: u64) -> Arc<Vec<Host>> {
    let mut dice = Dice(seed);
    Arc::new((1..=hosts).map(|number| host(number, &mut dice)).collect())
}

fn host(number: usize, dice: &mut Dice) -> Host {
    let mut gpus = Vec::new();
    for index in 0..[2, 4, 8][dice.roll(3)] {
        let instances = if dice.roll(6) == 0 { 3 } else { 0 };
        if instances == 0 {
            gpus.push(Gpu { uuid: format!("GPU-{number:04}-{index}"), label: index.to_string(), profile: "" });
        }
        gpus.extend((0..instances).map(|mig| Gpu {
            uuid: format!("MIG-{number:04}-{index}-{mig}"),
            label: format!("{index}:{mig}"),
            profile: "2g.20gb",
        }));
    }
    let workloads = 10 + dice.roll(51);
    let in_containers = workloads - dice.roll(4);
    let containers = (0..in_containers)
        .map(|at| {
            let given = if dice.roll(2) == 0 { 1 + dice.roll(2) } else { 0 };
            let first = dice.roll(gpus.len());
            let gpus: Vec<(String, Option<u64>)> = (first..first + given)
                .map(|at| {
                    let memory = (dice.roll(3) > 0).then(|| (1 + dice.roll(70)) as u64 * (1 << 30));
                    (gpus[at % gpus.len()].uuid.clone(), memory)
                })
                .collect();
            let name = match dice.roll(30) {
                0 => HOSTILE[dice.roll(HOSTILE.len())].to_owned(),
                1 => "x".repeat(4096),
                _ => format!("train-{at}"),
            };
            Container { id: format!("{number:06x}{at:06x}"), name, user: format!("user{}", dice.roll(40)), gpus }
        })
        .collect();
    let processes = (in_containers..workloads)
        .map(|at| {
            let gpu = gpus[dice.roll(gpus.len())].uuid.clone();
            (format!("root{at}"), gpu, (1 + dice.roll(9)) as u64 * (1 << 30), 1 + dice.roll(4) as u64)
        })
        .collect();
    Host { name: format!("gpu{number:03}"), gpus, containers, processes, mode: AtomicU8::new(Mode::Up as u8) }
}

impl Host {
    /// Makes it behave so from now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.mode.load(Ordering::SeqCst) {
            0 => Mode::Up,
            1 => Mode::Gone,
            2 => Mode::Stale,
            _ => Mode::NoDocker,
        }
    }

    /// How many of its GPUs are given to a container or held by a process.
    pub(crate) fn gpus_held(&self) -> usize {
        let of_containers = self.containers.iter().flat_map(|container| &container.gpus).map(|(uuid, _)| uuid);
        of_containers.chain(self.processes.iter().map(|(_, uuid, ..)| uuid)).collect::<BTreeSet<_>>().len()
    }

    /// Its metrics file at `now`, in seconds since 1970.
    fn metrics(&self, now: u64) -> String {
        let docker = self.mode() != Mode::NoDocker;
        let scan = if self.mode() == Mode::Stale { now - 7200 } else { now };
        let mut out = String::new();
        let mut say = |name: &str, labels: &[(&str, &str)], value: u64| {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "ds01_{name}{{{}}} {value}", labels.join(","));
        };
        say("scan_timestamp_seconds", &[], scan);
        say("source_up", &[("source", "docker")], u64::from(docker));
        say("source_up", &[("source", "nvml")], 1);
        say("source_last_good_timestamp_seconds", &[("source", "docker")], scan - 30);
        for gpu in &self.gpus {
            let labels =
                [("uuid", gpu.uuid.as_str()), ("gpu", &gpu.label), ("model", "NVIDIA H100"), ("profile", gpu.profile)];
            say("gpu_info", &labels, 1);
            say("gpu_memory_bytes", &[("uuid", &gpu.uuid)], 80 << 30);
        }
        for container in self.containers.iter().filter(|_| docker) {
            let id = ("id", container.id.as_str());
            let labels = [
                id,
                ("name", &container.name),
                ("user", &container.user),
                ("user_source", "label:ds01.user"),
                ("type", "raw-docker"),
                ("image", "pytorch:2.9"),
            ];
            say("container_info", &labels, 1);
            say("container_status", &[id, ("status", "running")], 1);
            say("container_start_time_seconds", &[id], now - 86_400);
            for (uuid, memory) in &container.gpus {
                say("container_gpu_allocated", &[id, ("uuid", uuid)], 1);
                if let Some(bytes) = memory {
                    say("container_gpu_context", &[id, ("uuid", uuid)], 1);
                    say("container_gpu_memory_used_bytes", &[id, ("uuid", uuid)], *bytes);
                }
            }
        }
        for (user, uuid, bytes, processes) in &self.processes {
            say("host_gpu_processes", &[("user", user), ("uuid", uuid)], *processes);
            say("host_gpu_memory_used_bytes", &[("user", user), ("uuid", uuid)], *bytes);
        }
        out
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Serves `/NAME/metrics` of each host on loopback, for as long as the test runs, and says how to scrape them.
pub(crate) fn serve(fleet: &Arc<Vec<Host>>) -> Vec<Target> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hosts = Arc::clone(fleet);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hosts = Arc::clone(&hosts);
            thread::spawn(move || answer(stream, &hosts));
        }
    });
    let target = |host: &Host| {
        Target::new("ds01", &address).path(&format!("/{}/metrics", host.name)).instance(&format!("{}:9100", host.name))
    };
    fleet.iter().map(target).collect()
}

/// Answers requests of one connection until its client has enough.
fn answer(mut stream: TcpStream, hosts: &[Host]) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => head.extend_from_slice(&chunk[..count]),
            _ => return,
        }
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let name = text.split('/').nth(1).unwrap_or_default();
        let Some(host) = hosts.iter().find(|host| host.name == name) else { return };
        if host.mode() == Mode::Gone {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let body = host.metrics(now);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

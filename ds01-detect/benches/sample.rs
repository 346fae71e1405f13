//! What the GPU sampler costs: CPU time of a look, memory, and what it writes in a day, with 8 GPUs and 100 processes at work.
//!
//! Run by `make bench`. The NVML stand-in's own work counts as the sampler's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that can't be set up has to stop")]

use std::{
    fs,
    process::{Child, Command},
};

use nvml_standin::{Gpu, Install, Process, ProcessSample, Sample, SampleKind, Scenario, scenario_path};

const GPUS: u32 = 8;
const PROCESSES: u32 = 100;
const LOOKS: u32 = 400;
/// Between two looks of the one that ships.
const INTERVAL_SECONDS: f64 = 5.0;

/// Processes that end with the benchmark.
struct Sleepers(Vec<Child>);

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn main() {
    // `cargo test --benches` and `cargo clippy` pass through here too; only `cargo bench` measures.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let nvml = Install::default().into_dir(dir.path()).unwrap();
    let sleepers = Sleepers((0..PROCESSES).map(|_| Command::new("sleep").arg("1000").spawn().unwrap()).collect());
    let pids: Vec<u32> = sleepers.0.iter().map(Child::id).collect();
    let gpu = |n: u32| {
        let mine = pids.iter().copied().skip(n as usize).step_by(GPUS as usize);
        let mut gpu = Gpu::new(&format!("GPU-{n:08}-0000-4000-8000-000000000000"), 81_920);
        gpu = mine.clone().fold(gpu, |gpu, pid| gpu.process(Process::new(pid, 1_000)));
        let row = |pid| ProcessSample { pid, sm: 7, ..ProcessSample::default() };
        gpu.process_utilization = Some(mine.map(row).collect());
        gpu.samples.insert(SampleKind::Gpu, vec![Sample { value: 90, at_us: None }; 70]);
        gpu.energy_mj = Some(1_000_000);
        gpu
    };
    (0..GPUS).fold(Scenario::default(), |scenario, n| scenario.gpu(gpu(n))).write_to(&scenario_path(&nvml)).unwrap();

    let samples = dir.path().join("samples");
    let mut command = Command::new("/usr/bin/time");
    command.args(["--format", "cost %U %S %M"]).arg(env!("CARGO_BIN_EXE_ds01-detect")).arg("sample");
    command.arg("--nvml-library").arg(&nvml).arg("--samples-dir").arg(&samples);
    command.arg("--state-dir").arg(dir.path().join("state"));
    command.args(["--every", "10", "--looks", &LOOKS.to_string()]);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let cost =
        words.lines().find_map(|line| line.strip_prefix("cost ")).unwrap_or_else(|| panic!("no cost in: {words}"));
    let [user, system, peak_kib]: [f64; 3] =
        cost.split(' ').map(|figure| figure.parse().unwrap()).collect::<Vec<f64>>().try_into().unwrap();
    let look_ms = (user + system) * 1000.0 / f64::from(LOOKS);
    let line = fs::read_to_string(samples.join("gpu-samples.jsonl")).unwrap().lines().last().unwrap().len();
    let looks_a_day = 86_400.0 / INTERVAL_SECONDS;
    println!("{GPUS} GPUs, {PROCESSES} processes at work, a look each {INTERVAL_SECONDS} s:");
    let row = |what: &str, figure: String, limit: &str| println!("  {what:<34}{figure:>12}{limit:>14}");
    row("CPU time of a look", format!("{look_ms:.2} ms"), "");
    row("of one core", format!("{:.3} %", look_ms / INTERVAL_SECONDS / 10.0), "limit 0.5 %");
    row("peak memory", format!("{:.1} MiB", peak_kib / 1024.0), "limit 24 MiB");
    row("written in a day", format!("{:.1} MB", line as f64 * looks_a_day / 1e6), "limit 50 MB");
}

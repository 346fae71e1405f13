//! Looks at the host. Each source that can hang is asked in a thread of its own, all of them at once, each under the
//! deadline: one that hangs costs its own checks and no others.

mod devices;
mod docker;
mod engines;
mod files;
mod host;
mod notices;
mod sampler;
mod systemd;
mod users;

use std::{sync::Arc, time::Duration};

use ds01_core::{
    cli::SourceArgs,
    deadline::{DeadlineError, Pending},
    source::{Clock, FailureKind, GpuSource, ShiftedClock, SourceError, SourceName, nvml::Nvml, proc::ProcFs},
};

use super::{
    args::DoctorArgs,
    facts::{Facts, FileFacts, GpuFacts, Place},
    finding::quoted,
};

/// So many questions are put to Docker, one after another, each with a deadline of its own.
const DOCKER_QUESTIONS: u32 = 6;

/// All that the checks need to know. `args` have been completed from the environment.
pub(super) fn facts(args: &DoctorArgs) -> Facts {
    let limit = args.deadline;
    let units = systemd::Asked::start(&args.systemctl);
    let docker = {
        let (sources, limit) = (args.sources.clone(), limit);
        Pending::start("docker", move || docker::facts(&sources, limit))
    };
    let nvml = Nvml::new(args.sources.nvml_library.clone());
    let driver = {
        let nvml = nvml.clone();
        Pending::start("nvml-health", move || nvml.health())
    };
    let gpus = Pending::start("nvml", move || nvml.snapshot());

    let files = files::facts(&args.store);
    let host = host::facts(args);
    let socket = docker::socket(&args.sources);
    let processes = Arc::new(ProcFs::new(&args.sources.proc_root));
    let users = users::facts(&processes, &args.sources.proc_root, &files, &files::followed(&socket), limit);

    let notices = notices::facts(args, &files, &processes, limit);

    let docker = wait(docker, limit * DOCKER_QUESTIONS)
        .unwrap_or_else(|error| Err(SourceError::failed(SourceName::DOCKER, FailureKind::TimedOut, error.to_string())));
    let engines = engines::facts(args, limit);
    let clock = ShiftedClock(args.sources.shift_clocks.unwrap_or_default());
    Facts {
        now: clock.now(),
        uid: rustix::process::geteuid().as_raw(),
        scan_command: scan_command(args, &files),
        docker: docker.unwrap_or_else(|error| docker::unasked(&args.sources, error)),
        engines,
        gpu: GpuFacts {
            driver: wait(driver, limit).unwrap_or_else(|error| Err(nvml_failed(&error))),
            gpus: wait(gpus, limit).unwrap_or_else(|error| Err(nvml_failed(&error))),
            on_bus: devices::on_bus(&args.sources.sys_root),
            module_version: devices::module_version(&args.sources.sys_root, &args.sources.proc_root),
            nodes: devices::nodes(&args.dev_root),
        },
        host,
        files,
        users,
        units: units.answer(limit),
        sampler: sampler::facts(&args.sources, &*processes, &clock),
        notices,
    }
}

fn wait<T: Send + 'static>(pending: Result<Pending<T>, DeadlineError>, limit: Duration) -> Result<T, DeadlineError> {
    pending?.wait(limit)
}

fn nvml_failed(error: &DeadlineError) -> SourceError {
    let kind = match error {
        DeadlineError::TimedOut(_) => FailureKind::TimedOut,
        DeadlineError::Crashed | DeadlineError::NoThread(_) => FailureKind::Erred,
    };
    SourceError::failed(SourceName::Nvml, kind, error.to_string())
}

/// The command that scans with the paths that were given here.
fn scan_command(args: &DoctorArgs, files: &FileFacts) -> String {
    let SourceArgs { docker_host, nvml_library, proc_root, sys_root, samples_dir, .. } = &args.sources;
    let mut words = vec!["sudo ds01-detect".to_owned()];
    let mut flag = |name: &str, value: String| words.push(format!("{name} {value}"));
    if files.state_dir.as_path() != ds01_core::cli::STATE_DIR {
        flag("--state-dir", quoted(&files.state_dir));
    }
    if files.events_file.as_path() != ds01_core::cli::EVENTS_FILE {
        flag("--events-file", quoted(&files.events_file));
    }
    if let Some(socket) = docker_host {
        flag("--docker-host", format!("unix://{}", quoted(socket)));
    }
    if let Some(library) = nvml_library {
        flag("--nvml-library", quoted(library));
    }
    if proc_root.as_path() != "/proc" {
        flag("--proc-root", quoted(proc_root));
    }
    if sys_root.as_path() != "/sys" {
        flag("--sys-root", quoted(sys_root));
    }
    if samples_dir.as_path() != ds01_core::cli::SAMPLES_DIR {
        flag("--samples-dir", quoted(samples_dir));
    }
    words.join(" ")
}

/// The group of a file that is there.
fn group_of(place: &Place) -> Option<u32> {
    match place {
        Place::There(stat) => Some(stat.gid),
        _ => None,
    }
}

//! `ds01-detect sample`: stays, and looks at the GPUs every few seconds.

use std::{
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use ds01_core::{
    cli::{Generate, SAMPLES_DIR, STATE_DIR, shift},
    sampler::{Sampler, SamplerSources},
    source::{
        Clock, GpuSource, ProcessSource, Shift, ShiftedClock, SourceError, nvml::ResidentNvml, proc::ProcFs,
        samples::SampleFiles,
    },
    store::StoreError,
};
use tracing::debug;

use crate::{CONSOLE, failure::Failure};

const ABOUT: &str = "\
Watch the GPUs between scans, until you end it. A driver remembers a few seconds of what was done on a GPU, and a scan \
comes every half minute. This looks every five seconds and writes down what each container did, for scans and checks to \
read. It needs neither Docker nor a policy, stops nothing, and tells nobody anything.

Where GPUs are shared or in MIG mode, short work shows only here, and without it idle time counts only as far as somebody \
was looking. ds01-gpu-sampler.service runs it.

It keeps the driver's library loaded: stop it before you unload or replace the driver.";

const EXAMPLES: &str = "\
Examples:
  sudo systemctl enable --no-reload --now ds01-gpu-sampler.service
                                                 run it from now on
  sudo ds01-detect sample --samples-dir /tmp/s   try it by hand; end it with Ctrl+C

Exit status:
  1   /proc can't be read
  2   wrong usage";

/// Where the driver is in trouble or not there, it is tried again after this.
const AFTER_TROUBLE: Duration = Duration::from_secs(30);

/// Watch the GPUs between scans, every few seconds
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct SampleArgs {
    /// The directory to write to
    #[arg(long, value_name = "DIR", default_value = SAMPLES_DIR)]
    samples_dir: PathBuf,

    /// The directory of the inventory, which names the containers whose CPU time is taken; it need not be there
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,

    /// The NVML library [default: the one that the system's loader finds]
    #[arg(long, value_name = "FILE")]
    nvml_library: Option<PathBuf>,

    /// The mount point of the host's procfs
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    proc_root: PathBuf,

    /// The mount point of the host's sysfs, with the control groups
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    sys_root: PathBuf,

    /// End after so many looks: for tests
    #[arg(long, value_name = "NUMBER", hide = true)]
    looks: Option<u64>,

    /// From one look to the next in milliseconds, and as long after trouble: for tests
    #[arg(long, value_name = "MILLISECONDS", hide = true)]
    every: Option<u64>,

    /// Take the wall clock and the boot clock for so many seconds ahead, as WALL,BOOT: for tests, which can't wait
    #[arg(long, value_name = "SECONDS,SECONDS", value_parser = shift, hide = true, allow_hyphen_values = true)]
    shift_clocks: Option<Shift>,

    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    pub(crate) generate: Option<Generate>,
}

/// What keeps a sample from being written.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks until it is ended. Trouble is said once, and that it is over.
pub(crate) fn run(args: &SampleArgs) -> Result<bool, Failure> {
    let gpus: Arc<dyn GpuSource> = Arc::new(ResidentNvml::new(args.nvml_library.clone()));
    let processes: Arc<dyn ProcessSource> = Arc::new(ProcFs::new(&args.proc_root).with_sys(&args.sys_root));
    let clock: Arc<dyn Clock> = Arc::new(ShiftedClock(args.shift_clocks.unwrap_or_default()));
    let mut sampler = Sampler::new(SamplerSources { gpus, processes, clock }, &args.state_dir)?;
    let files = SampleFiles::new(&args.samples_dir);
    let mut trouble: Option<String> = None;
    for look in 1.. {
        let begun = Instant::now();
        let done = write_one(&mut sampler, &files);
        debug!("look {look} took {} ms", begun.elapsed().as_millis());
        let now = done.err().map(|error| error.to_string());
        match (&trouble, &now) {
            (before, Some(now)) if before.as_ref() != Some(now) => {
                CONSOLE.say(format_args!("{now}\nwhat is done on the GPUs meanwhile is not seen; this goes on trying"));
            }
            (Some(_), None) => CONSOLE.say("the GPUs are watched again"),
            _ => {}
        }
        trouble = now;
        if args.looks == Some(look) {
            break;
        }
        let usual = if trouble.is_some() { AFTER_TROUBLE } else { sampler.interval() };
        let interval = args.every.map_or(usual, Duration::from_millis);
        thread::sleep(interval.saturating_sub(begun.elapsed()));
    }
    Ok(trouble.is_none())
}

fn write_one(sampler: &mut Sampler, files: &SampleFiles) -> Result<(), Trouble> {
    Ok(files.append(&sampler.look()?)?)
}

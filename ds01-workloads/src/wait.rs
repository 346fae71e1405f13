//! `wait`: returns when a GPU is free, for scripts; or asks that somebody be told.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use ds01_core::{
    cli::{STATE_DIR, console, places},
    duration::{self, whole_seconds},
    idle::{
        KEEP_DIR, LONGEST_NOTICE, Request, drop_request,
        gpus::{GpuState, Wanted, memory_mb},
        keep_dir,
    },
    json,
    model::Vendor,
};

use crate::{
    CONSOLE, by_gpu,
    host_gpus::{self, Gpus},
    load::LoadError,
    source::Source,
};

/// How often the file is looked at. The detector writes it every half minute.
const POLL: Duration = Duration::from_secs(1);

/// A notice is waited for so long, unless it is said otherwise.
const NOTICE_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The time is over.
const EXIT_TIMED_OUT: u8 = 4;

/// Wait until GPUs are free, and print their UUIDs, one a line.
///
/// Nothing is reserved: whoever comes first has it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gpu=$(ds01-workloads wait) && docker run --gpus \"device=$gpu\" ...
      starts as soon as a GPU is free
  gpus=$(ds01-workloads wait --gpus 2 --memory 40G --timeout 2h) &&
      docker run --gpus \"\\\"device=$(echo $gpus | tr ' ' ,)\\\"\" ...
      several, quoted as Docker takes them
  ds01-workloads wait --mig 3g.40gb --notify
      goes on at once; you are told when one is free

Exit status:
  0  they are free, and printed; with --notify: or it was asked for
  1  nobody can tell, or this host does not have so many
  2  wrong usage
  3  there is no inventory yet
  4  the time of --timeout is over")]
pub(crate) struct WaitArgs {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    gpus: u64,

    /// With at least so much memory that nobody uses, such as 40G or 20GiB, each.
    #[arg(long, value_name = "AMOUNT", value_parser = memory_mb)]
    memory: Option<u64>,

    /// MIG instances of this profile, such as 3g.40gb, or `any`, instead of whole GPUs.
    #[arg(long, value_name = "PROFILE")]
    mig: Option<String>,

    /// GPUs of AMD's instead of NVIDIA's: Docker's --gpus is for NVIDIA's alone.
    #[arg(long, conflicts_with = "mig")]
    amd: bool,

    /// Give up after this long, such as 2h. A notice is given up after a day unless you say otherwise, and after 7 days at most.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Duration>,

    /// Do not wait: leave a request, and be told once by the ways that notices take.
    #[arg(long)]
    notify: bool,

    /// Print them as JSON, with all that is known of them.
    #[arg(long)]
    json: bool,

    /// The directory where the detector keeps the inventory.
    #[arg(long, value_name = "DIR", default_value = STATE_DIR)]
    state_dir: PathBuf,

    /// The directory with what everybody may see [default: /run/ds01]
    #[arg(long, value_name = "DIR")]
    public_dir: Option<PathBuf>,

    /// Where requests are left.
    #[arg(long, value_name = "DIR", default_value = KEEP_DIR, hide = true)]
    keep_dir: PathBuf,
}

/// Why nothing was waited for.
#[derive(Debug)]
pub(crate) enum Failure {
    Load(LoadError),
    /// What was asked for can't be.
    Usage(String),
    Words(String),
    Output(io::Error),
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|wrong| format!("{wrong}; a span such as 30m or 2h was expected"))
}

pub(crate) fn run(args: &WaitArgs) -> Result<ExitCode, Failure> {
    let vendor = if args.amd { Vendor::Amd } else { Vendor::Nvidia };
    let wanted = Wanted { gpus: args.gpus, memory_mb: args.memory, mig: args.mig.clone(), vendor };
    if let Some(span) = args.timeout.filter(|span| args.notify && *span > LONGEST_NOTICE) {
        let (most, span) = (whole_seconds(LONGEST_NOTICE), whole_seconds(span));
        return Err(Failure::Usage(format!(
            "a notice is waited for {most} at most, and not for {span}: give --timeout {most}, and ask again then"
        )));
    }
    let public_dir = places::public(args.public_dir.as_deref(), &args.state_dir);
    let end = args.timeout.map(|timeout| Instant::now() + timeout);
    let (mut said_old, mut doubts) = (false, Vec::new());
    loop {
        let seen = look(&args.state_dir, &public_dir).map_err(Failure::Load)?;
        if !seen.is_recent() && !said_old {
            said_old = true;
            seen.warnings().iter().for_each(|warning| CONSOLE.warn(warning));
            CONSOLE.warn("what is free by an old scan may be taken by now: waiting for the next one");
        }
        if seen.is_recent() {
            if let Some(found) = wanted.met(&seen.picture.gpus) {
                print(&found, args.json).map_err(Failure::Output)?;
                return Ok(ExitCode::SUCCESS);
            }
            // Whoever waits for nothing else learns what he waits for.
            let now = seen.doubts();
            now.iter().filter(|doubt| !doubts.contains(*doubt)).for_each(|doubt| CONSOLE.warn(doubt));
            doubts = now;
            let has = wanted.at_most(&seen.picture.gpus);
            if has < wanted.gpus {
                return Err(Failure::Words(never(&wanted, has, &seen.picture.gpus)));
            }
        }
        if args.notify {
            return ask(args, wanted);
        }
        let left = end.map_or(POLL, |end| end.saturating_duration_since(Instant::now()).min(POLL));
        if left.is_zero() {
            CONSOLE.say(format_args!("not free in time: {}", wanted.words()));
            return Ok(ExitCode::from(EXIT_TIMED_OUT));
        }
        thread::sleep(left);
    }
}

/// That this host will never have so many.
fn never(wanted: &Wanted, has: u64, gpus: &[GpuState]) -> String {
    let words = format!("this host has {has} of what you ask for ({}), free or not", wanted.words());
    let amds = Wanted { vendor: Vendor::Amd, ..wanted.clone() };
    let of_amds = if wanted.vendor.is_nvidia() && wanted.mig.is_none() { amds.at_most(gpus) } else { 0 };
    let hint = if of_amds >= wanted.gpus { "\nIt has enough of AMD's, which you ask for with --amd" } else { "" };
    format!("{words}{hint}\nSee what there is: `ds01-workloads --by-gpu`")
}

/// What everybody may see, where there is anything: it is the same for all who wait. Else what this caller may read.
fn look(state_dir: &Path, public_dir: &Path) -> Result<Gpus, LoadError> {
    match host_gpus::public(public_dir) {
        Ok(seen) if seen.is_recent() => Ok(seen),
        Ok(old) => by_gpu::see(&mut file(state_dir, public_dir), public_dir, None).or(Ok(old)),
        Err(_) => by_gpu::see(&mut file(state_dir, public_dir), public_dir, None),
    }
}

fn file(state_dir: &Path, public_dir: &Path) -> Source {
    Source::File { state_dir: state_dir.to_owned(), public_dir: public_dir.to_owned() }
}

fn print(found: &[&GpuState], as_json: bool) -> io::Result<()> {
    if as_json {
        return console::print(&json::pretty(found)?);
    }
    let lines: String = found.iter().map(|gpu| format!("{}\n", ds01_core::text::sanitize(&gpu.uuid))).collect();
    console::print(lines.as_bytes())
}

/// Leaves a request that the next checks read.
fn ask(args: &WaitArgs, wanted: Wanted) -> Result<ExitCode, Failure> {
    let dir = keep_dir(&args.keep_dir, &args.state_dir).map_err(|error| Failure::Words(error.to_string()))?;
    let span = args.timeout.unwrap_or(NOTICE_FOR);
    let words = wanted.words();
    let request = Request::for_notice(wanted, span);
    drop_request(&dir, &request).map_err(|error| {
        let help = "notices need the reaper's checks: an administrator enables ds01-idle-checker.timer";
        Failure::Words(format!("can't leave a request in {}: {error}\n{help}", dir.display()))
    })?;
    let text = format!(
        "Asked to be told about {words}, for {}. The next check reads it, within five minutes where the timer is on.\n",
        whole_seconds(span)
    );
    console::print(text.as_bytes()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}

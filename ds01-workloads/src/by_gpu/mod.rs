//! `--by-gpu`: which GPU is free, and who sits on the others.

mod see;
mod table;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, process::ExitCode};

use clap::ColorChoice;
use ds01_core::{
    cli::console,
    idle::gpus::{GpuState, Occupancy},
    json,
};

use crate::{
    CONSOLE,
    host_gpus::{is_called, is_held_by},
    load::LoadError,
    source::Source,
};

pub(crate) use see::see;
pub(crate) use table::draw;

/// Checked options for showing GPUs.
#[derive(Debug)]
pub(crate) struct GpuOptions {
    pub(crate) source: Source,
    pub(crate) public_dir: PathBuf,
    pub(crate) config: Option<PathBuf>,
    /// Free ones first, and a failure when there is none.
    pub(crate) free: bool,
    pub(crate) json: bool,
    /// Those of these users alone.
    pub(crate) users: Vec<String>,
    /// These alone.
    pub(crate) gpus: Vec<String>,
    pub(crate) headers: bool,
    pub(crate) truncate: bool,
    pub(crate) color: ColorChoice,
}

/// Why nothing was shown.
#[derive(Debug)]
pub(crate) enum Failure {
    Load(LoadError),
    Output(io::Error),
}

/// Shows the GPUs. Asked for free ones, it fails when there is none.
pub(crate) fn run(options: &mut GpuOptions) -> Result<ExitCode, Failure> {
    let waiting = CONSOLE.say_what_is_waited_for();
    let mut seen = see(&mut options.source, &options.public_dir, options.config.as_deref()).map_err(Failure::Load)?;
    drop(waiting);
    seen.warnings().iter().for_each(|warning| CONSOLE.warn(warning));
    seen.not_here(&options.users, &options.gpus).iter().for_each(|hint| CONSOLE.warn(hint));
    seen.picture.gpus.retain(|gpu| options.shows(gpu));
    let any_free = seen.is_recent() && seen.picture.gpus.iter().any(|gpu| gpu.state == Occupancy::Free);
    if options.free {
        // Stable: otherwise they stay in the order of their indices.
        seen.picture.gpus.sort_by_key(|gpu| gpu.state != Occupancy::Free);
    }
    let bytes = if options.json {
        if seen.is_public {
            CONSOLE.say(seen.note());
        }
        json::pretty(&seen.picture).map_err(|error| Failure::Output(error.into()))?
    } else {
        let medium = console::medium(options.color);
        let medium = ds01_core::table::Medium { width: medium.width.filter(|_| options.truncate), ..medium };
        draw(&seen, medium, options.headers).into_bytes()
    };
    console::print(&bytes).map_err(Failure::Output)?;
    Ok(if options.free && !any_free { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl GpuOptions {
    fn shows(&self, gpu: &GpuState) -> bool {
        (self.gpus.is_empty() || self.gpus.iter().any(|name| is_called(gpu, name)))
            && (self.users.is_empty() || self.users.iter().any(|name| is_held_by(gpu, name)))
    }
}

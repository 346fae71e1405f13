//! The options that say where the sources of a scan are.

use std::{env, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use jiff::SignedDuration;

use crate::{
    detect::Sources,
    model::Vendor,
    source::{
        ObservedGpus, Shift, ShiftedClock, SourceError, SourceName,
        amd::Amd,
        docker::{Docker, DockerOptions, InvalidDockerHost, parse_docker_host},
        nvml::Nvml,
        proc::ProcFs,
        samples::SampleFiles,
    },
};

/// Where the GPU sampler writes to: what it saw means nothing after the next boot.
pub const SAMPLES_DIR: &str = "/run/ds01";

/// Where Docker, NVML, `/proc` and `/sys` are.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The Docker socket, as unix:///PATH [env: DOCKER_HOST]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_docker_host)]
    pub docker_host: Option<PathBuf>,

    /// The NVML library [default: the one that the system's loader finds]
    #[arg(long, value_name = "FILE")]
    pub nvml_library: Option<PathBuf>,

    /// The mount point of the host's procfs
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    pub proc_root: PathBuf,

    /// The mount point of the host's sysfs, with the control groups
    #[arg(long, value_name = "DIR", default_value = "/sys")]
    pub sys_root: PathBuf,

    /// The directory that the GPU sampler (ds01-detect sample) writes to; it need not be there
    #[arg(long, value_name = "DIR", default_value = SAMPLES_DIR)]
    pub samples_dir: PathBuf,

    /// Take the wall clock and the boot clock for so many seconds ahead, as WALL,BOOT: for tests, which can't wait
    #[arg(long, value_name = "SECONDS,SECONDS", value_parser = shift, hide = true, allow_hyphen_values = true)]
    pub shift_clocks: Option<Shift>,
}

/// The real sources. None of them is opened yet.
pub struct Doors {
    /// All of them.
    pub sources: Sources,
    /// Docker among them, which counts its requests.
    pub docker: Arc<Docker>,
    /// The sources that were named, which are therefore never absent.
    pub named: Vec<SourceName>,
}

/// Reads the argument of `--shift-clocks`.
///
/// # Errors
///
/// When it is not two whole numbers.
pub fn shift(text: &str) -> Result<Shift, String> {
    let parse = || {
        let (wall, boot) = text.split_once(',')?;
        Some(Shift {
            wall: SignedDuration::from_secs(wall.parse().ok()?),
            boot: Duration::from_secs(boot.parse().ok()?),
        })
    };
    parse().ok_or_else(|| "two whole numbers of seconds were expected, as in 300,300".to_owned())
}

impl SourceArgs {
    /// The same, with the socket that `DOCKER_HOST` names where no option does. Set to nothing, it is not set.
    ///
    /// Not left to the parser of the options: for it a variable in the environment is as good as an option on the command
    /// line, and whoever has this one would be refused every option that stands alone.
    ///
    /// # Errors
    ///
    /// When `DOCKER_HOST` names no Unix socket.
    pub fn with_environment(mut self) -> Result<Self, InvalidDockerHost> {
        if let (None, Some(text)) = (&self.docker_host, env::var_os("DOCKER_HOST").filter(|text| !text.is_empty())) {
            self.docker_host = Some(parse_docker_host(&text.to_string_lossy())?);
        }
        Ok(self)
    }

    /// The real sources, for a scan of at most `deadline`: one request to Docker has a fifth of it, and 5 seconds at most.
    /// Nothing is asked of any of them yet.
    ///
    /// # Errors
    ///
    /// When the system is out of file descriptors.
    pub fn doors(&self, deadline: Duration) -> Result<Doors, SourceError> {
        let usual = DockerOptions::default();
        let request_timeout = usual.request_timeout.min(deadline / 5);
        let docker = Arc::new(Docker::new(DockerOptions {
            socket: self.docker_host.clone().unwrap_or(usual.socket),
            connect_timeout: usual.connect_timeout.min(request_timeout),
            request_timeout,
        })?);
        let sources = Sources {
            containers: docker.clone(),
            gpus: Arc::new(Nvml::new(self.nvml_library.clone())),
            observed: vec![ObservedGpus {
                name: SourceName::Amd,
                vendor: Vendor::Amd,
                source: Arc::new(Amd::new(&self.sys_root, &self.proc_root)),
            }],
            processes: Arc::new(ProcFs::new(&self.proc_root).with_sys(&self.sys_root)),
            samples: Arc::new(SampleFiles::new(&self.samples_dir)),
            clock: Arc::new(ShiftedClock(self.shift_clocks.unwrap_or_default())),
        };
        let named_docker = self.docker_host.as_ref().map(|_| SourceName::Docker);
        let named_nvml = self.nvml_library.as_ref().map(|_| SourceName::Nvml);
        Ok(Doors { sources, docker, named: named_docker.into_iter().chain(named_nvml).collect() })
    }
}

//! Where the sources of a scan are.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use ds01_core::{
    detect::Sources,
    source::{
        FailureKind, SourceError, SourceName, SystemClock,
        docker::{Docker, DockerOptions, parse_docker_host},
        nvml::Nvml,
        proc::ProcFs,
    },
};

/// The options that move the doors to the machine.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The Docker socket, as unix:///path.
    #[arg(long, value_name = "ADDRESS", env = "DOCKER_HOST", hide_env_values = true)]
    pub docker_host: Option<String>,

    /// The NVML library, where it is not the system's.
    #[arg(long, value_name = "FILE")]
    pub nvml_library: Option<PathBuf>,

    /// Where the host's proc is mounted.
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    pub proc_root: PathBuf,
}

impl SourceArgs {
    /// The real sources. Nothing is asked of any of them yet.
    ///
    /// # Errors
    ///
    /// When `--docker-host` or `DOCKER_HOST` names no Unix socket, or the system is out of file descriptors.
    pub fn sources(&self) -> Result<Sources, SourceError> {
        let mut docker = DockerOptions::default();
        if let Some(address) = self.docker_host() {
            docker.socket = parse_docker_host(address)
                .map_err(|error| SourceError::failed(SourceName::Docker, FailureKind::Erred, error.to_string()))?;
        }
        Ok(Sources {
            containers: Arc::new(Docker::new(docker)?),
            gpus: Arc::new(Nvml::new(self.nvml_library.clone())),
            processes: Arc::new(ProcFs::new(&self.proc_root)),
            clock: Arc::new(SystemClock),
        })
    }

    /// The sources that were named, which are therefore never absent.
    pub fn named(&self) -> Vec<SourceName> {
        let docker = self.docker_host().map(|_| SourceName::Docker);
        let nvml = self.nvml_library.as_ref().map(|_| SourceName::Nvml);
        docker.into_iter().chain(nvml).collect()
    }

    /// The address that was given: an empty one, as `DOCKER_HOST=` in an environment, is none.
    fn docker_host(&self) -> Option<&str> {
        self.docker_host.as_deref().filter(|address| !address.is_empty())
    }
}

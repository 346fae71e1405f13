//! The flags of `--fleet`.

use std::path::PathBuf;

use clap::Args;

use super::config;

/// Where the fleet is seen from. Without any of these, what `/etc/ds01/fleet.yaml` says.
#[derive(Debug, Clone, Args)]
pub(crate) struct FleetArgs {
    /// Show all hosts of the fleet: see /etc/ds01/fleet.yaml.
    #[arg(long, conflicts_with = "live")]
    pub(crate) fleet: bool,

    /// For --fleet: ask the Prometheus, Thanos or Mimir at this URL.
    #[arg(long, value_name = "URL", conflicts_with_all = ["live", "hosts", "demo"])]
    pub(crate) prometheus: Option<String>,

    /// For --fleet: ask the hosts in this file over ssh.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["live", "demo"])]
    pub(crate) hosts: Option<PathBuf>,

    /// For --fleet: the file that says where the fleet is seen from.
    #[arg(long, value_name = "FILE", default_value = config::PATH, hide = true)]
    pub(crate) fleet_config: PathBuf,

    /// The program that is run in the place of ssh.
    #[arg(long, value_name = "PROGRAM", default_value = "ssh", hide = true)]
    pub(crate) ssh: PathBuf,

    /// Where it is remembered when hosts that are asked over ssh spoke last.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) fleet_memory: Option<PathBuf>,
}

impl FleetArgs {
    /// Whether the fleet is asked for, and not this host.
    pub(crate) fn is_meant(&self) -> bool {
        self.fleet || self.prometheus.is_some() || self.hosts.is_some()
    }
}

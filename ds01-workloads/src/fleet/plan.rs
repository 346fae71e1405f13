//! From flags and `fleet.yaml` to whom to ask, and how.

use std::{
    io::{self, Read},
    path::Path,
    time::Duration,
};

use super::{
    args::FleetArgs,
    config::Config,
    http::{Api, Manner, ca_file},
    names, secret,
    ssh::Ssh,
};

/// How long one answer may take, unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long a host may take over ssh: connecting, and perhaps a slow scan.
const SSH_DEADLINE: Duration = Duration::from_secs(15);

/// How long a silent host stays in the table.
const KNOWN_FOR: Duration = Duration::from_secs(7 * 86_400);

/// So many hosts are asked at once over ssh.
const AT_ONCE: usize = 16;

/// The label that names a host.
const HOST_LABEL: &str = "instance";

/// No list of hosts is longer.
const MOST_BYTES: u64 = 1024 * 1024;

/// Whom to ask.
#[derive(Debug)]
pub(crate) enum Plan {
    Prometheus(Box<Prometheus>),
    Ssh(Box<Ssh>),
    /// Nobody: the sample fleet.
    Demo,
}

/// A Prometheus, and what to ask it.
#[derive(Debug)]
pub(crate) struct Prometheus {
    pub(super) api: Api,
    pub(super) host_label: String,
    pub(super) known_for: Duration,
    /// Hosts that there should be.
    pub(super) expected: Vec<String>,
}

impl Plan {
    /// Makes one, and reads what it takes: secrets, certificates, the list of hosts.
    ///
    /// # Errors
    ///
    /// What is wrong, with which file, and what to do.
    pub(crate) fn new(args: &FleetArgs, demo: bool, all: bool) -> Result<(Self, Vec<String>), String> {
        if demo {
            return Ok((Self::Demo, Vec::new()));
        }
        let config = Config::read(&args.fleet_config)?;
        let mut said = Vec::new();
        let url = args.prometheus.clone().or_else(|| config.url.clone());
        if let (Some(url), None) = (url, &args.hosts) {
            return Ok((Self::prometheus(&url, config, &mut said)?, said));
        }
        let names = match &args.hosts {
            Some(path) => names::parse(&list(path)?),
            None => names::checked(config.hosts.iter().map(String::as_str).zip(1..)),
        };
        let (hosts, notes) = names.map_err(|error| match &args.hosts {
            Some(path) => format!("{}: {error}", path.display()),
            None => format!("{}: hosts: {error}", args.fleet_config.display()),
        })?;
        if hosts.is_empty() {
            return Err(match &args.hosts {
                Some(path) => format!("{} names no host: write one a line", path.display()),
                None => format!(
                    "nobody says where the fleet is: {} has neither url nor hosts.\n\
                     Give --prometheus URL, or --hosts FILE with a host a line to ask over ssh; see docs/viewing.md.\n\
                     To see what it looks like: ds01-workloads --fleet --demo",
                    args.fleet_config.display()
                ),
            });
        }
        said.extend(notes);
        let ssh = Ssh {
            hosts,
            program: args.ssh.clone(),
            at_once: config.at_once.unwrap_or(AT_ONCE),
            deadline: config.deadline.unwrap_or(SSH_DEADLINE),
            all,
            memory: args.fleet_memory.clone(),
        };
        Ok((Self::Ssh(Box::new(ssh)), said))
    }

    /// Whether it is told what processes belong to.
    pub(crate) fn tells_belongings(&self) -> bool {
        !matches!(self, Self::Prometheus(_))
    }

    fn prometheus(url: &str, config: Config, said: &mut Vec<String>) -> Result<Self, String> {
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        // Secrets are meant for the one that the file names, and for nobody else.
        let is_named = config.url.as_deref().map(trimmed) == Some(trimmed(url));
        let mut manner = Manner::default();
        if is_named {
            manner.bearer = config.bearer_token_file.as_deref().map(secret::secret).transpose()?;
            manner.basic = config.basic_auth_file.as_deref().map(secret::secret).transpose()?;
            manner.ca = config.ca_file.as_deref().map(ca_file).transpose()?;
            manner.tenant = config.tenant;
            if let (Some(pair), Some(path)) = (&manner.basic, &config.basic_auth_file)
                && !pair.contains(':')
            {
                return Err(format!("{}: user:password was expected", path.display()));
            }
        }
        let api = Api::new(url, manner, config.deadline.unwrap_or(DEADLINE))?;
        if api.tells_secrets() {
            said.push(format!("{url} is not https: whoever is on the way can read the credentials"));
        }
        let (expected, notes) = names::checked(config.hosts.iter().map(String::as_str).zip(1..))
            .map_err(|error| format!("hosts in fleet.yaml: {error}"))?;
        said.extend(notes);
        let host_label = config.host_label.unwrap_or_else(|| HOST_LABEL.to_owned());
        Ok(Self::Prometheus(Box::new(Prometheus {
            api,
            host_label,
            known_for: config.known_for.unwrap_or(KNOWN_FOR),
            expected,
        })))
    }
}

fn list(path: &Path) -> Result<String, String> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text);
        return read.map(|_| text).map_err(|error| format!("can't read the hosts from standard input: {error}"));
    }
    secret::given(path, MOST_BYTES)?.ok_or_else(|| format!("{} does not exist", path.display()))
}

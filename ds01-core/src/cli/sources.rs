//! The options that say where the sources of a scan are.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use jiff::SignedDuration;
use rustix::fs::{Access, access};
use tracing::warn;

use crate::{
    detect::Sources,
    model::{EngineName, InvalidEngineName, UsersKind, Vendor},
    policy::Engines,
    source::{
        Controls, Engine, ObservedGpus, Shift, ShiftedClock, SourceError, SourceName,
        amd::Amd,
        docker::{Docker, DockerOptions, InvalidDockerHost, parse_docker_host, users_socket_is_there},
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

    /// Another container engine, such as podman=unix:///run/podman/podman.sock (can be repeated). With --docker-host, no other
    /// is looked for
    #[arg(long = "engine", value_name = "NAME=ADDRESS", value_parser = named_socket)]
    pub engines: Vec<(EngineName, PathBuf)>,

    /// The directory that holds a directory for each user who is logged in, with the sockets of daemons of his own: for tests
    #[arg(long, value_name = "DIR", default_value = USERS_DIR, hide = true)]
    pub users_dir: PathBuf,

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

/// Where Podman's service listens unless told otherwise.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// Where each user who is logged in has a directory of his own, named by his id.
const USERS_DIR: &str = "/run/user";

/// So many users' directories are looked into at most.
const MOST_USERS: usize = 64;

/// The real sources. None of them is opened yet.
pub struct Doors {
    /// All of them.
    pub sources: Sources,
    /// The engines among them, which count their requests; Docker is the first.
    pub engines: Vec<(EngineName, Arc<Docker>)>,
    /// Who acts on containers, through the engine that holds each.
    pub controls: Controls,
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

    /// The real sources, for a scan of at most `deadline`: one request to an engine has a fifth of it, and 5 seconds at most.
    /// Nothing is asked of any of them yet.
    ///
    /// # Errors
    ///
    /// When the system is out of file descriptors.
    pub fn doors(&self, deadline: Duration, policy: &Engines) -> Result<Doors, SourceError> {
        let usual = DockerOptions::default();
        let request_timeout = usual.request_timeout.min(deadline / 5);
        let connect_timeout = usual.connect_timeout.min(request_timeout);
        let door = |engine: EngineName, socket: PathBuf| {
            let docker =
                Docker::new(DockerOptions { engine: engine.clone(), socket, connect_timeout, request_timeout })?;
            Ok((engine, Arc::new(docker)))
        };
        let (sockets, mut named) = self.sockets(policy);
        let engines: Vec<(EngineName, Arc<Docker>)> =
            sockets.into_iter().map(|(name, socket)| door(name, socket)).collect::<Result<_, SourceError>>()?;
        let sources = Sources {
            engines: engines.iter().map(|(name, door)| Engine { name: name.clone(), source: door.clone() }).collect(),
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
        let controls =
            engines.iter().fold(Controls::default(), |all, (name, door)| all.with(name.clone(), door.clone()));
        named.extend(self.nvml_library.as_ref().map(|_| SourceName::Nvml));
        Ok(Doors { sources, engines, controls, named })
    }

    /// The sockets of engines beside Docker, as a scan with this policy looks at them.
    pub fn other_engines(&self, policy: &Engines) -> Vec<(EngineName, PathBuf)> {
        self.sockets(policy).0.into_iter().filter(|(name, _)| !name.is_docker()).collect()
    }

    /// The sockets of all engines, in the order in which they are believed, and which of them somebody named. What the command
    /// line says goes before the policy, and that before what is found where it usually is.
    fn sockets(&self, policy: &Engines) -> (BTreeMap<EngineName, PathBuf>, Vec<SourceName>) {
        let docker = self.docker_host.clone().map(|socket| (EngineName::DOCKER, socket));
        let of_policy = policy.sockets.iter().filter_map(|(name, socket)| Some((name.clone(), socket.clone()?)));
        let mut sockets: BTreeMap<EngineName, PathBuf> =
            of_policy.chain(self.engines.iter().cloned()).chain(docker).collect();
        let named = sockets.keys().cloned().map(SourceName::Engine).collect();

        let usual = DockerOptions::default().socket;
        sockets.entry(EngineName::DOCKER).or_insert(usual);
        let podman = PathBuf::from(PODMAN_SOCKET);
        let look_for_podman = self.docker_host.is_none() && !policy.sockets.contains_key(&EngineName::PODMAN);
        if look_for_podman && access(&podman, Access::WRITE_OK).is_ok() {
            sockets.entry(EngineName::PODMAN).or_insert(podman);
        }
        if policy.users {
            for (name, socket) in users_sockets(&self.users_dir) {
                sockets.entry(name).or_insert(socket);
            }
        }
        (sockets, named)
    }
}

/// Reads the argument of `--engine`.
///
/// # Errors
///
/// When it is not a name and the address of a Unix socket.
fn named_socket(text: &str) -> Result<(EngineName, PathBuf), String> {
    let expected = "a name and an address were expected, as in podman=unix:///run/podman/podman.sock";
    let (name, address) = text.split_once('=').ok_or_else(|| expected.to_owned())?;
    let name: EngineName = name.parse().map_err(|error: InvalidEngineName| error.to_string())?;
    if name.is_docker() {
        return Err("Docker's socket is named with --docker-host".to_owned());
    }
    Ok((name, parse_docker_host(address).map_err(|error| error.to_string())?))
}

/// The sockets of daemons that users run on their own. Nothing is connected to, and no link is followed.
fn users_sockets(dir: &Path) -> Vec<(EngineName, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut uids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    uids.sort_unstable();
    if uids.len() > MOST_USERS {
        warn!("{}: only the daemons of {MOST_USERS} of {} users are looked at", dir.display(), uids.len());
        uids.truncate(MOST_USERS);
    }
    let places = [(UsersKind::Docker, "docker.sock"), (UsersKind::Podman, "podman/podman.sock")];
    let candidates = uids.into_iter().flat_map(|uid| {
        let own = dir.join(uid.to_string());
        places.map(|(kind, place)| (uid, EngineName::of_user(kind, uid), own.join(place)))
    });
    candidates
        .filter(|(uid, _, socket)| users_socket_is_there(socket, *uid))
        .map(|(_, name, socket)| (name, socket))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    fn args(words: &[&str]) -> SourceArgs {
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            sources: SourceArgs,
        }
        <Program as clap::Parser>::parse_from([&["program"], words].concat()).sources
    }

    #[test]
    fn the_command_line_goes_before_the_policy() {
        let policy = Engines {
            sockets: [("podman", Some("/p")), ("lab", Some("/l")), ("off", None)]
                .map(|(name, path)| (name.parse().unwrap(), path.map(PathBuf::from)))
                .into(),
            ..Engines::default()
        };
        let args = args(&["--engine", "podman=unix:///q", "--engine", "docker:7=unix:///u/7/docker.sock"]);
        let (sockets, named) = args.sockets(&policy);
        let shown: Vec<String> = sockets.iter().map(|(name, path)| format!("{name} {}", path.display())).collect();
        assert_eq!(shown, ["docker /var/run/docker.sock", "podman /q", "lab /l", "docker:7 /u/7/docker.sock"]);
        let named: Vec<&str> = named.iter().map(SourceName::as_str).collect();
        assert_eq!(named, ["podman", "lab", "docker:7"], "Docker is where it usually is");
    }

    #[test]
    fn an_engine_is_a_name_and_a_unix_socket() {
        for text in
            ["podman", "podman=/run/p.sock", "podman=tcp://h:1", "docker=unix:///d", "Lab=unix:///l", "=unix:///l"]
        {
            assert!(named_socket(text).is_err(), "{text}");
        }
        assert!(named_socket("lab=unix:///run/lab.sock").is_ok());
    }

    #[test]
    fn only_real_sockets_in_directories_of_users_are_found() {
        let dir = tempfile::tempdir().unwrap();
        // Nobody but root may give a socket to another user, and this test is whoever runs it.
        let uid = rustix::process::getuid().as_raw();
        let own = dir.path().join(uid.to_string());
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir_all(own.join("podman")).unwrap();
        fs::create_dir_all(dir.path().join("not-a-number")).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        let found = || users_sockets(dir.path()).into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(found(), Vec::<String>::new());
        let _docker = UnixListener::bind(own.join("docker.sock")).unwrap();
        let _podman = UnixListener::bind(own.join("podman/podman.sock")).unwrap();
        assert_eq!(found(), [format!("docker:{uid}"), format!("podman:{uid}")]);
        fs::rename(own.join("docker.sock"), elsewhere.join("docker.sock")).unwrap();
        symlink(elsewhere.join("docker.sock"), own.join("docker.sock")).unwrap();
        fs::rename(own.join("podman"), elsewhere.join("podman")).unwrap();
        symlink(elsewhere.join("podman"), own.join("podman")).unwrap();
        assert_eq!(found(), Vec::<String>::new(), "through links, nothing is a user's own");
        // The same of another user: it is not his.
        let other = dir.path().join((uid + 1).to_string());
        fs::create_dir(&other).unwrap();
        let _planted = UnixListener::bind(other.join("docker.sock")).unwrap();
        assert_eq!(found(), Vec::<String>::new());
    }
}

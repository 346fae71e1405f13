//! For each thing that a source can do, a socket, a library or a proc root that does it. All cells share them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
};

use docker_rig::fake_daemon::{Answer, Containers, FakeDaemon};
use nvml_standin::{Code, Fault, Scenario};
use tempfile::TempDir;

use crate::{
    cells::{Cell, Docker, Nvml, Proc},
    host::{Moment, ProcRoot, containers, gpus},
    support::{Detector, Gpus, Run},
};

/// Longer than any test waits.
const FOREVER_SECONDS: f64 = 86_400.0;

/// What is named on the command line.
pub(crate) struct Doors<'a> {
    pub(crate) socket: &'a Path,
    pub(crate) library: &'a Path,
    pub(crate) proc_root: &'a Path,
}

impl Doors<'_> {
    /// Scans this host.
    pub(crate) fn scan(&self, detector: &Detector) -> Run {
        detector.run(&self.flags().iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let address = format!("unix://{}", self.socket.display());
        let flags = [("--docker-host", address), ("--nvml-library", path(self.library))];
        let flags = flags.into_iter().chain([("--proc-root", path(self.proc_root))]);
        flags.flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

/// All of them.
pub(crate) struct World {
    sound: BTreeMap<&'static str, (FakeDaemon, Gpus, ProcRoot)>,
    sockets: BTreeMap<Docker, PathBuf>,
    libraries: BTreeMap<Nvml, PathBuf>,
    roots: BTreeMap<Proc, ProcRoot>,
    _daemons: Vec<FakeDaemon>,
    _gpus: Vec<Gpus>,
    _dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open_to_all(dir.path());
        let sound = [("first", Moment::First), ("second", Moment::Second), ("changed", Moment::Changed)].map(
            |(name, moment)| {
                let containers = containers(moment, None);
                let daemon = daemon(move |request| containers.answer(request));
                (name, (daemon, library(&gpus(moment)), ProcRoot::new(moment)))
            },
        );
        let mut world = Self {
            sound: sound.into(),
            sockets: BTreeMap::new(),
            libraries: BTreeMap::new(),
            roots: BTreeMap::new(),
            _daemons: Vec::new(),
            _gpus: Vec::new(),
            _dir: dir,
        };
        for docker in Docker::ALL {
            let socket = world.socket(docker);
            world.sockets.insert(docker, socket);
        }
        for nvml in Nvml::ALL {
            let library = world.library(nvml);
            world.libraries.insert(nvml, library);
        }
        world.roots = [
            (Proc::Fine, ProcRoot::new(Moment::Second)),
            (Proc::Unreadable, ProcRoot::unreadable()),
            (Proc::Hangs, ProcRoot::hanging()),
        ]
        .into();
        world
    }

    /// The host at a moment at which nothing fails.
    pub(crate) fn sound(&self, moment: &str) -> Doors<'_> {
        let (daemon, gpus, root) = &self.sound[moment];
        Doors { socket: daemon.socket(), library: gpus.library(), proc_root: root.path() }
    }

    /// The host at the second moment, with these troubles.
    pub(crate) fn troubled(&self, cell: Cell) -> Doors<'_> {
        Doors {
            socket: &self.sockets[&cell.docker],
            library: &self.libraries[&cell.nvml],
            proc_root: self.roots[&cell.proc].path(),
        }
    }

    fn socket(&mut self, docker: Docker) -> PathBuf {
        let in_dir = |name: &str| self._dir.path().join(name);
        match docker {
            Docker::Absent => return in_dir("absent.sock"),
            Docker::Refused => {
                let socket = in_dir("refused.sock");
                drop(UnixListener::bind(&socket).unwrap());
                return socket;
            }
            _ => {}
        }
        let odd_state = (docker == Docker::UnknownState).then_some("hibernating");
        let containers = containers(Moment::Second, odd_state);
        let daemon = daemon(move |request| misbehave(docker, &containers, request));
        let socket = daemon.socket().to_owned();
        if docker == Docker::NoPermission {
            fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
        }
        self._daemons.push(daemon);
        socket
    }

    fn library(&mut self, nvml: Nvml) -> PathBuf {
        let mut scenario = gpus(Moment::Second);
        match nvml {
            Nvml::Fine => {}
            Nvml::Absent => return self._dir.path().join("libnvidia-ml.so.1"),
            Nvml::InitError => scenario = scenario.fault("nvmlInit", Code::DriverNotLoaded),
            Nvml::Hangs => {
                scenario = scenario.fault("nvmlDeviceGetCount", Fault::Hang { hang_seconds: FOREVER_SECONDS })
            }
            Nvml::GpuLost => {
                scenario.gpus[0].faults.insert("*".to_owned(), Code::GpuIsLost.into());
            }
            Nvml::OneCallFails => {
                let call = "nvmlDeviceGetComputeRunningProcesses".to_owned();
                scenario.gpus[1].faults.insert(call, Code::Unknown.into());
            }
        }
        let gpus = library(&scenario);
        let path = gpus.library().to_owned();
        self._gpus.push(gpus);
        path
    }
}

fn misbehave(docker: Docker, containers: &Containers, request: &str) -> Answer {
    let is_list = request.contains("/containers/json");
    match (docker, containers.answer(request)) {
        (Docker::Hangs, _) if is_list => Answer::silence(),
        (Docker::Http500, _) if is_list => Answer::Error(500, "database is locked".to_owned()),
        (Docker::NotJson, _) if is_list => Answer::Json("<html>".to_owned()),
        (Docker::ListStalls, Answer::Json(body)) if is_list => stalled(&body),
        (Docker::InspectStalls, Answer::Json(body)) if !is_list && request != "/version" => stalled(&body),
        (_, answer) => answer,
    }
}

/// The head of an answer and the first half of its body.
fn stalled(body: &str) -> Answer {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Answer::StallAfter([head.as_bytes(), &body.as_bytes()[..body.len() / 2]].concat())
}

fn daemon(behave: impl Fn(&str) -> Answer + Send + Sync + 'static) -> FakeDaemon {
    let daemon = FakeDaemon::start(behave).unwrap();
    open_to_all(daemon.socket().parent().unwrap());
    open_to_all(daemon.socket());
    daemon
}

fn library(scenario: &Scenario) -> Gpus {
    let gpus = Gpus::new(scenario);
    open_to_all(gpus.library().parent().unwrap());
    gpus
}

/// Lets every user in.
pub(crate) fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

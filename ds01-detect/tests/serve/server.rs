//! The program, as systemd starts it.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Nothing here takes as long, on whatever machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits for everybody longer than a test takes.
pub(crate) const PATIENT: &str = "600000,600000,600000";

/// A family that stands in the file.
pub(crate) const FILE: &str = "# HELP ds01_probe A probe.\n# TYPE ds01_probe gauge\nds01_probe 1\n";

/// The most memory that it takes, whatever is done to it: the program, its libraries and what a few hundred clients need.
pub(crate) const MOST_KIB: u64 = 64 * 1024;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    dir: TempDir,
}

impl Server {
    /// One that hands over [`FILE`].
    pub(crate) fn start(patience: &str) -> Self {
        Self::with(patience, Some(FILE.as_bytes()))
    }

    pub(crate) fn with(patience: &str, file: Option<&[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if let Some(bytes) = file {
            fs::write(dir.path().join("ds01.prom"), bytes).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // systemd hands a socket over as the third file, to the process of this number.
        let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0 </dev/null";
        let child = Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_ds01-detect"), "serve-metrics", "--patience", patience])
            .arg("--metrics-file")
            .arg(dir.path().join("ds01.prom"))
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .spawn()
            .unwrap();
        Self { child, address, dir }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ds01.prom")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// All that comes back for these bytes, until the server closes.
    pub(crate) fn answer_to(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // It may have heard enough before it was told all.
        let _ = stream.write_all(request);
        rest(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.answer_to(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).as_bytes())
    }

    /// It serves others as if nothing were.
    pub(crate) fn serves(&self) {
        let answer = self.get("/metrics");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ds01_probe 1\n"), "{answer}");
    }

    /// The most memory that it took so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(self.proc().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(self.proc().join("fd")).unwrap().count()
    }

    /// How many connections it holds: those of its port that belong to a process.
    pub(crate) fn connections(&self) -> usize {
        let port: u16 = self.address.rsplit(':').next().unwrap().parse().unwrap();
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Local address, state (0A listens) and inode.
        lines.filter(|line| line[1].ends_with(&format!(":{port:04X}")) && line[3] != "0A" && line[9] != "0").count()
    }

    fn proc(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// Its exit status, once it ends by itself.
    pub(crate) fn end(mut self) -> Option<i32> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes until the other side closes, or breaks off.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it does not close: {bytes:?}"),
        // A reset is an end as well.
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

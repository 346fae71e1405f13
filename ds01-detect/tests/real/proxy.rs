//! A socket before the daemon's that keeps what is asked through it.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use docker_rig::Container;
use tempfile::TempDir;

/// Passes everything on, both ways, until it is dropped.
pub(crate) struct Proxy {
    socket: PathBuf,
    /// What clients sent, by connection.
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    stopping: Arc<AtomicBool>,
    /// How long each request is held back, in milliseconds.
    held_ms: Arc<AtomicU64>,
    acceptor: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Proxy {
    /// Before the daemon that listens on `upstream`.
    pub(crate) fn before(upstream: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let sent: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (stopping, held_ms) = <(Arc<AtomicBool>, Arc<AtomicU64>)>::default();
        let acceptor = thread::spawn({
            let (sent, stopping, held_ms) = (Arc::clone(&sent), Arc::clone(&stopping), Arc::clone(&held_ms));
            let upstream = upstream.to_owned();
            move || {
                for client in listener.incoming().take_while(|_| !stopping.load(Ordering::SeqCst)) {
                    let (client, server) = (client.unwrap(), UnixStream::connect(&upstream).unwrap());
                    let number = {
                        let mut sent = sent.lock().unwrap();
                        sent.push(Vec::new());
                        sent.len() - 1
                    };
                    let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    let (sent, held_ms) = (Arc::clone(&sent), Arc::clone(&held_ms));
                    thread::spawn(move || {
                        pass(client, server, |bytes| {
                            sent.lock().unwrap()[number].extend(bytes);
                            thread::sleep(Duration::from_millis(held_ms.load(Ordering::SeqCst)));
                        });
                    });
                    thread::spawn(move || pass(server_too, client_too, |_| {}));
                }
            }
        });
        Self { socket, sent, stopping, held_ms, acceptor: Some(acceptor), _dir: dir }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// From now on the daemon seems to be so busy that each request waits this long.
    pub(crate) fn hold_back(&self, time: Duration) {
        self.held_ms.store(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The paths of all requests since the last call of this.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        let mut sent = self.sent.lock().unwrap();
        let requests = sent.iter().flat_map(|bytes| paths(bytes)).collect();
        sent.iter_mut().for_each(Vec::clear);
        requests
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is over.
        let _ = UnixStream::connect(&self.socket);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer)
        && length > 0
    {
        see(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // Whoever has hung up already needs no telling.
    let _ = to.shutdown(Shutdown::Write);
}

fn paths(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(|line| line.strip_prefix("GET ")?.split(' ').next()).map(ToOwned::to_owned).collect()
}

/// How many of these requests inspect this container.
pub(crate) fn inspects_of(container: &Container, requests: &[String]) -> usize {
    requests.iter().filter(|path| path.ends_with(&format!("/containers/{}/json", container.id()))).count()
}

/// How many of these requests inspect no container.
pub(crate) fn others(requests: &[String]) -> usize {
    let is_inspect = |path: &&String| path.contains("/containers/") && !path.contains("/containers/json");
    requests.len() - requests.iter().filter(is_inspect).count()
}

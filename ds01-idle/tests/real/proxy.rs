//! A socket before the daemon's, where something can happen just before a request reaches it.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

/// What becomes of a request.
pub(crate) enum Then {
    /// The daemon gets it.
    Forward,
    /// The daemon does not get it: this status and this message are the answer.
    Refuse(u16, &'static str),
}

/// Sees method and path of each request, such as `POST /v1.41/containers/ID/stop?t=1`, before the daemon does.
pub(crate) type Before = dyn Fn(&str) -> Then + Send + Sync;

/// Passes everything on, both ways, until it is dropped.
pub(crate) struct Proxy {
    socket: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Proxy {
    /// Before the daemon that listens on `upstream`.
    pub(crate) fn new(upstream: &Path, before: impl Fn(&str) -> Then + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (stopping, seen) = <(Arc<AtomicBool>, Arc<Mutex<Vec<String>>>)>::default();
        let acceptor = thread::spawn({
            let (stopping, seen, upstream) = (Arc::clone(&stopping), Arc::clone(&seen), upstream.to_owned());
            let before: Arc<Before> = Arc::new(before);
            move || {
                for client in listener.incoming().take_while(|_| !stopping.load(Ordering::SeqCst)) {
                    let (client, server) = (client.unwrap(), UnixStream::connect(&upstream).unwrap());
                    let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    let (before, seen) = (Arc::clone(&before), Arc::clone(&seen));
                    thread::spawn(move || requests(client, server, &*before, &seen));
                    thread::spawn(move || pass(server_too, client_too));
                }
            }
        });
        Self { socket, seen, stopping, acceptor: Some(acceptor), _dir: dir }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Method and path of every request so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
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

/// Passes requests on. The program under test sends one at a time on a connection, its head in one piece.
fn requests(mut client: UnixStream, mut server: UnixStream, before: &Before, seen: &Mutex<Vec<String>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..length];
        if let Some(request) = request_line(bytes) {
            seen.lock().unwrap().push(request.clone());
            if let Then::Refuse(status, message) = before(&request) {
                let body = format!(r#"{{"message":"{message}"}}"#);
                let head =
                    format!("HTTP/1.1 {status} Said So\r\nContent-Type: application/json\r\nConnection: close\r\n");
                let _ = write!(client, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
                break;
            }
        }
        if server.write_all(bytes).is_err() {
            break;
        }
    }
    // Whoever has hung up already needs no telling.
    let _ = server.shutdown(Shutdown::Write);
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer)
        && to.write_all(&buffer[..length]).is_ok()
    {}
    let _ = to.shutdown(Shutdown::Write);
}

/// Method and path, if these bytes begin a request.
fn request_line(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let line = str::from_utf8(line).ok()?.strip_suffix(" HTTP/1.1")?;
    Some(line.to_owned())
}

//! The way to a daemon that a user runs on his own: he decides what its socket is, and what it says.
//!
//! Root connects to nothing but a socket that the kernel says is this user's:
//!
//! - it is opened below the user's own directory, through no link and into no mount, so that a path can't lead elsewhere,
//!   and no file system of his is waited for;
//! - it belongs to him, and so does the process that listens on it (`SO_PEERCRED`): a name for another daemon's socket is no
//!   daemon of his.
//!
//! Of each answer, head included, so many bytes are read and no more. Nothing is sent but a request.

use std::{
    io::{self, ErrorKind},
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bollard::{BollardRequest, errors::Error};
use hyper::{Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};

use super::knock::connect_patiently;

/// What requests are addressed to: the socket is known without it, and HTTP wants a word.
pub(super) const ADDRESS: &str = "http://localhost";

/// So many containers of one user's daemon at most: more than a person runs, and few enough for an inventory.
pub(super) const MOST_CONTAINERS: usize = 256;

/// So many bytes of one answer at most: a list of that many containers, with their labels.
const MOST_BYTES: usize = 1024 * 1024;

/// So many bytes of a line or a head at most, and so many header lines: Docker sends a dozen.
const MOST_OF_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;

/// Whether a socket of this user is at this path, which lies below a directory that is named by the user's id.
///
/// Nothing is connected to, no link is followed, and no mount of the user's is looked into.
pub fn is_there(socket: &Path, uid: u32) -> bool {
    open(socket, uid).is_ok()
}

/// Requests over a connection of their own each.
pub(super) fn transport(socket: PathBuf, uid: u32) -> impl Fn(BollardRequest) -> Answering + Send + Sync + 'static {
    move |request| {
        let socket = socket.clone();
        Box::pin(async move { send(request, &socket, uid).await })
    }
}

/// An answer under way.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

async fn send(mut request: BollardRequest, socket: &Path, uid: u32) -> Result<Response<Incoming>, Error> {
    let stream = Bounded { inner: connect(socket, uid).await?, left: MOST_BYTES };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST_OF_HEAD).max_headers(MOST_HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // Its error is that of the request, or of the body that is read.
    tokio::spawn(connection);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map(Into::into).unwrap_or_default();
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    Ok(sender.send_request(request).await?)
}

/// Connects to the socket, if it is this user's and he listens on it.
pub(super) async fn connect(socket: &Path, uid: u32) -> io::Result<UnixStream> {
    let opened = open(socket, uid)?;
    // What was opened and looked at is what is connected to, whatever its path leads to by now.
    let stream = connect_patiently(Path::new(&format!("/proc/self/fd/{}", opened.as_raw_fd()))).await?;
    let peer = stream.peer_cred()?.uid();
    if peer == uid { Ok(stream) } else { Err(foreign(format!("user {peer} listens on it, and not user {uid}"))) }
}

fn open(socket: &Path, uid: u32) -> io::Result<OwnedFd> {
    let name = uid.to_string();
    let base = socket.ancestors().skip(1).find(|dir| dir.file_name().is_some_and(|last| *last == *name));
    let base = base.ok_or_else(|| foreign(format!("it does not lie below a directory named {name}")))?;
    let below = socket.strip_prefix(base).map_err(io::Error::other)?;
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let base = fs::open(base, directory, Mode::empty())?;
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = fs::openat2(&base, below, flags, Mode::empty(), resolve)?;
    let stat = fs::fstat(&opened)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(foreign("it is no socket".to_owned()));
    }
    if stat.st_uid != uid {
        return Err(foreign(format!("it belongs to user {}, and not to user {uid}", stat.st_uid)));
    }
    Ok(opened)
}

fn foreign(words: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, words)
}

/// A connection of which no more than so many bytes are read.
struct Bounded {
    inner: UnixStream,
    left: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        match self.left.checked_sub(buf.filled().len() - before) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(foreign(format!("an answer of more than {MOST_BYTES} bytes")))),
        }
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

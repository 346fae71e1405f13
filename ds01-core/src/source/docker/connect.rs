//! Finding out whether anybody listens on the socket, and if not, why.

use std::{
    io::{self, ErrorKind},
    path::Path,
    time::Duration,
};

use tokio::{
    net::UnixStream,
    time::{sleep, timeout},
};

use crate::source::{FailureKind, SourceError, SourceName};

/// How long to wait before knocking again at a socket whose queue of waiting connections is full.
const KNOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Connects to `socket` and hangs up.
///
/// # Errors
///
/// [`SourceError::Absent`] when there is no such file; [`SourceError::Failed`] when nobody listens, when the caller may
/// not connect, and when the daemon has stopped accepting for `deadline`.
pub(super) async fn probe(socket: &Path, deadline: Duration) -> Result<(), SourceError> {
    let error = match timeout(deadline, knock(socket)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => io::Error::new(ErrorKind::TimedOut, format!("the daemon accepted no connection within {deadline:?}")),
    };
    let detail = format!("connecting to {}: {error}", socket.display());
    Err(match error.kind() {
        ErrorKind::NotFound => SourceError::absent(SourceName::Docker, detail),
        kind => SourceError::failed(SourceName::Docker, failure_kind(kind), detail),
    })
}

/// What an error of the system while connecting says about the daemon.
pub(super) fn failure_kind(error: ErrorKind) -> FailureKind {
    match error {
        ErrorKind::ConnectionRefused => FailureKind::Refused,
        ErrorKind::PermissionDenied => FailureKind::Denied,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => FailureKind::TimedOut,
        ErrorKind::NotFound => FailureKind::Missing,
        _ => FailureKind::Erred,
    }
}

async fn knock(socket: &Path) -> io::Result<()> {
    loop {
        match UnixStream::connect(socket).await {
            // The kernel does not queue a caller that won't block: it says EAGAIN while the daemon's queue is full.
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(KNOCK_INTERVAL).await,
            answer => return answer.map(drop),
        }
    }
}

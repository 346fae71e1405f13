//! Connecting to a socket whose daemon is busy.

use std::{
    io::{self, ErrorKind},
    path::Path,
    time::Duration,
};

use tokio::{net::UnixStream, time::sleep};

/// How long to wait before knocking again at a socket whose queue of waiting connections is full.
const KNOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Connects, and knocks again while the daemon's queue is full.
pub(super) async fn connect_patiently(socket: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            // The kernel does not queue a caller that won't block: it says EAGAIN while the daemon's queue is full.
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(KNOCK_INTERVAL).await,
            answer => return answer,
        }
    }
}

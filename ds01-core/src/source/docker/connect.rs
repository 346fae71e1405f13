//! Finding out whether anybody listens on the socket, and if not, why.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use tokio::time::timeout;

use super::{knock::connect_patiently, place::Place, users};
use crate::source::{FailureKind, SourceError};

/// Connects to `socket` and hangs up.
///
/// # Errors
///
/// [`SourceError::Absent`] when there is no such file; [`SourceError::Failed`] when nobody listens, when the caller may
/// not connect, and when the daemon has stopped accepting for `deadline`.
pub(super) async fn probe(place: &Place, deadline: Duration) -> Result<(), SourceError> {
    let error = match timeout(deadline, knock(place)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => io::Error::new(ErrorKind::TimedOut, format!("the daemon accepted no connection within {deadline:?}")),
    };
    let detail = format!("connecting to {}: {error}", place.socket.display());
    Err(match error.kind() {
        ErrorKind::NotFound => place.absent(detail),
        kind => place.failed(failure_kind(kind), detail),
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

async fn knock(place: &Place) -> io::Result<()> {
    if let Some(uid) = place.engine.owner() {
        return users::connect(&place.socket, uid).await.map(drop);
    }
    connect_patiently(&place.socket).await.map(drop)
}

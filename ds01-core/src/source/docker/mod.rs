//! The Docker Engine API over a Unix socket, through `bollard`.
//!
//! `bollard` is wrapped here and nowhere else, because of what was met in it (0.21.1):
//!
//! | trap | answer |
//! |---|---|
//! | The API version it negotiates is not put into request paths, so the daemon answers in whatever version it likes. | `session.rs` asks the daemon once a scan and writes the version into each path. |
//! | Its time-out covers the head of an answer: a body that stalls hangs for ever. | `session.rs` puts a deadline of its own around each request, body included. |
//! | A word that an enumeration of its does not know fails the whole answer: one odd container hides all. | `lenient.rs` reads the rejected answer again, without the fields that nobody here needs. |
//! | It does not say why it could not connect. | `connect.rs` tries the socket first. |
//! | It keeps any answer in memory, however long. | `users.rs` is the way to daemons of users, who would send one. |
//!
//! Podman's service speaks the same API on a socket of its own. What differs there: `DeviceRequests` is always null and
//! `HostConfig.Runtime` always `oci`; devices, also those given by CDI name, stand in `HostConfig.Devices`.

mod connect;
mod control;
mod convert;
mod failure;
mod host;
mod info;
mod knock;
mod lenient;
mod place;
mod session;
mod users;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bollard::{
    errors::Error,
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::{Builder, Runtime};

pub use host::{DEFAULT_SOCKET, InvalidDockerHost, parse_docker_host};
pub use info::{ApiVersions, DaemonInfo};

use super::{ContainerSource, FailureKind, Inspection, SourceError};
use crate::model::{ContainerId, ContainerListing, EngineName};
use place::Place;
use session::Session;
pub use users::is_there as users_socket_is_there;

/// How many containers are inspected at a time.
///
/// The daemon answers an inspect in a fraction of a millisecond of one core; a few in flight keep it busy, and more
/// would only hold more answers in memory.
const INSPECTS_IN_FLIGHT: usize = 16;

/// Where the daemon is, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerOptions {
    /// Which engine it is. One that belongs to a user is asked with care: see [`EngineName::owner`].
    pub engine: EngineName,
    /// The daemon's Unix socket; see [`parse_docker_host`].
    pub socket: PathBuf,
    /// How long a connection may take: a daemon that hangs stops accepting.
    pub connect_timeout: Duration,
    /// How long one request may take, from the first byte sent to the last one received.
    pub request_timeout: Duration,
}

impl Default for DockerOptions {
    fn default() -> Self {
        Self {
            engine: EngineName::DOCKER,
            socket: PathBuf::from(DEFAULT_SOCKET),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
        }
    }
}

/// A Docker daemon behind a Unix socket.
///
/// Nothing is connected or asked before the first call. Each [`list`](ContainerSource::list) begins a scan: it agrees
/// with the daemon on an API version anew, so that a daemon can be restarted or upgraded in between.
///
/// It owns an async runtime and blocks on it: call it, and drop it, outside of async code.
#[derive(Debug)]
pub struct Docker {
    options: DockerOptions,
    runtime: Runtime,
    /// The session of the last `list`, for the inspects that follow it.
    session: Mutex<Option<Session>>,
    requests: Arc<AtomicU64>,
}

impl Docker {
    /// A daemon at `options.socket`, which need not exist yet.
    ///
    /// # Errors
    ///
    /// When the system gives no more file descriptors to wait on.
    pub fn new(options: DockerOptions) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| {
            let detail = format!("could not prepare to wait for {}: {error}", options.socket.display());
            Place::of(&options).failed(FailureKind::Erred, detail)
        })?;
        Ok(Self { options, runtime, session: Mutex::new(None), requests: Arc::default() })
    }

    /// How many HTTP requests were sent since this was made.
    pub fn requests_sent(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    async fn open_session(&self) -> Result<Session, SourceError> {
        let session = Session::open(&self.options, &self.requests).await?;
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(session)
    }

    async fn current_session(&self) -> Result<Session, SourceError> {
        let current = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match current {
            Some(session) => Ok(session),
            None => self.open_session().await,
        }
    }
}

impl ContainerSource for Docker {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.runtime.block_on(async {
            let session = self.open_session().await?;
            let request = "/containers/json?all=1";
            let options = ListContainersOptionsBuilder::new().all(true).build();
            let answer = session.within_deadline(request, session.client().list_containers(Some(options))).await?;
            let listings = match answer {
                Ok(summaries) => convert::listings(summaries),
                Err(Error::JsonDataError { contents, .. }) => lenient::listings(&contents),
                Err(error) => return Err(session.failure(request, &error)),
            };
            let listings = listings.map_err(|words| session.nonsense(request, &words))?;
            if self.options.engine.owner().is_some() && listings.len() > users::MOST_CONTAINERS {
                let (number, most) = (listings.len(), users::MOST_CONTAINERS);
                let words =
                    format!("it lists {number} containers, and of a user's own daemon no more than {most} are read");
                return Err(session.nonsense(request, &words));
            }
            Ok(listings)
        })
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.runtime.block_on(async {
            let session = &self.current_session().await?;
            let inspects = ids.iter().map(|id| inspect_one(session, id));
            stream::iter(inspects).buffered(INSPECTS_IN_FLIGHT).try_collect().await
        })
    }
}

async fn inspect_one(session: &Session, id: &ContainerId) -> Result<Inspection, SourceError> {
    let request = format!("/containers/{id}/json");
    let call = session.client().inspect_container(id.as_str(), None::<InspectContainerOptions>);
    let details = match session.within_deadline(&request, call).await? {
        Ok(response) => convert::details(response),
        Err(Error::JsonDataError { contents, .. }) => lenient::details(&contents),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(Inspection::Gone),
        Err(Error::DockerResponseServerError { status_code, message }) => {
            return Ok(Inspection::Unreadable(failure::http_words(status_code, &message)));
        }
        Err(error) => return Err(session.failure(&request, &error)),
    };
    Ok(details.map_or_else(Inspection::Unreadable, |details| Inspection::Details(Box::new(details))))
}

//! What is done to containers through the API, and what lies at a path in one.

use std::time::Duration;

use bollard::{
    container::PathStatResponse,
    errors::Error,
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
    },
};

use super::{Docker, session::Session};
use crate::{
    model::ContainerId,
    source::{Acted, ContainerControl, PathStat, SourceError},
};

/// Beyond its grace, what a stop may take: SIGKILL has to reach processes that wait for a disk.
const STOP_SLACK: Duration = Duration::from_secs(30);

/// Bits of Go's `fs.FileMode` by which the API tells what a path is.
mod mode {
    pub(super) const DIRECTORY: u32 = 1 << 31;
    pub(super) const LINK: u32 = 1 << 27;
    /// Device, FIFO, socket, character device, and anything else that is no regular file.
    pub(super) const OTHER: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
}

impl Docker {
    /// Sends one order. 404 is the answer for a container that is gone.
    fn order<F: Future<Output = Result<(), Error>>>(
        &self,
        request: &str,
        limit: impl FnOnce(&Session) -> Duration,
        send: impl FnOnce(Session) -> F,
    ) -> Result<Acted, SourceError> {
        self.runtime.block_on(async {
            let session = self.current_session().await?;
            let limit = limit(&session);
            match session.within(limit, request, send(session.clone())).await? {
                Ok(()) => Ok(Acted::Done),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(Acted::Gone),
                Err(error) => Err(session.failure(request, &error)),
            }
        })
    }
}

impl ContainerControl for Docker {
    fn path_stat(&self, id: &ContainerId, path: &str) -> Result<PathStat, SourceError> {
        self.runtime.block_on(async {
            let session = &self.current_session().await?;
            let request = format!("HEAD /containers/{id}/archive");
            let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
            let call = session.client().get_container_archive_info(id.as_str(), Some(options));
            match session.within_deadline(&request, call).await? {
                Ok(stat) => kind(&stat).map_err(|words| session.nonsense(&request, &words)),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => root_is_there(session, id).await,
                Err(error) => Err(session.failure(&request, &error)),
            }
        })
    }

    fn stop(&self, id: &ContainerId, grace: Duration) -> Result<Acted, SourceError> {
        // The API counts whole seconds; a part of one would be no grace at all.
        let seconds = i32::try_from(grace.as_secs() + u64::from(grace.subsec_nanos() > 0)).unwrap_or(i32::MAX);
        let request = format!("POST /containers/{id}/stop");
        self.order(
            &request,
            |_| grace + STOP_SLACK,
            |session| async move {
                let options = StopContainerOptionsBuilder::new().t(seconds).build();
                session.client().stop_container(id.as_str(), Some(options)).await
            },
        )
    }

    fn unpause(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let request = format!("POST /containers/{id}/unpause");
        self.order(&request, Session::request_timeout, |session| async move {
            session.client().unpause_container(id.as_str()).await
        })
    }

    fn remove(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let request = format!("DELETE /containers/{id}");
        self.order(
            &request,
            |session| session.request_timeout() + STOP_SLACK,
            |session| async move {
                let options = RemoveContainerOptionsBuilder::new().v(false).force(false).build();
                session.client().remove_container(id.as_str(), Some(options)).await
            },
        )
    }
}

/// Absence, unless nothing at all can be seen of the container's files: where the source of a mount is gone from the host,
/// the daemon has the same answer for every path.
async fn root_is_there(session: &Session, id: &ContainerId) -> Result<PathStat, SourceError> {
    let request = format!("HEAD /containers/{id}/archive");
    let options = ContainerArchiveInfoOptionsBuilder::new().path("/").build();
    let call = session.client().get_container_archive_info(id.as_str(), Some(options));
    match session.within_deadline(&request, call).await? {
        Ok(_) => Ok(PathStat::Absent),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            Err(session
                .nonsense(&request, "not even / is there: the container, or the source of a mount of it, is gone"))
        }
        Err(error) => Err(session.failure(&request, &error)),
    }
}

fn kind(stat: &PathStatResponse) -> Result<PathStat, String> {
    if stat.file_mode & mode::LINK != 0 {
        return Ok(PathStat::Link);
    }
    if stat.file_mode & mode::DIRECTORY != 0 {
        return Ok(PathStat::Directory);
    }
    if stat.file_mode & mode::OTHER != 0 {
        return Ok(PathStat::Other);
    }
    let written = stat.modification_time.as_deref().unwrap_or_default();
    let time =
        written.parse().map_err(|_| format!("its mtime is {}, which is no time", super::failure::excerpt(written)));
    time.map(PathStat::File)
}

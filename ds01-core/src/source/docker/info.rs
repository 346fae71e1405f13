//! What a daemon says of itself, for whoever looks after the host: which versions of the API it speaks, how it runs
//! containers. A scan needs none of this.

use std::collections::BTreeMap;

use bollard::errors::Error;
use serde::{Deserialize, de::IgnoredAny};

use super::{Docker, connect, failure, place::Place};
use crate::source::SourceError;

/// The versions of the Engine API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersions {
    /// The one that this program and the daemon agreed on, such as `1.41`.
    pub spoken: String,
    /// `ApiVersion`: the newest that the daemon speaks.
    pub newest: String,
    /// `MinAPIVersion`: the oldest, where it says so.
    pub oldest: Option<String>,
    /// `Version`: the engine's own, such as `20.10.24`.
    pub engine: Option<String>,
}

/// What `GET /info` tells of how containers are run. A field is `None` where the daemon does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonInfo {
    /// `DefaultRuntime`, such as `runc`.
    pub default_runtime: Option<String>,
    /// The names in `Runtimes`, sorted.
    pub runtimes: Option<Vec<String>>,
    /// `CgroupDriver`: `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: Option<String>,
    /// `CgroupVersion`: `1` or `2`; daemons before 20.10 do not say.
    pub cgroup_version: Option<String>,
}

impl Docker {
    /// Connects to the daemon's socket and hangs up.
    ///
    /// # Errors
    ///
    /// [`SourceError::Absent`] when there is no socket; [`SourceError::Failed`] when nobody listens behind it, when the
    /// caller may not connect, and when the daemon has stopped accepting.
    pub fn connect(&self) -> Result<(), SourceError> {
        self.runtime.block_on(connect::probe(&Place::of(&self.options), self.options.connect_timeout))
    }

    /// Agrees with the daemon on a version of the API.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when it does not answer, or speaks no version that this program knows.
    pub fn api_versions(&self) -> Result<ApiVersions, SourceError> {
        self.runtime.block_on(async {
            let session = self.open_session().await?;
            let request = "/version";
            let answer = session.within_deadline(request, session.client().version()).await?;
            let version = answer.map_err(|error| session.failure(request, &error))?;
            Ok(ApiVersions {
                spoken: session.api_version().to_owned(),
                newest: version.api_version.unwrap_or_default(),
                oldest: version.min_api_version,
                engine: version.version,
            })
        })
    }

    /// How the daemon runs containers.
    ///
    /// # Errors
    ///
    /// As [`api_versions`](Self::api_versions), and when its answer makes no sense.
    pub fn info(&self) -> Result<DaemonInfo, SourceError> {
        self.runtime.block_on(async {
            let session = self.current_session().await?;
            let request = "/info";
            let told = match session.within_deadline(request, session.client().info()).await? {
                Ok(info) => serde_json::to_value(info).and_then(serde_json::from_value),
                // One word that bollard does not know fails the whole answer: it is read again, without all the rest.
                Err(Error::JsonDataError { contents, .. }) => serde_json::from_str(&contents),
                Err(error) => return Err(session.failure(request, &error)),
            };
            told.map(Told::into_info).map_err(|error| session.nonsense(request, &failure::excerpt(&error.to_string())))
        })
    }
}

/// The fields of `/info` that are read, with the words as they stand.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    default_runtime: Option<String>,
    runtimes: Option<BTreeMap<String, IgnoredAny>>,
    cgroup_driver: Option<String>,
    cgroup_version: Option<String>,
}

impl Told {
    fn into_info(self) -> DaemonInfo {
        // Where it says nothing, some versions say it with an empty text.
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        DaemonInfo {
            default_runtime: said(self.default_runtime),
            runtimes: self.runtimes.map(|runtimes| runtimes.into_keys().collect()),
            cgroup_driver: said(self.cgroup_driver),
            cgroup_version: said(self.cgroup_version),
        }
    }
}

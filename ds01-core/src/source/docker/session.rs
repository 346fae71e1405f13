//! One scan's conversation with the daemon: an agreed API version, a count of requests, a deadline on each.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, errors::Error, models::SystemVersion};
use tokio::time::timeout;

use super::{DockerOptions, connect, failure, place::Place, users};
use crate::source::{FailureKind, SourceError};

/// `bollard`'s own time-out, in seconds. It covers only the head of an answer, so it must never be the one that fires.
const NEVER: u64 = 24 * 3600;

/// A client that speaks the daemon's version of the API.
#[derive(Debug, Clone)]
pub(super) struct Session {
    client: bollard::Docker,
    place: Place,
    request_timeout: Duration,
    /// `/v1.41`, which stands before the path of each request; empty until agreed on.
    prefix: String,
}

impl Session {
    /// Connects, and agrees with the daemon on an API version.
    pub(super) async fn open(options: &DockerOptions, requests: &Arc<AtomicU64>) -> Result<Self, SourceError> {
        connect::probe(&Place::of(options), options.connect_timeout).await?;
        let unversioned = Self::with_prefix(options, requests, String::new())?;
        let request = "/version";
        let version = unversioned.within_deadline(request, unversioned.client.version()).await?;
        let version = version.map_err(|error| unversioned.failure(request, &error))?;
        match agree(&version) {
            Ok(version) => Self::with_prefix(options, requests, format!("/v{version}")),
            Err((kind, words)) => Err(unversioned.failed(request, kind, &words)),
        }
    }

    fn with_prefix(options: &DockerOptions, requests: &Arc<AtomicU64>, prefix: String) -> Result<Self, SourceError> {
        let requests = Arc::clone(requests);
        let path_prefix = prefix.clone();
        let place = Place::of(options);
        let client = client(&place)?.with_request_modifier(move |request| {
            requests.fetch_add(1, Ordering::Relaxed);
            put_prefix(request, &path_prefix)
        });
        Ok(Self { client, place, request_timeout: options.request_timeout, prefix })
    }

    /// The version agreed on, such as `1.41`.
    pub(super) fn api_version(&self) -> &str {
        self.prefix.trim_start_matches("/v")
    }

    /// The client, whose calls belong into [`within_deadline`](Self::within_deadline).
    pub(super) fn client(&self) -> &bollard::Docker {
        &self.client
    }

    /// The outcome of `call`, or an error when it takes too long as a whole.
    pub(super) async fn within_deadline<T>(
        &self,
        request: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, SourceError> {
        self.within(self.request_timeout, request, call).await
    }

    /// As [`within_deadline`](Self::within_deadline), for a request that takes long by its nature.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        request: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, SourceError> {
        timeout(limit, call).await.map_err(|_| {
            let words = format!("no whole answer within {limit:?}");
            self.failed(request, FailureKind::TimedOut, &words)
        })
    }

    /// How long a usual request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// `error` as the failure of the daemon as a whole.
    pub(super) fn failure(&self, request: &str, error: &Error) -> SourceError {
        failure::failed(&self.place, &self.request_line(request), error)
    }

    /// An answer that came, and made no sense.
    pub(super) fn nonsense(&self, request: &str, words: &str) -> SourceError {
        self.failed(request, FailureKind::Nonsense, words)
    }

    fn failed(&self, request: &str, kind: FailureKind, words: &str) -> SourceError {
        let detail = format!("{} on {}: {words}", self.request_line(request), self.place.socket.display());
        self.place.failed(kind, detail)
    }

    /// A request that does not name its method is a GET.
    fn request_line(&self, request: &str) -> String {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        format!("{method} {}{path}", self.prefix)
    }
}

/// `bollard`'s own way to a socket of root's, and one that trusts nothing to a socket of a user's.
fn client(place: &Place) -> Result<bollard::Docker, SourceError> {
    if let Some(uid) = place.engine.owner() {
        let transport = users::transport(place.socket.clone(), uid);
        let client =
            bollard::Docker::connect_with_custom_transport(transport, Some(users::ADDRESS), NEVER, API_DEFAULT_VERSION);
        return client.map_err(|error| failure::failed(place, "connecting", &error));
    }
    let socket = place.socket.to_str().ok_or_else(|| {
        let detail = format!("connecting to {}: a path that is not UTF-8", place.socket.display());
        place.failed(FailureKind::Erred, detail)
    })?;
    bollard::Docker::connect_with_unix(socket, NEVER, API_DEFAULT_VERSION)
        .map_err(|error| failure::failed(place, "connecting", &error))
}

/// Puts `prefix` before the path of `request`.
fn put_prefix(mut request: BollardRequest, prefix: &str) -> BollardRequest {
    let uri = request.uri();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let versioned =
        format!("{}://{}{prefix}{path}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    // It is made of the parts of a valid URI and of digits. Should it not parse, an unversioned request is still a
    // sound one: the daemon answers it in its newest version.
    if let Ok(uri) = versioned.parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// A version of the Engine API, such as 1.41.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ApiVersion {
    major: u32,
    minor: u32,
}

impl ApiVersion {
    /// The newest version that `bollard` has types for.
    fn newest_known() -> Self {
        let part = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { major: part(API_DEFAULT_VERSION.major_version), minor: part(API_DEFAULT_VERSION.minor_version) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The newest version that both sides speak.
fn agree(daemon: &SystemVersion) -> Result<ApiVersion, (FailureKind, String)> {
    let parse = |text: &Option<String>| text.as_deref().and_then(ApiVersion::parse);
    let Some(newest) = parse(&daemon.api_version) else {
        let answer = daemon.api_version.as_deref().map_or("nothing".to_owned(), failure::excerpt);
        return Err((FailureKind::Nonsense, format!("its ApiVersion should be a version, and is {answer}")));
    };
    let ours = ApiVersion::newest_known();
    match parse(&daemon.min_api_version) {
        Some(oldest) if oldest > ours => Err((
            FailureKind::Erred,
            format!("the daemon speaks no API version older than {oldest}, and this program none newer than {ours}"),
        )),
        _ => Ok(newest.min(ours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(newest: &str, oldest: &str) -> SystemVersion {
        SystemVersion {
            api_version: Some(newest.to_owned()),
            min_api_version: Some(oldest.to_owned()),
            ..SystemVersion::default()
        }
    }

    #[test]
    fn the_newest_version_of_both_is_taken() {
        let agreed = |newest, oldest| agree(&daemon(newest, oldest)).unwrap().to_string();
        assert_eq!(agreed("1.41", "1.12"), "1.41");
        assert_eq!(agreed("1.51", "1.44"), "1.51");
        assert_eq!(agreed("1.99", "1.44"), ApiVersion::newest_known().to_string());
        // 9 is older than 41, though its text is not.
        assert_eq!(agreed("1.9", "1.2"), "1.9");
    }

    #[test]
    fn a_daemon_that_forgot_our_version_is_named_so() {
        let (kind, words) = agree(&daemon("2.3", "2.0")).unwrap_err();
        assert_eq!(kind, FailureKind::Erred);
        assert!(words.contains("older than 2.0"), "{words}");
    }

    #[test]
    fn a_version_that_is_none_is_nonsense() {
        let (kind, words) = agree(&daemon("newest\u{1b}[2J", "1.12")).unwrap_err();
        assert_eq!(kind, FailureKind::Nonsense);
        assert!(words.contains(r#""newest\u{1b}[2J""#), "{words}");
    }
}

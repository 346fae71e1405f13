//! What is answered: the file as it is now, or why not.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use ds01_core::units;
use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use rustix::fs::OFlags;

/// Older than this, the file says nothing about now: a scan writes it every half minute.
const OLD: Duration = Duration::from_secs(600);

/// A larger file is nothing that ds01 wrote.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Prometheus' text format, in which the file is.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

const FRONT: &str = "ds01 tells Prometheus of this host: /metrics\n";

/// The file, and its content as it was last read: all who are answered at the same time share it.
pub(super) struct Page {
    path: PathBuf,
    last: Mutex<Option<(Identity, Bytes)>>,
}

/// What tells one writing of the file from another.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Page {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), last: Mutex::new(None) }
    }

    /// The answer to a request.
    pub(super) fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD are answered\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/metrics" => match self.metrics() {
                Ok(text) => response(StatusCode::OK, METRICS, text),
                Err(why) => response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n")),
            },
            "/" => response(StatusCode::OK, PLAIN, FRONT),
            _ => response(StatusCode::NOT_FOUND, PLAIN, "there is only /metrics\n"),
        }
    }

    fn metrics(&self) -> Result<Bytes, String> {
        let path = self.path.display();
        let unread = |error: std::io::Error| format!("{path}: {error}");
        // A link or FIFO there is nothing that ds01 made: the first could lead anywhere, the second hang.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&self.path);
        let file = open.map_err(|error| {
            format!("{path}: {error}\nno scan has written it: see systemctl status ds01-workload-detector.timer")
        })?;
        let metadata = file.metadata().map_err(unread)?;
        if !metadata.is_file() || metadata.len() > MOST_BYTES {
            return Err(format!("{path}: this is no file of ds01's"));
        }
        let age = age(metadata.modified().map_err(unread)?);
        if age > OLD {
            let age = units::duration(age);
            return Err(format!(
                "{path} was written {age} ago: see systemctl status ds01-workload-detector.timer ds01-workload-detector.service"
            ));
        }
        self.read(file, &metadata).map_err(unread)
    }

    fn read(&self, file: File, metadata: &Metadata) -> std::io::Result<Bytes> {
        let identity = Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bytes)) = &*last
            && *of == identity
        {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        let bytes = Bytes::from(bytes);
        *last = Some((identity, bytes.clone()));
        Ok(bytes)
    }
}

/// How long ago it was; nothing for the future, as after a clock was set.
fn age(at: SystemTime) -> Duration {
    SystemTime::now().duration_since(at).unwrap_or_default()
}

fn response(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (Some(name), value)));
    response
}

//! The file, and who writes it: a scan or a check, each with its part, under one lock.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tracing::{debug, warn};

use super::{
    DEFAULT_PATH,
    all::families,
    family,
    names::Names,
    parts::{CheckPart, ScanPart},
    picture::Picture,
};
use crate::{
    detect::{Inventory, inventory},
    policy::Identities,
    store::{Store, StoreError},
};

/// Both writers make the whole file, one after the other.
const LOCK: &str = "metrics.lock";
const SCAN_PART: &str = "metrics-scan.json";
const CHECK_PART: &str = "metrics-check.json";

/// The file beside the metrics in which a scan remembers what the next one goes on with. It means nothing after the next boot.
const KNOWN: &str = "gpu-time.json";

/// Far longer than the other writer needs.
const WAIT: Duration = Duration::from_secs(5);

/// Where the metrics are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsFile {
    path: PathBuf,
}

/// Why the metrics are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A file or directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part could not be put into words.
    #[error("can't write what the metrics are made from as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The path that was given names no file.
    #[error("{}: this names no file in a directory", .0.display())]
    NoFile(PathBuf),
}

/// The open directory of the metrics file, and the lock.
pub(crate) struct Writing<'a> {
    state: &'a Store,
    dir: Store,
    name: &'a str,
    _lock: crate::store::Lock,
}

impl MetricsFile {
    /// The file at `path`. Its directory has to be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Begins to write, while nobody else does. `None` where the default directory is not there, as where ds01 was not installed.
    pub(crate) fn begin<'a>(&'a self, state: &'a Store) -> Result<Option<Writing<'a>>, MetricsError> {
        let parts = self.path.parent().zip(self.path.file_name().and_then(|name| name.to_str()));
        let Some((dir, name)) = parts else { return Err(MetricsError::NoFile(self.path.clone())) };
        let dir = match Store::open_existing(if dir.as_os_str().is_empty() { Path::new(".") } else { dir }) {
            Ok(dir) => dir,
            Err(StoreError::Io { error, path, .. })
                if error.kind() == io::ErrorKind::NotFound && self.path == Path::new(DEFAULT_PATH) =>
            {
                debug!("{} is not there: no metrics are written", path.display());
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let lock = state.lock(LOCK, WAIT)?;
        dir.remove_leftovers(name)?;
        Ok(Some(Writing { state, dir, name, _lock: lock }))
    }
}

impl Writing<'_> {
    /// What the scan before left.
    pub(crate) fn scan_part(&self) -> ScanPart {
        read(self.state, SCAN_PART).unwrap_or_default()
    }

    /// What the check before left.
    pub(crate) fn check_part(&self) -> Option<CheckPart> {
        read(self.state, CHECK_PART)
    }

    /// What a scan wrote with [`remember`](Self::remember) in this boot.
    pub(crate) fn known(&self) -> Option<Vec<u8>> {
        self.dir.read(KNOWN).ok().flatten()
    }

    /// Keeps what the next scan goes on with. Before what it counted: if the program is killed in between, that is not counted,
    /// and nothing is counted twice.
    pub(crate) fn remember(&self, bytes: &[u8]) -> Result<(), MetricsError> {
        self.dir.remove_leftovers(KNOWN)?;
        Ok(self.dir.replace(KNOWN, bytes)?)
    }

    /// Writes a scan's part, and the metrics of the picture that it left.
    pub(crate) fn scanned(&self, inventory: &Inventory, part: &ScanPart) -> Result<(), MetricsError> {
        self.keep(SCAN_PART, part)?;
        let check = self.check_part();
        self.write(inventory, part, check.as_ref())
    }

    /// Writes a check's part, and the metrics of the picture that the last scan left.
    pub(crate) fn checked(&self, part: &CheckPart) -> Result<(), MetricsError> {
        self.keep(CHECK_PART, part)?;
        let bytes = self.state.read(inventory::FILE_NAME)?;
        // Without a picture that is of use there is nothing to say yet; the next scan says why.
        let Some(Ok(inventory)) = bytes.map(|bytes| Inventory::from_json(&bytes)) else { return Ok(()) };
        self.write(&inventory, &self.scan_part(), Some(part))
    }

    fn keep(&self, name: &str, part: &impl Serialize) -> Result<(), MetricsError> {
        self.state.remove_leftovers(name)?;
        Ok(self.state.replace(name, &serde_json::to_vec(part)?)?)
    }

    fn write(&self, inventory: &Inventory, scan: &ScanPart, check: Option<&CheckPart>) -> Result<(), MetricsError> {
        // Before anybody said what may leave the host, no name does.
        let names = Names::of_host(scan.identities.unwrap_or(Identities::None), self.state)?;
        let text = family::text(&families(&Picture { inventory, scan, check, names: &names }));
        Ok(self.dir.replace_public(self.name, text.as_bytes())?)
    }
}

/// A part, or none where there is none that is of use: then counters begin anew.
fn read<T: DeserializeOwned>(state: &Store, name: &str) -> Option<T> {
    let bytes = state.read(name).unwrap_or_else(|error| {
        warn!("{error}; the metrics begin anew without it");
        None
    })?;
    let part = serde_json::from_slice(&bytes);
    part.inspect_err(|error| warn!("{}: {error}; the metrics begin anew without it", state.path_of(name).display()))
        .ok()
}

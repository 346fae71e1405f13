//! The one error type of all sources.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::EngineName;

/// Which door to the machine: the names used in the inventory, in events and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SourceName {
    /// A container engine: `docker`, `podman`, and so on.
    Engine(EngineName),
    /// The NVIDIA Management Library.
    Nvml,
    /// The files of AMD's kernel driver.
    Amd,
    /// `/proc`, cgroupfs and the user database.
    Proc,
}

impl SourceName {
    /// The host's Docker daemon.
    pub const DOCKER: Self = Self::Engine(EngineName::DOCKER);

    /// The name in files and messages.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Engine(name) => name.as_str(),
            Self::Nvml => "nvml",
            Self::Amd => "amd",
            Self::Proc => "proc",
        }
    }
}

impl Serialize for SourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a source did not answer as a whole.
///
/// [`Absent`](Self::Absent) and [`Failed`](Self::Failed) are never confused: the first means that the host has no such
/// thing, the second that it has, and that nothing may be concluded from its silence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such thing on this host: no socket, no library.
    #[error("{source_name}: not on this host: {detail}")]
    Absent {
        /// Which source.
        source_name: SourceName,
        /// What was looked for, with its path.
        detail: String,
    },
    /// It is there, and it erred, hung past its deadline, or answered nonsense.
    #[error("{source_name}: {kind}: {detail}")]
    Failed {
        /// Which source.
        source_name: SourceName,
        /// The kind of failure.
        kind: FailureKind,
        /// What was asked of what, and what came back.
        detail: String,
    },
}

/// The kinds of failure of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// Nobody listens (a socket without a daemon behind it).
    Refused,
    /// The caller may not use it.
    Denied,
    /// No whole answer came within the deadline.
    TimedOut,
    /// The answer was an error, such as HTTP 500 or `NVML_ERROR_UNKNOWN`.
    Erred,
    /// The answer made no sense, such as a list that is not JSON.
    Nonsense,
    /// It was here at an earlier scan, or was named by the admin, and is not to be found.
    Missing,
    /// It answered, but could not tell of everything.
    Partly,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Denied => "permission denied",
            Self::TimedOut => "timed out",
            Self::Erred => "answered with an error",
            Self::Nonsense => "answered nonsense",
            Self::Missing => "missing",
            Self::Partly => "could not tell of everything",
        })
    }
}

impl SourceError {
    /// There is no such thing on this host; `detail` says what was looked for.
    pub fn absent(source_name: SourceName, detail: impl Into<String>) -> Self {
        Self::Absent { source_name, detail: detail.into() }
    }

    /// It is there and failed.
    pub fn failed(source_name: SourceName, kind: FailureKind, detail: impl Into<String>) -> Self {
        Self::Failed { source_name, kind, detail: detail.into() }
    }

    /// Which source did not answer.
    pub fn source_name(&self) -> &SourceName {
        match self {
            Self::Absent { source_name, .. } | Self::Failed { source_name, .. } => source_name,
        }
    }

    /// What to do about it, for the person who reads the message.
    pub fn hint(&self) -> String {
        match self {
            Self::Absent { source_name: SourceName::Engine(engine), .. } => absent_engine(engine),
            Self::Absent { source_name: SourceName::Nvml, .. } => {
                "install the NVIDIA driver, or name its library with --nvml-library".to_owned()
            }
            Self::Absent { source_name: SourceName::Amd, .. } => {
                "load the driver amdgpu, or name a /sys with --sys-root".to_owned()
            }
            Self::Absent { source_name: SourceName::Proc, .. } => "name a mounted proc with --proc-root".to_owned(),
            Self::Failed { source_name: SourceName::Engine(engine), kind, .. } => failed_engine(engine, *kind),
            Self::Failed { source_name: SourceName::Nvml, kind: FailureKind::Missing, .. } => {
                "see `nvidia-smi`; if the GPUs are gone for good, scan once with --forget nvml".to_owned()
            }
            Self::Failed { source_name: SourceName::Nvml, .. } => {
                "see `nvidia-smi` and `journalctl -k --grep NVRM`".to_owned()
            }
            Self::Failed { source_name: SourceName::Amd, kind: FailureKind::Missing, .. } => {
                "see `lsmod` for amdgpu; if the GPUs are gone for good, scan once with --forget amd".to_owned()
            }
            Self::Failed { source_name: SourceName::Amd, .. } => {
                "see /sys/class/kfd/kfd/topology/nodes and `journalctl -k --grep amdgpu`".to_owned()
            }
            Self::Failed { source_name: SourceName::Proc, kind: FailureKind::Denied | FailureKind::Partly, .. } => {
                "run as root, or see how /proc is mounted (hidepid)".to_owned()
            }
            Self::Failed { source_name: SourceName::Proc, .. } => {
                "see how /proc is mounted, or name another with --proc-root".to_owned()
            }
        }
    }
}

fn absent_engine(engine: &EngineName) -> String {
    match engine.as_str() {
        "docker" => "start Docker, or name its socket with --docker-host unix:///path".to_owned(),
        name => format!("start it, or name its socket with --engine {name}=unix:///path"),
    }
}

fn failed_engine(engine: &EngineName, kind: FailureKind) -> String {
    if let Some(uid) = engine.owner() {
        return format!(
            "it is a daemon of the user with id {uid}, and says what he lets it say; no other engine depends on it"
        );
    }
    // The units that Docker and Podman come with; another daemon's is for its admin to know.
    let unit = match engine.as_str() {
        "docker" => Some("docker"),
        "podman" => Some("podman.socket"),
        _ => None,
    };
    match (kind, unit) {
        (FailureKind::Denied, _) => "run as root or as a member of the group that owns the socket".to_owned(),
        (FailureKind::Missing, unit) => {
            let see = unit
                .map_or_else(|| "see what became of it".to_owned(), |unit| format!("see `systemctl status {unit}`"));
            format!("{see}; if {} is gone for good, scan once with --forget {engine}", engine.called())
        }
        (_, Some("docker")) => "see `systemctl status docker` and `journalctl -u docker`".to_owned(),
        (_, Some(unit)) => format!("see `systemctl status {unit}` and `journalctl -u {engine}`"),
        (_, None) => "see whether this daemon is running, and its log".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_about_the_engine_that_failed() {
        let hint =
            |name: &str, kind| SourceError::failed(SourceName::Engine(name.parse().unwrap()), kind, "gone").hint();
        assert_eq!(
            hint("docker", FailureKind::Missing),
            "see `systemctl status docker`; if Docker is gone for good, scan once with --forget docker"
        );
        assert!(hint("podman", FailureKind::Missing).contains("podman.socket`; if Podman"));
        assert!(hint("lab", FailureKind::Missing).ends_with("--forget lab"));
        assert!(!hint("lab", FailureKind::Refused).contains("systemctl"));
        assert!(hint("docker:1001", FailureKind::TimedOut).contains("user with id 1001"));
    }
}

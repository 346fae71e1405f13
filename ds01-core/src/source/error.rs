//! The one error type of all sources.

use std::fmt;

use serde::{Serialize, Serializer};

/// Which door to the machine: the names used in the inventory, in events and on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceName {
    /// The Docker Engine API.
    Docker,
    /// The NVIDIA Management Library.
    Nvml,
    /// The files of AMD's kernel driver.
    Amd,
    /// `/proc`, cgroupfs and the user database.
    Proc,
}

impl SourceName {
    /// The name in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
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
    pub fn source_name(&self) -> SourceName {
        match self {
            Self::Absent { source_name, .. } | Self::Failed { source_name, .. } => *source_name,
        }
    }

    /// What to do about it, for the person who reads the message.
    pub fn hint(&self) -> &'static str {
        let (source, kind) = match self {
            Self::Absent { source_name: SourceName::Docker, .. } => {
                return "start Docker, or name its socket with --docker-host unix:///path";
            }
            Self::Absent { source_name: SourceName::Nvml, .. } => {
                return "install the NVIDIA driver, or name its library with --nvml-library";
            }
            Self::Absent { source_name: SourceName::Amd, .. } => {
                return "load the driver amdgpu, or name a /sys with --sys-root";
            }
            Self::Absent { source_name: SourceName::Proc, .. } => return "name a mounted proc with --proc-root",
            Self::Failed { source_name, kind, .. } => (*source_name, *kind),
        };
        match (source, kind) {
            (SourceName::Docker, FailureKind::Denied) => "run as root or as a member of the group that owns the socket",
            (SourceName::Docker, FailureKind::Missing) => {
                "see `systemctl status docker`; if Docker is gone for good, scan once with --forget docker"
            }
            (SourceName::Docker, _) => "see `systemctl status docker` and `journalctl -u docker`",
            (SourceName::Nvml, FailureKind::Missing) => {
                "see `nvidia-smi`; if the GPUs are gone for good, scan once with --forget nvml"
            }
            (SourceName::Nvml, _) => "see `nvidia-smi` and `journalctl -k --grep NVRM`",
            (SourceName::Amd, FailureKind::Missing) => {
                "see `lsmod` for amdgpu; if the GPUs are gone for good, scan once with --forget amd"
            }
            (SourceName::Amd, _) => "see /sys/class/kfd/kfd/topology/nodes and `journalctl -k --grep amdgpu`",
            (SourceName::Proc, FailureKind::Denied | FailureKind::Partly) => {
                "run as root, or see how /proc is mounted (hidepid)"
            }
            (SourceName::Proc, _) => "see how /proc is mounted, or name another with --proc-root",
        }
    }
}

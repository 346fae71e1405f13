//! What a process of the host belongs to, beside its user: a job, a pod, a session.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// One thing that a process belongs to, and how that is known.
///
/// `name`, the values of `says`, and the name of a user's own unit are users' text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// What it is.
    pub kind: BelongingKind,
    /// Its id: a Slurm job's number, a pod's uid, an instance's name, a container's 64 digits, a session's number, a unit's
    /// name. `None` where nothing tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A name that people know it by, where that is not the id: `42.batch` for a step of a Slurm job, `NAMESPACE/NAME` for a
    /// pod, engine and short id for a container, an image for Apptainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user whose session, unit or job it is, by id, where the control group tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// That user's name, or the id in digits where the name service knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How it is known.
    pub proof: Proof,
    /// What the process says of it in its environment, which proves nothing: `partition` of a Slurm job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub says: BTreeMap<String, String>,
}

/// What a process can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BelongingKind {
    /// A job of Slurm.
    SlurmJob,
    /// A pod of Kubernetes.
    Pod,
    /// An instance of Incus.
    Incus,
    /// An instance of LXD.
    Lxd,
    /// A container of LXC, or of LXD or Incus where nothing tells which.
    Lxc,
    /// A container that no engine of this host lists.
    Container,
    /// An Apptainer (or Singularity) container. It has no control group of its own.
    Apptainer,
    /// An enroot container. It has no control group of its own.
    Enroot,
    /// A user's login session.
    Session,
    /// A unit of a user's own service manager, or another control group that the user made. The user named it.
    UserUnit,
    /// A service or scope of the system.
    Unit,
}

/// How it is known what a process belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The process says so itself, by its environment or its mounts. Anybody can make a process that says so.
    Process,
    /// The path of its control group says so. To whom the directories on the way belong could not be read.
    Path,
    /// The path of its control group says so, and nobody but root could make or name the directories that say it.
    Cgroup,
}

impl BelongingKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::SlurmJob,
        Self::Pod,
        Self::Incus,
        Self::Lxd,
        Self::Lxc,
        Self::Container,
        Self::Apptainer,
        Self::Enroot,
        Self::Session,
        Self::UserUnit,
        Self::Unit,
    ];

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SlurmJob => "slurm-job",
            Self::Pod => "pod",
            Self::Incus => "incus",
            Self::Lxd => "lxd",
            Self::Lxc => "lxc",
            Self::Container => "container",
            Self::Apptainer => "apptainer",
            Self::Enroot => "enroot",
            Self::Session => "session",
            Self::UserUnit => "user-unit",
            Self::Unit => "unit",
        }
    }

    /// Whether who is in it is not on the host: root there is anybody, and names programs as it likes.
    pub fn is_inside(self) -> bool {
        match self {
            Self::Pod | Self::Incus | Self::Lxd | Self::Lxc | Self::Container => true,
            Self::SlurmJob | Self::Apptainer | Self::Enroot | Self::Session | Self::UserUnit | Self::Unit => false,
        }
    }
}

impl fmt::Display for BelongingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Belonging {
    /// One that is known by nothing but its kind.
    pub fn new(kind: BelongingKind, proof: Proof) -> Self {
        Self { kind, id: None, name: None, uid: None, user: None, proof, says: BTreeMap::new() }
    }

    /// Whether more speaks for it than the process itself.
    pub fn is_proven(&self) -> bool {
        self.proof != Proof::Process
    }
}

/// In a few words, such as `slurm-job 42.batch`. A question mark says that only the process says so.
impl fmt::Display for Belonging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_proven() { "" } else { "?" };
        match self.name.as_ref().or(self.id.as_ref()) {
            // A container's id is as long as a line.
            Some(id) if self.kind == BelongingKind::Container && self.name.is_none() => {
                write!(f, "{} {}{mark}", self.kind, id.get(..12).unwrap_or(id))
            }
            Some(name) => write!(f, "{} {name}{mark}", self.kind),
            None => write!(f, "{}{mark}", self.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_files_is_the_word_on_the_command_line() {
        for kind in BelongingKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn what_only_the_process_says_has_a_question_mark() {
        let job = |proof| Belonging { id: Some("42".to_owned()), ..Belonging::new(BelongingKind::SlurmJob, proof) };
        assert_eq!(job(Proof::Cgroup).to_string(), "slurm-job 42");
        assert_eq!(job(Proof::Path).to_string(), "slurm-job 42");
        assert_eq!(job(Proof::Process).to_string(), "slurm-job 42?");
        let step = Belonging { name: Some("42.batch".to_owned()), ..job(Proof::Cgroup) };
        assert_eq!(step.to_string(), "slurm-job 42.batch");
        assert_eq!(Belonging::new(BelongingKind::Apptainer, Proof::Process).to_string(), "apptainer?");
        let container = Belonging::new(BelongingKind::Container, Proof::Cgroup);
        assert_eq!(Belonging { id: Some("a1".repeat(32)), ..container }.to_string(), "container a1a1a1a1a1a1");
    }
}

//! `--belongs-to`: what a process is to belong to.

use std::str::FromStr;

use ds01_core::model::{Belonging, BelongingKind};

/// A kind, and which one of it; any where none is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BelongsTo {
    kind: BelongingKind,
    which: Option<String>,
}

impl FromStr for BelongsTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, which) = text.split_once(':').map_or((text, None), |(kind, which)| (kind, Some(which)));
        let kinds = || BelongingKind::ALL.map(BelongingKind::as_str).join(", ");
        let found = BelongingKind::ALL.into_iter().find(|one| one.as_str() == kind);
        let kind = found.ok_or_else(|| format!("`{kind}` is none of {}", kinds()))?;
        match which {
            Some("") => Err(format!("an id or a name was expected behind `{kind}:`")),
            which => Ok(Self { kind, which: which.map(ToOwned::to_owned) }),
        }
    }
}

impl BelongsTo {
    /// Whether any of these is meant.
    pub(crate) fn is_any_of(&self, all: &[Belonging]) -> bool {
        all.iter().any(|one| self.means(one))
    }

    /// Whether it is meant, by its id or its name. What only the process says counts too: the table marks it.
    fn means(&self, one: &Belonging) -> bool {
        let is = |text: &Option<String>| text.as_ref() == self.which.as_ref();
        one.kind == self.kind && (self.which.is_none() || is(&one.id) || is(&one.name))
    }
}

#[cfg(test)]
mod tests {
    use ds01_core::model::Proof;

    use super::*;

    #[test]
    fn a_kind_an_id_and_a_name() {
        let step = Belonging {
            id: Some("42".to_owned()),
            name: Some("42.batch".to_owned()),
            ..Belonging::new(BelongingKind::SlurmJob, Proof::Cgroup)
        };
        let means = |text: &str| text.parse::<BelongsTo>().unwrap().means(&step);
        assert!(means("slurm-job") && means("slurm-job:42") && means("slurm-job:42.batch"));
        assert!(!means("slurm-job:4") && !means("pod") && !means("pod:42"));
        assert!(
            !"apptainer:x"
                .parse::<BelongsTo>()
                .unwrap()
                .means(&Belonging::new(BelongingKind::Apptainer, Proof::Process))
        );
    }

    #[test]
    fn what_is_none_is_said() {
        let error = "slurm:42".parse::<BelongsTo>().unwrap_err();
        assert!(error.starts_with("`slurm` is none of slurm-job, pod, "), "{error}");
        assert_eq!("pod:".parse::<BelongsTo>().unwrap_err(), "an id or a name was expected behind `pod:`");
    }
}

//! What a process says of itself, in its environment and by its mounts. It is the user's text, and proves nothing. No I/O.

/// Longer values say nothing that a person would read.
const LONGEST: usize = 256;

/// What a process says that it belongs to. Only these few variables are looked at; none other is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// `SLURM_JOB_ID`: digits.
    pub(super) slurm_job: Option<String>,
    /// `SLURM_JOB_PARTITION`.
    pub(super) slurm_partition: Option<String>,
    /// The image of an Apptainer or Singularity container, without its directory; empty where only its mounts tell of one.
    pub(super) apptainer: Option<String>,
    /// The name of an enroot container: the directory that is its root.
    pub(super) enroot: Option<String>,
}

impl Claims {
    /// Reads `/proc/PID/environ`: `NAME=value`, each closed by a NUL byte. Of a variable that is set twice, the first counts, as
    /// for `getenv`.
    pub(super) fn of_environment(environ: &[u8]) -> Self {
        let variables = || {
            environ.split(|byte| *byte == 0).filter_map(|variable| {
                let at = variable.iter().position(|byte| *byte == b'=')?;
                Some((&variable[..at], &variable[at + 1..]))
            })
        };
        let value = |name: &str| {
            let (_, value) = variables().find(|(other, _)| *other == name.as_bytes())?;
            (!value.is_empty() && value.len() <= LONGEST).then(|| String::from_utf8_lossy(value).into_owned())
        };
        let is_number = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
        let image = value("APPTAINER_CONTAINER").or_else(|| value("SINGULARITY_CONTAINER"));
        let file = |path: String| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        Self {
            slurm_job: value("SLURM_JOB_ID").or_else(|| value("SLURM_JOBID")).filter(is_number),
            slurm_partition: value("SLURM_JOB_PARTITION"),
            apptainer: image.map(file).filter(|name| !name.is_empty()),
            enroot: None,
        }
    }

    /// Adds what `/proc/PID/mountinfo` tells, in the form of proc_pid_mountinfo(5).
    ///
    /// Apptainer mounts below `/.singularity.d`, and puts the root together below `.../mnt/session`. enroot mounts a directory of
    /// the user's as the root; by default it lies below one named `enroot`, and pyxis, its plugin for Slurm, names it `pyxis_...`.
    #[must_use]
    pub(super) fn with_mounts(mut self, mountinfo: &str) -> Self {
        for line in mountinfo.lines() {
            // ID, parent, device, root within the file system, mount point, and more.
            let mut fields = line.split(' ').skip(3);
            let (Some(root), Some(point)) = (fields.next(), fields.next()) else { continue };
            let session = ["/apptainer/mnt/session/", "/singularity/mnt/session/"];
            let is_session = point == "/" && session.iter().any(|path| line.contains(path));
            if point.starts_with("/.singularity.d/") || is_session {
                self.apptainer.get_or_insert_default();
            }
            let (above, name) = root.rsplit_once('/').unwrap_or_default();
            let is_enroots = above.split('/').any(|part| part == "enroot") || name.starts_with("pyxis_");
            if point == "/" && is_enroots && name.len() <= LONGEST && !name.is_empty() {
                self.enroot.get_or_insert_with(|| name.to_owned());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[&str]) -> Claims {
        Claims::of_environment(variables.join("\0").as_bytes())
    }

    #[test]
    fn nothing_but_these_variables_is_kept() {
        assert_eq!(of(&["AWS_SECRET=x", "PATH=/bin", "", "=", "SLURM_JOB_ID", "SLURM_JOB_ID="]), Claims::default());
        let claims = of(&["SLURM_JOB_ID=42", "SLURM_JOB_PARTITION=gpu", "APPTAINER_CONTAINER=/home/ann/torch.sif"]);
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(claims.slurm_job, said("42"));
        assert_eq!(claims.slurm_partition, said("gpu"));
        assert_eq!(claims.apptainer, said("torch.sif"));
        assert_eq!(of(&["SINGULARITY_CONTAINER=/data/rootfs/"]).apptainer, said("rootfs"));
        assert_eq!(of(&["SLURM_JOB_ID=1", "SLURM_JOB_ID=2"]).slurm_job, said("1"));
    }

    #[test]
    fn what_makes_no_sense_is_not_said() {
        let long = format!("SLURM_JOB_PARTITION={}", "x".repeat(257));
        assert_eq!(of(&["SLURM_JOB_ID=4 2", &long, "APPTAINER_CONTAINER=/"]), Claims::default());
        assert_eq!(Claims::of_environment(b"SLURM_JOB_PARTITION=\xff").slurm_partition, Some("\u{fffd}".to_owned()));
    }

    #[test]
    fn mounts_tell_of_apptainer_and_enroot() {
        let mounts = |text: &str| Claims::default().with_mounts(text);
        let host =
            "22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n25 22 0:5 / /dev rw - devtmpfs udev rw\n";
        assert_eq!(mounts(host), Claims::default());
        let root = "600 500 0:80 / / ro,nosuid,nodev - overlay overlay \
            ro,lowerdir=/var/lib/apptainer/mnt/session/overlay-lowerdir:/var/lib/apptainer/mnt/session/rootfs\n";
        assert_eq!(mounts(root).apptainer, Some(String::new()));
        let libraries = "700 600 0:26 / /.singularity.d/libs ro - tmpfs tmpfs rw\n";
        assert_eq!(mounts(libraries).apptainer, Some(String::new()));
        let named = of(&["APPTAINER_CONTAINER=/x/torch.sif"]).with_mounts(libraries);
        assert_eq!(named.apptainer, Some("torch.sif".to_owned()), "the name stays");
        let enroot = "900 800 259:2 /home/ann/.local/share/enroot/pytorch / ro,nosuid,nodev - ext4 /dev/nvme0n1p2 rw\n";
        assert_eq!(mounts(enroot).enroot, Some("pytorch".to_owned()));
        let pyxis = "900 800 0:50 /data/user-1000/pyxis_42.0 / rw - xfs /dev/md0 rw\n";
        assert_eq!(mounts(pyxis).enroot, Some("pyxis_42.0".to_owned()));
        let elsewhere = "900 800 0:50 /home/ann/enroot/x /mnt rw - xfs /dev/md0 rw\n";
        assert_eq!(mounts(elsewhere).enroot, None, "it is not its root");
        assert_eq!(mounts("x\n\n1 2 3\n1 2 3 4\n"), Claims::default());
    }
}

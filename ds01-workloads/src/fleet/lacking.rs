//! What is not known of a host of which sources failed, whichever way it was asked.

use ds01_core::{detect::Inventory, model::EngineName, source::SourceName};

/// What is not known, or only as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lacking {
    /// Its GPUs, and who holds a context on them.
    pub(super) gpus: bool,
    /// Its containers.
    pub(super) containers: bool,
    /// Its processes outside of containers.
    pub(super) processes: bool,
}

impl Lacking {
    /// By the sources that the host has: the name of each, and whether it failed. Each container engine fails by itself: what the
    /// others told is known.
    pub(super) fn of<'a>(sources: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let mut lacking = Self::default();
        let (mut told, mut failed) = (false, false);
        for (name, has_failed) in sources {
            if Inventory::is_of_gpus(name) {
                lacking.gpus |= has_failed;
            } else if name == SourceName::Proc.as_str() {
                lacking.processes |= has_failed;
            } else if name.parse::<EngineName>().is_ok() {
                failed |= has_failed;
                told |= !has_failed;
            }
        }
        // What has a context is told by both.
        lacking.processes |= lacking.gpus;
        lacking.containers = failed && !told;
        lacking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_takes_away_its_own_part() {
        let nothing = Lacking::default();
        let of_gpus = Lacking { gpus: true, processes: true, ..nothing };
        for (sources, lacking) in [
            (&[][..], nothing),
            (&[("docker", false), ("nvml", false), ("amd", false), ("proc", false)], nothing),
            (&[("docker", false), ("nvml", true), ("proc", false)], of_gpus),
            (&[("docker", false), ("nvml", false), ("amd", true)], of_gpus),
            (&[("proc", true)], Lacking { processes: true, ..nothing }),
            (&[("docker", true), ("podman", false)], nothing),
            (&[("docker", true), ("podman", true)], Lacking { containers: true, ..nothing }),
            (&[("a source of a newer version", true)], nothing),
        ] {
            assert_eq!(Lacking::of(sources.iter().copied()), lacking, "{sources:?}");
        }
    }
}

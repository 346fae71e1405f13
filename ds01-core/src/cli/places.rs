//! Where notices are left: beside the state directory and the policy, so that another host's files are never touched.

use std::path::{Path, PathBuf};

use super::STATE_DIR;
use crate::{
    idle::Login,
    metrics::{DEFAULT_PATH, MetricsFile},
    outbox::Outbox,
};

/// Hooks are root's.
const ROOT: u32 = 0;

/// The outbox: `/var/lib/ds01-notify`, with the hooks in `/etc/ds01/notify.d`.
pub fn outbox(config: &Path, state_dir: &Path) -> Outbox {
    let dir = beside(state_dir, "-notify");
    let hooks = config.parent().unwrap_or(Path::new("/")).join("notify.d");
    Outbox { dir: dir.join("outbox"), results: dir.join("results"), hooks, trusted: ROOT }
}

/// What everybody may see: `/run/ds01`, which does not outlive the boot. Beside another state directory it is another.
pub fn public(given: Option<&Path>, state_dir: &Path) -> PathBuf {
    match given {
        Some(given) => given.to_owned(),
        None if state_dir == Path::new(super::STATE_DIR) => PathBuf::from(super::SAMPLES_DIR),
        None => beside(state_dir, "-public"),
    }
}

/// What is shown at the next login: `/var/lib/ds01-notices`.
pub fn login(state_dir: &Path) -> Login {
    Login::new(state_dir, beside(state_dir, "-notices"))
}

/// The file for Prometheus: the one that was named, else `/run/ds01/ds01.prom`. None beside a state directory of somebody's own, where
/// nobody named one: what lies there is not what is installed.
pub fn metrics(named: Option<PathBuf>, state_dir: &Path) -> Option<MetricsFile> {
    let default = || (state_dir == Path::new(STATE_DIR)).then(|| DEFAULT_PATH.into());
    named.or_else(default).map(MetricsFile::new)
}

fn beside(state_dir: &Path, ending: &str) -> PathBuf {
    let name = state_dir.file_name().unwrap_or_default().to_string_lossy();
    state_dir.with_file_name(format!("{name}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_installed() {
        let (config, state) = (Path::new("/etc/ds01/resource-limits.yaml"), Path::new("/var/lib/ds01"));
        let outbox = outbox(config, state);
        assert_eq!(outbox.dir, Path::new("/var/lib/ds01-notify/outbox"));
        assert_eq!(outbox.results, Path::new("/var/lib/ds01-notify/results"));
        assert_eq!((outbox.hooks.as_path(), outbox.trusted), (Path::new("/etc/ds01/notify.d"), 0));
        assert_eq!(public(None, state), Path::new("/run/ds01"));
        assert_eq!(public(None, Path::new("/tmp/other")), Path::new("/tmp/other-public"));
        assert_eq!(beside(state, "-notices"), Path::new("/var/lib/ds01-notices"));
        assert_eq!(metrics(None, state), Some(MetricsFile::new("/run/ds01/ds01.prom")));
    }

    #[test]
    fn the_metrics_of_another_state_are_not_written_over_the_hosts() {
        let named = Path::new("/tmp/x/x.prom");
        assert_eq!(metrics(None, Path::new("/tmp/x")), None);
        assert_eq!(metrics(Some(named.to_owned()), Path::new("/tmp/x")), Some(MetricsFile::new(named)));
    }
}

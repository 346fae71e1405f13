//! A daemon of a test's own, for stories about a whole host.

use std::{path::PathBuf, process::Child};

use docker_rig::{Layout, Lifetime, Rig};

/// Runs until it is dropped. Should the test's thread end without that, the kernel ends the daemon.
pub(crate) struct Private {
    dir: PathBuf,
    daemon: Child,
}

impl Private {
    /// `None` where there is no rig for the tests either.
    pub(crate) fn start() -> Option<Self> {
        Rig::from_env()?;
        let dir = tempfile::Builder::new().prefix("ds01-rig-").tempdir().unwrap().keep();
        let daemon = docker_rig::start(&dir, Lifetime::OfThisThread).unwrap();
        Some(Self { dir, daemon })
    }

    pub(crate) fn rig(&self) -> Rig {
        Rig::of(&Layout::new(&self.dir))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let stopped = docker_rig::stop(&self.dir);
        let ended = self.daemon.wait();
        if !std::thread::panicking() {
            stopped.unwrap();
            ended.unwrap();
        }
    }
}

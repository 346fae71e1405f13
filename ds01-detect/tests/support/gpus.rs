//! A driver library of a test's own.

use std::path::{Path, PathBuf};

use nvml_standin::{Install, Scenario, scenario_path};
use tempfile::TempDir;

/// A copy of the NVML stand-in, and the GPUs that it tells of.
pub(crate) struct Gpus {
    library: PathBuf,
    _dir: TempDir,
}

impl Gpus {
    /// The GPUs of this scenario.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = Install::default().into_dir(dir.path()).unwrap();
        let gpus = Self { library, _dir: dir };
        gpus.become_those_of(scenario);
        gpus
    }

    /// From now on the GPUs of this scenario.
    pub(crate) fn become_those_of(&self, scenario: &Scenario) {
        scenario.write_to(&scenario_path(&self.library)).unwrap();
    }

    /// The library's file.
    pub(crate) fn library(&self) -> &Path {
        &self.library
    }
}

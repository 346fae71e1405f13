//! The sampler, run.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use ds01_core::{
    model::Sample,
    source::{SampleSource, samples::SampleFiles},
};
use tempfile::TempDir;

use crate::gpus::Gpus;

/// More than the slowest machine needs for what is going to happen at all.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a sampler writes to, and what it looks at.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn samples_dir(&self) -> PathBuf {
        self.dir.path().join("samples")
    }

    /// A sampler that looks each so many milliseconds.
    pub(crate) fn command(&self, library: &Path, every_ms: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ds01-detect"));
        command.env_clear().arg("sample").arg("--every").arg(every_ms.to_string());
        command.arg("--samples-dir").arg(self.samples_dir()).arg("--nvml-library").arg(library);
        command.arg("--state-dir").arg(self.dir.path().join("state"));
        command
    }

    pub(crate) fn start(&self, gpus: &Gpus, every_ms: u64) -> Running {
        let mut child = self.command(gpus.library(), every_ms).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stderr }
    }

    /// All samples so far.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        SampleFiles::new(self.samples_dir()).since(boot_id.trim(), 0).unwrap()
    }

    /// Waits until `is_so` of the samples, and returns them.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&[Sample]) -> bool) -> Vec<Sample> {
        let end = Instant::now() + DEADLINE;
        loop {
            let samples = self.samples();
            if is_so(&samples) {
                return samples;
            }
            assert!(Instant::now() < end, "not so after a minute: {what}: {samples:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A sampler that runs, until this is dropped.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// The next line that it says.
    pub(crate) fn says(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

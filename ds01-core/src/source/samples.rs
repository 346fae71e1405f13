//! What the GPU sampler saw: a file of lines that it appends to, and that scans and checks read.
//!
//! Two files take turns, so that what is kept is bounded whatever happens. They belong into a directory that does not outlive
//! the boot, such as `/run/ds01`: after it nothing in them can be compared with anything.

use std::{io, path::PathBuf};

use crate::{
    model::Sample,
    store::{Store, StoreError, read_back},
};

/// The file that is being written.
const CURRENT: &str = "gpu-samples.jsonl";

/// The one before.
const PREVIOUS: &str = "gpu-samples.1.jsonl";

/// A file that would get longer gives way to another: what is kept is twice that. A host with a hundred GPU processes at work
/// writes 3 kB a sample, so that there is an hour at least.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// What the GPU sampler saw.
pub trait SampleSource: Send + Sync {
    /// The samples of this boot that ended later than `since_boot_ms` on the boot clock, oldest first. None where no sampler
    /// runs.
    ///
    /// # Errors
    ///
    /// When they could not be read.
    fn since(&self, boot_id: &str, since_boot_ms: u64) -> Result<Vec<Sample>, StoreError>;
}

/// No sampler.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSamples;

impl SampleSource for NoSamples {
    fn since(&self, _: &str, _: u64) -> Result<Vec<Sample>, StoreError> {
        Ok(Vec::new())
    }
}

/// The sampler's files in a directory.
#[derive(Debug, Clone)]
pub struct SampleFiles {
    dir: PathBuf,
}

impl SampleFiles {
    /// Those in `dir`, which need not be there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Appends a sample. It is not flushed: what a crash takes was of the boot that ended with it.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], and when the line could not be written whole, as on a full disk.
    pub fn append(&self, sample: &Sample) -> Result<(), StoreError> {
        let store = Store::open(&self.dir)?;
        let mut line = serde_json::to_vec(sample).map_err(|error| StoreError::Io {
            action: "write a sample to",
            path: store.path_of(CURRENT),
            error: error.into(),
        })?;
        line.push(b'\n');
        if let Some(file) = store.open_to_read(CURRENT)? {
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            if length.saturating_add(line.len() as u64) > MAX_FILE_BYTES {
                store.rename(CURRENT, PREVIOUS)?;
            }
        }
        let mut lines = store.open_lines(CURRENT)?;
        lines.begin()?;
        lines.append(&line)
    }
}

impl SampleSource for SampleFiles {
    fn since(&self, boot_id: &str, since_boot_ms: u64) -> Result<Vec<Sample>, StoreError> {
        let store = match Store::open_existing(&self.dir) {
            Ok(store) => store,
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut samples: Vec<Sample> = Vec::new();
        let mut more = true;
        for name in [CURRENT, PREVIOUS] {
            let Some(file) = store.open_to_read(name)?.filter(|_| more) else { continue };
            let mut each = |line: &[u8]| {
                // A line that was cut off, or is of another version, is a span of which nothing is known.
                let Ok(sample) = serde_json::from_slice::<Sample>(line) else { return true };
                more = sample.boot_id == boot_id && sample.to_ms > since_boot_ms;
                if more {
                    samples.push(sample);
                }
                more
            };
            read_back(&file, &mut each).map_err(|error| StoreError::Io {
                action: "read",
                path: store.path_of(name),
                error,
            })?;
        }
        samples.reverse();
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;
    use crate::model::CpuShare;

    fn sample(to_ms: u64) -> Sample {
        Sample { boot_id: "b".to_owned(), from_ms: to_ms - 5, to_ms, devices: Vec::new(), cpu: Vec::new() }
    }

    fn ends(files: &SampleFiles, boot_id: &str, since: u64) -> Vec<u64> {
        files.since(boot_id, since).unwrap().iter().map(|sample| sample.to_ms).collect()
    }

    #[test]
    fn what_was_appended_is_read_back_from_a_time_on_and_torn_lines_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let files = SampleFiles::new(dir.path().join("ds01"));
        assert!(ends(&files, "b", 0).is_empty(), "no sampler");
        [10, 20].iter().for_each(|to| files.append(&sample(*to)).unwrap());
        let mut file = fs::File::options().append(true).open(dir.path().join("ds01").join(CURRENT)).unwrap();
        file.write_all(br#"{"boot_id":"b","from_ms":2"#).unwrap();
        [30, 40].iter().for_each(|to| files.append(&sample(*to)).unwrap());
        assert_eq!(ends(&files, "b", 0), [10, 20, 30, 40]);
        assert_eq!(ends(&files, "b", 20), [30, 40]);
        assert!(ends(&files, "another", 0).is_empty());
    }

    #[test]
    fn two_files_take_turns_and_nothing_grows_without_bound() {
        let dir = tempfile::tempdir().unwrap();
        let files = SampleFiles::new(dir.path());
        let cpu = vec![CpuShare { container: "0123456789ab".to_owned(), us: 1 }; 1_500];
        let written = 150;
        for n in 1..=written {
            files.append(&Sample { cpu: cpu.clone(), ..sample(n * 10) }).unwrap();
        }
        let sizes: Vec<u64> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size <= MAX_FILE_BYTES), "{sizes:?}");
        let kept = ends(&files, "b", 0);
        assert_eq!(kept.last(), Some(&(written * 10)));
        assert!(kept.len() > 10 && kept.windows(2).all(|pair| pair[1] == pair[0] + 10), "{kept:?}");
    }
}

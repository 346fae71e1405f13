//! The event log, as far as it was read.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
};

use serde_json::Value;

/// Which events of containers are in the log.
pub(crate) struct Log {
    path: PathBuf,
    read: u64,
    /// Type, and the container's id.
    pub(crate) events: BTreeSet<(String, String)>,
    pub(crate) count: usize,
    /// Lines that a kill cut short.
    pub(crate) torn: usize,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, read: 0, events: BTreeSet::new(), count: 0, torn: 0 }
    }

    /// Reads what was appended. The last line is left until it ends: one that a killed run began is ended by the next.
    pub(crate) fn read(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            self.read += u64::try_from(line.len()).unwrap();
            self.line(line.trim_end());
            line.clear();
        }
    }

    /// The kernel ends even one write at a page's edge when its process is killed. Nothing else may be amiss with a line.
    fn line(&mut self, line: &str) {
        match serde_json::from_str::<Value>(line) {
            Ok(event) => {
                let about = event["details"]["container_id"].as_str().unwrap_or_default().to_owned();
                self.events.insert((event["event_type"].as_str().unwrap().to_owned(), about));
                self.count += 1;
            }
            Err(error) => {
                assert!(error.is_eof(), "neither whole nor cut short: {error}: {line}");
                self.torn += 1;
            }
        }
    }

    /// Whose stop for idleness it tells.
    pub(crate) fn stopped(&self) -> BTreeSet<&str> {
        let stops = self.events.iter().filter(|(event_type, _)| event_type == "maintenance.idle_kill");
        stops.map(|(_, id)| id.as_str()).collect()
    }
}

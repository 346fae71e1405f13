//! What the daemon itself says happened to containers.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use docker_rig::{Rig, wait_until};
use jiff::Timestamp;
use serde_json::Value;

use crate::story::DEADLINE;

/// Follows the daemon's event stream, until it is dropped.
pub(crate) struct Witness {
    rig: Rig,
    client: Child,
    seen: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
}

impl Witness {
    pub(crate) fn new(rig: &Rig) -> Self {
        let now = Timestamp::now();
        let since = format!("{}.{:09}", now.as_second(), now.subsec_nanosecond());
        let mut command = rig.client();
        command.args(["events", "--format", "{{json .}}", "--since", &since]);
        let mut client = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let reader = thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                for line in lines.map_while(Result::ok) {
                    seen.lock().unwrap().push(serde_json::from_str(&line).unwrap());
                }
            }
        });
        Self { rig: rig.clone(), client, seen, reader: Some(reader) }
    }

    /// All events about the container of this id so far, in their order.
    pub(crate) fn events(&self, id: &str) -> Vec<Value> {
        self.catch_up();
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|event| event["Type"] == "container" && event["Actor"]["ID"] == id).cloned().collect()
    }

    /// What was done to it and with it, without its creation and first start: such as `kill 15`, `die 0`.
    pub(crate) fn actions(&self, id: &str) -> Vec<String> {
        let events = self.events(id);
        let after = events.iter().position(|event| event["Action"] == "start").map_or(1, |at| at + 1);
        events.iter().skip(after).map(action).collect()
    }

    /// Waits until it has seen what was done up to now: the stream is in order.
    fn catch_up(&self) {
        let marker = Rig::unique_name("ds01-witness");
        self.rig.docker(&["volume", "create", &marker]);
        self.rig.docker(&["volume", "rm", &marker]);
        let is_marker = |event: &Value| event["Type"] == "volume" && event["Actor"]["ID"] == marker.as_str();
        wait_until("the daemon's events", DEADLINE, || self.seen.lock().unwrap().iter().any(is_marker));
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// An event in short.
fn action(event: &Value) -> String {
    let attribute = ["signal", "exitCode"].iter().find_map(|name| event["Actor"]["Attributes"][*name].as_str());
    let action = event["Action"].as_str().unwrap();
    attribute.map_or_else(|| action.to_owned(), |value| format!("{action} {value}"))
}

/// When it happened, in nanoseconds.
pub(crate) fn nanoseconds(event: &Value) -> i64 {
    event["timeNano"].as_i64().unwrap()
}

//! Every trouble of every source, alone and in pairs: fail, fail again, recover, be quiet.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    process::Command,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::{
    as_root,
    cells::{Cell, Docker, Nvml},
    doors::{Doors, World, open_to_all},
    host::{LEAVER, NEWCOMER, PENDING, SECOND_GPU, container_id},
    support::Detector,
};

/// The user that a run without privilege is run as; `nobody` on most systems.
const OTHER_UID: u32 = 65534;

/// The deadline where something hangs, in seconds. Elsewhere it is the program's own, for a busy machine's sake.
const DEADLINE: &str = "5";

/// What a run may take beyond its deadline on a busy machine before it counts as hung.
const MARGIN: Duration = Duration::from_secs(60);

/// Cells that are tried at a time: most of their time is waiting.
const AT_A_TIME: usize = 12;

#[test]
fn nothing_of_a_failed_source_is_lost_or_invented() {
    let world = World::new();
    let seed = Seed::new(&world);
    let unbroken = seed.story(&world, Cell::FINE, Caller::Same);

    let cells = Cell::singles_and_pairs();
    let queue = Mutex::new(cells.into_iter());
    let next = || queue.lock().unwrap().next();
    thread::scope(|scope| {
        let work = || {
            while let Some(cell) = next() {
                let caller = if cell.docker == Docker::NoPermission { Caller::Nobody } else { Caller::Same };
                if caller == Caller::Nobody && !as_root("a Docker socket of others") {
                    continue;
                }
                check(cell, &seed, &seed.story(&world, cell, caller), &unbroken);
            }
        };
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
}

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Same,
    Nobody,
}

/// The inventory that each story begins with: two good scans, so that there are containers, host processes, and one that
/// waits.
struct Seed {
    inventory: Value,
    bytes: Vec<u8>,
}

impl Seed {
    fn new(world: &World) -> Self {
        let detector = Detector::new();
        for moment in ["first", "second"] {
            world.sound(moment).scan(&detector).ends_with(0);
        }
        let inventory = detector.inventory();
        assert_eq!(inventory["containers"].as_object().unwrap().len(), 3);
        assert_eq!(keys(&inventory["host_processes"]), ["2001", "2002", "2003", "2005", "2006"]);
        assert_eq!(keys(&inventory["_pending_processes"]), [PENDING.to_string()]);
        let bytes = fs::read(detector.state_dir().join("workload-inventory.json")).unwrap();
        Self { inventory, bytes }
    }

    /// Four runs from here: troubled, troubled, and two good ones after the host changed.
    fn story(&self, world: &World, cell: Cell, caller: Caller) -> Story {
        let detector = Detector::new();
        let state_dir = detector.state_dir();
        fs::create_dir(&state_dir).unwrap();
        fs::set_permissions(&state_dir, fs::Permissions::from_mode(0o750)).unwrap();
        let file = state_dir.join("workload-inventory.json");
        fs::write(&file, &self.bytes).unwrap();
        if caller == Caller::Nobody {
            for path in [state_dir.parent().unwrap(), &state_dir, &file] {
                chown(path, Some(OTHER_UID), Some(OTHER_UID)).unwrap();
            }
        }
        let troubled = || world.troubled(cell);
        let changed = || world.sound("changed");
        let scans = [troubled(), troubled(), changed(), changed()];
        let expected = if cell.failing().is_empty() { [0; 4] } else { [1, 1, 0, 0] };
        let mut events_before = 0;
        let steps = std::array::from_fn(|step| {
            let deadline = (cell.hangs() && step < 2).then_some(DEADLINE);
            run(&detector, &scans[step], deadline, caller, expected[step], cell);
            let mut events: Vec<Value> = detector.events().split_off(events_before);
            events_before += events.len();
            let told = events.iter_mut().map(|event| subject(event)).collect();
            Step { inventory: detector.inventory(), events: told }
        });
        Story { steps }
    }
}

/// What four runs left.
struct Story {
    steps: [Step; 4],
}

struct Step {
    inventory: Value,
    events: Vec<String>,
}

fn run(detector: &Detector, doors: &Doors<'_>, deadline: Option<&str>, caller: Caller, expected: i32, cell: Cell) {
    let mut program = detector.command();
    program.args(doors.flags());
    if let Some(seconds) = deadline {
        program.args(["--deadline", seconds]);
    }
    if caller == Caller::Nobody {
        program = as_nobody(detector, &program);
    }
    let seconds = deadline.map_or(25, |text| text.parse().unwrap());
    let limit = Duration::from_secs(seconds) + MARGIN;
    let start = Instant::now();
    let output = within(limit, &program).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected), "{cell:?} after {:?}: {words}", start.elapsed());
    // The program's own account, which a busy machine can't spoil by much.
    let took: f64 = words.trim_end().rsplit(' ').nth(1).unwrap().parse().unwrap();
    assert!(took < seconds as f64 + 1.0, "{cell:?}: {words}");
    if expected == 1 {
        for source in cell.failing() {
            assert!(words.contains(&format!("ds01-detect: {source}: ")), "{cell:?}: {words}");
        }
    }
}

/// The same program, which is killed (exit code 137) should it run on after `limit`.
fn within(limit: Duration, program: &Command) -> Command {
    wrapped("timeout", &["--signal=KILL".to_owned(), limit.as_secs().to_string()], program)
}

/// The same program without privilege, from a place where anyone may run it.
fn as_nobody(detector: &Detector, program: &Command) -> Command {
    let copy = detector.state_dir().parent().unwrap().join("ds01-detect");
    if !copy.exists() {
        fs::copy(program.get_program(), &copy).unwrap();
        open_to_all(&copy);
    }
    let mut unprivileged = Command::new(copy);
    unprivileged.args(program.get_args());
    let id = OTHER_UID.to_string();
    let flags = ["--reuid", &id, "--regid", &id, "--clear-groups"].map(ToOwned::to_owned);
    wrapped("setpriv", &flags, &unprivileged)
}

fn wrapped(wrapper: &str, flags: &[String], program: &Command) -> Command {
    let mut command = Command::new(wrapper);
    command.args(flags).arg(program.get_program()).args(program.get_args());
    command.env_remove("DOCKER_HOST").env("LC_ALL", "C").env("TZ", "UTC");
    command
}

/// An event's type and what it is about.
fn subject(event: &Value) -> String {
    let details = &event["details"];
    let about = ["name", "pid", "source"].iter().map(|key| &details[*key]).find(|value| !value.is_null()).unwrap();
    let kind = event["event_type"].as_str().unwrap().trim_start_matches("detection.");
    format!("{kind} {}", about.to_string().trim_matches('"'))
}

fn keys(map: &Value) -> Vec<String> {
    map.as_object().unwrap().keys().cloned().collect()
}

fn check(cell: Cell, seed: &Seed, story: &Story, unbroken: &Story) {
    let [first, second, third, fourth] = &story.steps;
    let promoted = cell.sees(SECOND_GPU);
    let mut expected = vec![Vec::new(); 4];
    for source in cell.failing() {
        expected[0].push(format!("source_failed {source}"));
        expected[2].push(format!("source_recovered {source}"));
    }
    if cell.docker == Docker::UnknownState {
        expected[0].push("container_status_changed c2".to_owned());
        expected[2].push("container_status_changed c2".to_owned());
    }
    expected[if promoted { 0 } else { 2 }].push(format!("host_gpu_process_discovered {PENDING}"));
    expected[2].extend(["container_discovered c4".to_owned(), "container_exited c3".to_owned()]);
    expected[2].push(format!("host_gpu_process_exited {LEAVER}"));
    expected[3].push(format!("host_gpu_process_discovered {NEWCOMER}"));
    for (step, expected) in [first, second, third, fourth].into_iter().zip(&mut expected) {
        let mut told = step.events.clone();
        told.sort();
        expected.sort();
        assert_eq!(&told, expected, "{cell:?}");
    }

    let mut kept = essence(&seed.inventory);
    if promoted {
        let entry = kept["_pending_processes"].as_object_mut().unwrap().remove(&PENDING.to_string()).unwrap();
        kept["host_processes"][PENDING.to_string()] = entry;
    }
    if cell.docker == Docker::UnknownState {
        kept["containers"][&container_id(2)[..12]]["status"] = json!("hibernating");
    }
    for step in [first, second] {
        assert_same(&essence(&step.inventory), &kept, cell);
        check_sources(cell, seed, step, first);
        check_staleness(cell, &step.inventory);
    }

    for (step, same) in [third, fourth].into_iter().zip(&unbroken.steps[2..]) {
        // As if it had never failed.
        assert_same(&timeless(&step.inventory), &timeless(&same.inventory), cell);
        assert!(step.inventory["sources"].as_object().unwrap().values().all(|source| source["state"] == "ok"));
    }
}

fn check_sources(cell: Cell, seed: &Seed, step: &Step, first: &Step) {
    for (name, source) in step.inventory["sources"].as_object().unwrap() {
        let failed = cell.failing().contains(&name.as_str());
        assert_eq!(source["state"], if failed { "failed" } else { "ok" }, "{cell:?}: {source}");
        assert_eq!(source.get("error").is_some(), failed, "{cell:?}: {source}");
        let before = &seed.inventory["sources"][name];
        if failed {
            assert_eq!(source["last_good"], before["last_good"], "{cell:?}");
            assert_eq!(source["since"], first.inventory["last_scan"], "{cell:?}");
        } else {
            assert_eq!(source["last_good"], step.inventory["last_scan"], "{cell:?}");
            assert_eq!(source["since"], before["since"], "{cell:?}");
        }
    }
}

fn check_staleness(cell: Cell, inventory: &Value) {
    let stale = |entry: &Value| entry["stale"] == true;
    let docker_failed = cell.failing().contains(&"docker");
    for container in inventory["containers"].as_object().unwrap().values() {
        // Who holds its GPU is known by the driver and /proc together.
        let gpu_unseen = container["has_gpu"] == true && (cell.nvml.is_silent() || cell.failing().contains(&"proc"));
        assert_eq!(stale(container), docker_failed || gpu_unseen, "{cell:?}: {container}");
    }
    for gpu in inventory["gpus"].as_array().unwrap() {
        let lost = cell.nvml == Nvml::GpuLost && cell.nvml.hidden_gpu() == gpu["uuid"].as_str();
        assert_eq!(stale(gpu), cell.nvml.is_silent() || lost, "{cell:?}: {gpu}");
    }
    for list in ["host_processes", "_pending_processes"] {
        for process in inventory[list].as_object().unwrap().values() {
            let held = process["gpus"].as_array().unwrap();
            let hidden = held.iter().all(|held| !cell.sees(held["gpu_uuid"].as_str().unwrap()));
            assert_eq!(stale(process), hidden, "{cell:?}: {process}");
        }
    }
}

/// What an inventory says of the host itself, without what it says about the scans.
fn essence(inventory: &Value) -> Value {
    without(inventory.clone(), &["last_scan", "sources", "stale", "problem", "at"])
}

/// The same, without when it was found out.
fn timeless(inventory: &Value) -> Value {
    without(essence(inventory), &["detected_at", "ds01.detected.time"])
}

fn without(mut value: Value, left_out: &[&str]) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|key, _| !left_out.contains(&key.as_str()));
            for field in fields.values_mut() {
                *field = without(field.take(), left_out);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without(item.take(), left_out)),
        _ => {}
    }
    value
}

fn assert_same(found: &Value, expected: &Value, cell: Cell) {
    let differences = differences("", found, expected);
    assert!(differences.is_empty(), "{cell:?}:\n{}", differences.join("\n"));
}

/// Where two pictures differ, one line each.
fn differences(path: &str, found: &Value, expected: &Value) -> Vec<String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
            let of = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or(Value::Null);
            keys.into_iter()
                .flat_map(|key| differences(&format!("{path}/{key}"), &of(found, key), &of(expected, key)))
                .collect()
        }
        _ if found == expected => Vec::new(),
        _ => vec![format!("{path}: {found}, not {expected}")],
    }
}

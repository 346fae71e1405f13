//! Files that hold anything: torn, foreign, or with figures that nothing wrote.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

use ds01_core::{
    idle::{Action, EnergyCount, IdleState, Journal, Observation},
    model::{ContainerId, ContainerStatus, Reading},
    store::Store,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::host::{Host, Work};

const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: 24h}\n\
                      policies: {grace_period: 0s, idle_detection_window: 1}\n";

/// A journal that holds one file.
struct Files {
    dir: tempfile::TempDir,
    journal: Journal,
}

impl Files {
    fn holding(bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Store::open(dir.path()).unwrap()).unwrap();
        let files = Self { dir, journal };
        fs::write(files.path(), bytes).unwrap();
        files
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("activity/2026-03-02.jsonl")
    }

    /// All that can be read, from the beginning and from the end; which has to be the same.
    fn read(&self) -> Vec<Observation> {
        let mut all = Vec::new();
        self.journal.for_each(Timestamp::MIN, Timestamp::MAX, |seen| all.push(seen)).unwrap();
        let mut of_boot: Vec<Observation> = all.iter().filter(|seen| seen.boot_id == "boot-1").cloned().collect();
        of_boot.sort_by_key(by_time);
        // From the end it is read to the first line of another boot.
        if of_boot.len() == all.len() {
            let mut from_the_end = self.journal.since("boot-1", 0, usize::MAX).unwrap().observations;
            assert!(from_the_end.is_sorted_by_key(|seen| seen.boot_ms));
            from_the_end.sort_by_key(by_time);
            assert_eq!(from_the_end, of_boot);
        }
        all
    }
}

fn by_time(seen: &Observation) -> (u64, ContainerId) {
    (seen.boot_ms, seen.container_id.clone())
}

/// Half an hour of looks, in which something of everything is told.
static SEEN: LazyLock<Vec<Observation>> = LazyLock::new(|| {
    let mut host = Host::new(POLICY, &["one", "two\n\u{1b}[31m"]);
    host.containers[0].energy_mj = Some(7_000);
    let mut seen = Vec::new();
    for work in [Work::Nothing, Work::Cpu, Work::Gpu, Work::GpuUnreadable, Work::Unreadable].iter().cycle().take(60) {
        host.containers[0].work = *work;
        host.pass(30);
        host.scan();
        seen.append(&mut host.observations);
    }
    seen
});

fn lines(observations: &[Observation]) -> Vec<Vec<u8>> {
    observations.iter().map(|seen| serde_json::to_vec(seen).unwrap()).collect()
}

/// Bytes that are no whole line: anything, or the beginning of one.
fn torn() -> impl Strategy<Value = Vec<u8>> {
    let line = lines(&SEEN[..1]).remove(0);
    let length = line.len();
    prop_oneof![
        prop::collection::vec(any::<u8>().prop_filter("no line", |byte| *byte != b'\n'), 0..300),
        (0..length).prop_map(move |length| line[..length].to_vec()),
        prop::sample::select(vec![&b"null"[..], b"{}", b"[]", b"1e999", b"\"", b"{\"at\":0}", b"\0\0\0\0"])
            .prop_map(<[u8]>::to_vec),
        Just(vec![b'['; 100_000]),
    ]
}

/// A state after an hour, with a warning that was given.
static STATE: LazyLock<Value> = LazyLock::new(|| {
    let mut host = Host::new(POLICY, &["one", "two"]);
    host.containers[0].energy_mj = Some(7_000);
    host.containers[1].facts.status = ContainerStatus::Exited;
    let warned =
        (0..12).any(|_| host.five_minutes().decisions.values().any(|one| matches!(one.action, Action::Warn { .. })));
    assert!(warned);
    serde_json::from_slice(&host.state.to_json().unwrap()).unwrap()
});

/// Puts the `n`th of these figures in place of the `n`th number.
fn replace_numbers(value: &mut Value, figures: &BTreeMap<usize, Value>, number: &mut usize) {
    match value {
        Value::Number(_) => {
            if let Some(figure) = figures.get(number) {
                *value = figure.clone();
            }
            *number += 1;
        }
        Value::Array(values) => values.iter_mut().for_each(|value| replace_numbers(value, figures, number)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_numbers(value, figures, number)),
        _ => {}
    }
}

fn figures() -> impl Strategy<Value = BTreeMap<usize, Value>> {
    let figure = prop::sample::select(vec![
        Value::from(0),
        Value::from(1),
        Value::from(36_000_001),
        Value::from(u64::MAX),
        Value::from(i64::MAX),
        Value::from(1e300),
    ]);
    prop::collection::btree_map(0..80_usize, figure, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_of_any_bytes_is_read(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let files = Files::holding(&bytes);
        files.read();
        files.journal.append(&SEEN[..2]).unwrap();
        prop_assert!(files.read().ends_with(&SEEN[..2]), "what is written after it stands alone");
    }

    #[test]
    fn whole_lines_are_read_whatever_stands_between_them(
        torn in prop::collection::vec((0..60_usize, torn()), 0..6),
        end in torn(),
    ) {
        let mut all = lines(&SEEN);
        for (at, torn) in torn {
            all.insert(at, torn);
        }
        all.push(end);
        prop_assert_eq!(&Files::holding(&all.join(&b'\n')).read(), &*SEEN);
    }

    #[test]
    fn a_journal_that_is_cut_anywhere_is_read_up_to_there(share in 0.0..1.0_f64) {
        let bytes = lines(&SEEN).join(&b'\n');
        let cut = (bytes.len() as f64 * share) as usize;
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        let read = Files::holding(&bytes[..cut]).read();
        // One that was cut at its very end is whole.
        prop_assert!(read.len() == whole || read.len() == whole + 1);
        prop_assert_eq!(&read[..], &SEEN[..read.len()]);
    }

    #[test]
    fn a_state_of_any_bytes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(IdleState::from_json(&bytes).is_err());
    }

    #[test]
    fn a_state_that_is_cut_or_changed_anywhere_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec_pretty(&*STATE).unwrap();
        let at = at.index(bytes.len());
        prop_assert!(IdleState::from_json(&bytes[..at]).is_err());
        bytes[at] = byte;
        if let Ok(read) = IdleState::from_json(&bytes) {
            prop_assert_eq!(IdleState::from_json(&read.to_json().unwrap()), Ok(read));
        }
    }

    /// Whatever the figures in a state that can be read, a check comes to its end.
    #[test]
    fn no_figure_in_a_state_is_too_much(figures in figures()) {
        let mut changed = STATE.clone();
        replace_numbers(&mut changed, &figures, &mut 0);
        let Ok(state) = IdleState::from_json(changed.to_string().as_bytes()) else { return Ok(()) };
        let mut host = Host::new(POLICY, &["one", "two"]);
        host.containers[0].energy_mj = Some(7_000);
        host.pass(3_600);
        host.state = state;
        for _ in 0..3 {
            host.five_minutes();
        }
    }

    #[test]
    fn no_figure_in_the_journal_is_too_much(figures in figures(), which in 0..10_usize) {
        let mut host = Host::new(POLICY, &["one"]);
        host.containers[0].energy_mj = Some(7_000);
        for n in 0..10 {
            host.pass(30);
            host.scan();
            if n == which {
                let seen = host.observations.last_mut().unwrap();
                let mut line = serde_json::to_value(&*seen).unwrap();
                replace_numbers(&mut line, &figures, &mut 0);
                if let Ok(changed) = serde_json::from_value::<Observation>(line) {
                    *seen = changed;
                }
            }
        }
        host.check();
        host.five_minutes();
    }
}

#[test]
fn what_is_told_of_everything_is_read_back() {
    assert!(
        SEEN.iter()
            .any(|one| one.gpus[0].energy == Some(EnergyCount { mj: 7_000 + 60_000 * 30, boot_ms: one.boot_ms }))
    );
    assert!(SEEN.iter().any(|one| matches!(one.cpu_us, Reading::Unknown(_))));
    assert_eq!(Files::holding(&lines(&SEEN).join(&b'\n')).read(), *SEEN);
}

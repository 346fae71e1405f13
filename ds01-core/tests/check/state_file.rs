//! What is found in the state directory: damage costs time, and nobody's work.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    time::Duration,
};

use ds01_core::store::Store;

use crate::bench::{Bench, POLICY, trainer};

fn bench() -> Bench {
    let bench = Bench::new(POLICY, &[trainer("train", 501)]);
    bench.up_to_the_stop();
    bench
}

fn state_file(bench: &Bench) -> PathBuf {
    bench.state_dir.join("idle-state.json")
}

fn aside(bench: &Bench) -> Vec<PathBuf> {
    bench.written().into_keys().filter(|path| path.to_string_lossy().contains("idle-state.json.corrupt-")).collect()
}

/// What becomes of a file's bytes.
type Damage<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn a_state_of_no_use_is_set_aside_and_everybody_is_warned_anew() {
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let later = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\"1\"", "\"2\"").into_bytes();
    let damages: [Damage<'_>; 4] = [&half, &later, &|_| Vec::new(), &|_| vec![0xff; 100]];
    for damage in damages {
        let bench = bench();
        let damaged = damage(&fs::read(state_file(&bench)).unwrap());
        fs::write(state_file(&bench), &damaged).unwrap();
        bench.check();
        let [kept] = &aside(&bench)[..] else { panic!("{:?}", bench.written()) };
        assert_eq!(fs::read(kept).unwrap(), damaged);

        // The journal still tells how long it was idle: it is warned anew at once, and the row of idle checks begins anew.
        assert_eq!(bench.told(), ["idle_warning train", "idle_warning train"]);
        bench.next_check();
        assert_eq!(bench.stopped(), [""; 0]);
        bench.next_check();
        assert_eq!(bench.stopped(), ["train"]);
        assert_eq!(aside(&bench).len(), 1);
    }
}

#[test]
fn an_inventory_of_no_use_and_torn_lines_are_gone_past() {
    let bench = bench();
    fs::write(bench.state_dir.join("workload-inventory.json"), "{\"schema_version\":").unwrap();
    let day = bench.state_dir.join("activity/2026-03-02.jsonl");
    let mut lines = fs::read(&day).unwrap();
    lines.extend(b"\xff\xfe\n{\"at\":\"2026-03-02T12:00:00Z\"}\n{\"torn");
    fs::write(&day, lines).unwrap();
    bench.check();
    assert_eq!(bench.stopped(), ["train"]);
}

/// Whoever can write to the directory could have anybody stopped.
#[test]
fn a_directory_that_is_not_safe_stops_the_check() {
    let harm: [&dyn Fn(&Bench); 4] = [
        &|bench| fs::set_permissions(&bench.state_dir, Permissions::from_mode(0o777)).unwrap(),
        &|bench| fs::set_permissions(bench.state_dir.join("activity"), Permissions::from_mode(0o777)).unwrap(),
        &|bench| {
            fs::rename(state_file(bench), bench.dir().join("elsewhere")).unwrap();
            symlink(bench.dir().join("elsewhere"), state_file(bench)).unwrap();
        },
        &|bench| {
            fs::rename(&bench.state_dir, bench.dir().join("elsewhere")).unwrap();
            symlink(bench.dir().join("elsewhere"), &bench.state_dir).unwrap();
        },
    ];
    for (number, harm) in harm.iter().enumerate() {
        let bench = bench();
        harm(&bench);
        let error = bench.try_check().unwrap_err().to_string();
        assert!(error.contains(&*bench.dir().to_string_lossy()), "{number}: {error}");
        assert_eq!((bench.host.orders(), bench.notices().len()), (vec![], 1), "{number}");
        assert_eq!(bench.told(), ["idle_warning train"], "{number}");
    }
}

#[test]
fn a_directory_whose_parent_is_missing_is_not_made() {
    let mut bench = bench();
    bench.state_dir = bench.dir().join("no/state");
    assert!(bench.try_check().unwrap_err().to_string().contains("no/state"));
    assert_eq!(bench.host.orders(), []);
}

#[test]
fn while_another_run_holds_the_lock_nobody_is_touched() {
    let mut bench = bench();
    bench.deadline = Duration::from_secs(1);
    let lock = Store::open(&bench.state_dir).unwrap().lock("idle-state.lock", Duration::ZERO).unwrap();
    let error = bench.try_check().unwrap_err();
    assert!(error.is_locked(), "{error}");
    assert_eq!((bench.host.orders(), bench.notices().len()), (vec![], 1));
    drop(lock);
    bench.deadline = Duration::from_secs(60);
    bench.check();
    assert_eq!(bench.stopped(), ["train"]);
}

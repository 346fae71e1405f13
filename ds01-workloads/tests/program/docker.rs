//! The program on a real Docker daemon (skipped, and said so, where there is none to test with).

use docker_rig::Rig;
use ds01_core::detect::Inventory;

use crate::common::{State, ds01, on, outcome};

#[test]
fn a_container_is_seen_live_and_measured_from_the_saved_inventory_without_the_socket() {
    let Some(rig) = Rig::from_env() else { return };
    let container = rig.run_sleeper(&["--gpus", "device=7", "--label", "ds01.user=alice\u{1b}[2J"]);
    let socket = format!("unix://{}", rig.socket().display());
    let (out, _, code) = outcome(ds01(&["--live", "--docker-host", &socket]));
    assert_eq!(code, 0);
    let row = out.lines().find(|line| line.contains(container.name())).unwrap();
    assert!(row.starts_with("raw-docker  alice\\x1b[2J"), "{row}");
    assert!(row.contains(" 7!  "), "{row}");

    let (json, _, _) = outcome(ds01(&["--live", "--json", "--docker-host", &socket]));
    let state = State::empty();
    state.save(&Inventory::from_json(json.as_bytes()).unwrap());
    let (out, _, _) = outcome(on(&state, &["--wide"]));
    let row = out.lines().find(|line| line.contains(container.name())).unwrap();
    let mut figures = row.split_whitespace().rev();
    let (_gpu_memory, memory, cpu) = (figures.next(), figures.next().unwrap(), figures.next().unwrap());
    assert!(memory.ends_with("iB"), "MEMORY was read from the container's control group: {row}");
    assert!(cpu.parse::<f64>().is_ok(), "and so was CPU%: {row}");

    container.docker(&["stop", "--time", "0"]);
    let (out, _, _) = outcome(on(&state, &["--wide"]));
    let row = out.lines().find(|line| line.contains(container.name())).unwrap();
    assert!(row.split_whitespace().rev().skip(1).take(2).all(|figure| figure == "-"), "its processes are gone: {row}");
}

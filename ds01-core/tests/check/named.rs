//! A check about some containers only.

use ds01_core::idle::CheckError;

use crate::bench::{Bench, POLICY, STOP_AT, id, trainer};

fn bench() -> Bench {
    Bench::new(POLICY, &[trainer("one", 501), trainer("two", 502)])
}

#[test]
fn only_those_named_are_acted_upon_and_the_others_are_observed() {
    let mut bench = bench();
    let two = id(&bench.check(), "two");
    bench.only = vec!["one".to_owned()];
    (1..STOP_AT).for_each(|_| drop(bench.next_check()));
    assert_eq!(bench.told(), ["idle_warning one", "idle_kill one", "gpu_released one"]);
    assert_eq!(bench.stopped(), ["one"]);

    // By the beginning of its id. It was idle all the time, and was not warned.
    bench.only = vec![two.short().to_owned()];
    bench.next_check();
    assert_eq!(bench.told()[3..], ["idle_warning two"]);
    bench.only.clear();
    let mut checks = 0;
    while bench.stopped().len() == 1 {
        bench.next_check();
        checks += 1;
        assert!(checks < 4, "{:?}", bench.told());
    }
    assert_eq!(bench.stopped(), ["one", "two"]);
}

#[test]
fn a_name_that_names_nobody_or_several_stops_the_check() {
    let mut bench = bench();
    let (one, two) = (id(&bench.check(), "one"), id(&bench.check(), "two"));
    let common = one.as_str().chars().zip(two.as_str().chars()).take_while(|(a, b)| a == b).count();
    bench.checks(STOP_AT - 2);
    let before = (bench.written(), bench.host.orders(), bench.notices());
    bench.host.advance(std::time::Duration::from_secs(300));
    let mut refused = |only: &[&str]| {
        bench.only = only.iter().map(ToString::to_string).collect();
        let error = bench.try_check().unwrap_err();
        assert_eq!((bench.written(), bench.host.orders(), bench.notices()), before, "{only:?}");
        error
    };
    assert!(matches!(refused(&["nobody"]), CheckError::NoSuchContainer(name) if name == "nobody"));
    assert!(matches!(refused(&["one", ""]), CheckError::NoSuchContainer(_)));
    if common > 0 {
        assert!(matches!(refused(&[&one.as_str()[..common]]), CheckError::Ambiguous(_)));
    }
}

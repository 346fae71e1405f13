use super::*;

fn gpu(label: &str, state: Occupancy, total: u64, used: Option<u64>, profile: Option<&str>) -> GpuState {
    GpuState {
        gpu: label.to_owned(),
        uuid: format!("GPU-{label}"),
        model: None,
        profile: profile.map(ToOwned::to_owned),
        state,
        idle_since: None,
        memory_total_mb: Some(total),
        memory_used_mb: used,
        utilization_percent: None,
        power_watts: None,
        measured_at: None,
        why: None,
        holders: Vec::new(),
    }
}

fn host() -> Vec<GpuState> {
    use Occupancy::{AtWork, Free, HeldIdle, Partitioned, Unknown};
    vec![
        gpu("0", HeldIdle, 81_920, Some(0), None),
        gpu("1", Free, 81_920, Some(70_000), None),
        gpu("2", Free, 81_920, None, None),
        gpu("3", Free, 81_920, Some(3), None),
        gpu("4", Unknown, 81_920, Some(3), None),
        gpu("5", Partitioned, 81_920, Some(3), None),
        gpu("5:0", Free, 40_192, Some(0), Some("3g.40gb")),
        gpu("5:1", AtWork, 19_968, Some(0), Some("2g.20gb")),
        gpu("6", Unknown, 81_920, Some(3), None),
        gpu("6:0", Unknown, 9_728, Some(0), Some("1g.10gb")),
    ]
}

fn found(wanted: &Wanted) -> Option<Vec<String>> {
    wanted.met(&host()).map(|gpus| gpus.iter().map(|gpu| gpu.gpu.clone()).collect())
}

#[test]
fn only_what_is_surely_free_and_large_enough_will_do() {
    let wanted = |gpus, memory_mb| Wanted { gpus, memory_mb, ..Wanted::default() };
    assert_eq!(found(&wanted(1, None)).unwrap(), ["1"]);
    assert_eq!(found(&wanted(3, None)).unwrap(), ["1", "2", "3"]);
    assert_eq!(found(&wanted(4, None)), None, "neither held, unknown nor partitioned ones");
    assert_eq!(found(&wanted(1, Some(38_146))).unwrap(), ["3"], "whose used memory is not known has none to spare");
    assert_eq!(found(&wanted(2, Some(38_146))), None);
    // GPU 6 is lost, and was partitioned.
    assert_eq!((wanted(9, None).at_most(&host()), wanted(1, Some(90_000)).at_most(&host())), (5, 0));
}

#[test]
fn instances_are_meant_by_their_profile() {
    let wanted = |mig: &str| Wanted { gpus: 1, mig: Some(mig.to_owned()), ..Wanted::default() };
    assert_eq!(found(&wanted("3g.40gb")).unwrap(), ["5:0"]);
    assert_eq!(found(&wanted("any")).unwrap(), ["5:0"]);
    assert_eq!(found(&wanted("2g.20gb")), None);
    assert_eq!((wanted("7g.80gb").at_most(&host()), wanted("2G.20GB").at_most(&host())), (0, 1));
}

#[test]
fn memory_is_counted_as_cards_are_sold() {
    for (text, mib) in
        [("40G", 38_146), ("40GB", 38_146), ("40GiB", 40_960), ("512MiB", 512), ("1.5GiB", 1_536), ("1TB", 953_674)]
    {
        assert_eq!(memory_mb(text), Ok(mib), "{text}");
    }
    for text in ["", "40", "G", "-1G", "1e3G", "0G", "1.2345G", "99999999G", "40 GiB ", "NaNG"] {
        assert!(memory_mb(text).unwrap_err().contains("was expected"), "{text}");
    }
}

#[test]
fn in_words() {
    let wanted = |gpus, memory_mb, mig: Option<&str>| Wanted {
        gpus,
        memory_mb,
        mig: mig.map(ToOwned::to_owned),
        ..Wanted::default()
    };
    assert_eq!(wanted(1, None, None).words(), "1 GPU");
    assert_eq!(wanted(2, Some(40_960), None).words(), "2 GPUs with 40.0GiB of free memory each");
    assert_eq!(wanted(1, None, Some("3g.40gb")).words(), "1 MIG instance 3g.40gb");
    assert_eq!(wanted(2, None, Some("any")).words(), "2 MIG instances");
}

#[test]
fn one_makers_are_no_others() {
    let gpus: Vec<GpuState> =
        ["0", "amd0", "amd1"].map(|label| gpu(label, Occupancy::Free, 81_920, Some(0), None)).into();
    let labels = |wanted: &Wanted| {
        let found = wanted.met(&gpus).unwrap();
        found.iter().map(|gpu| gpu.gpu.as_str()).collect::<Vec<_>>()
    };
    let nvidias = Wanted { gpus: 1, ..Wanted::default() };
    let amds = Wanted { gpus: 2, vendor: Vendor::Amd, ..Wanted::default() };
    assert_eq!((labels(&nvidias), labels(&amds)), (vec!["0"], vec!["amd0", "amd1"]));
    assert_eq!((nvidias.at_most(&gpus), amds.at_most(&gpus)), (1, 2));
    assert_eq!(Wanted { gpus: 2, ..nvidias }.met(&gpus), None);
    assert_eq!(amds.words(), "2 GPUs of AMD's");
}

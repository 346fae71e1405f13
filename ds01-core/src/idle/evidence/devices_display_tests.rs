use super::*;

/// `gpu` with a display, or whatever has graphics contexts, as these pids.
fn displaying(mut gpu: GpuReading, graphics_pids: Reading<Vec<u32>>) -> GpuReading {
    let Reading::Known(Gpu { activity: Reading::Known(activity), .. }) = &mut gpu.gpu else { panic!("{gpu:?}") };
    activity.graphics_pids = graphics_pids;
    activity.energy_mj = Reading::Known(1_000);
    gpu
}

#[test]
fn what_a_display_does_is_not_the_containers() {
    let alone = [container(1, &["A"])];
    let measure = |own: Reading<BTreeSet<u32>>, on_it: &[u32], graphics: Reading<Vec<u32>>| {
        let on_it = Reading::Known(on_it.iter().copied().map(process).collect());
        let snapshot = GpuSnapshot { driver_version: None, gpus: vec![displaying(gpu("A", on_it, &[], 80), graphics)] };
        let inventory = inventory(&alone);
        let seen = Seen { whose: Whose::Container(&alone[0]), pids: &own, asked: ASKED };
        let measure = Devices::new(&inventory, &snapshot, &[]).measures(&seen).remove(0);
        (measure.figure, measure.energy.is_some())
    };
    let known = |pids: &[u32]| Reading::Known(pids.to_vec());
    assert_eq!(measure(pids(&[7]), &[7], known(&[])), (shared(80.0, true), true), "no display");
    assert_eq!(measure(pids(&[7]), &[7], known(&[1200])), (own(0.0), false));
    assert_eq!(measure(pids(&[7]), &[], known(&[1200])), (own(0.0), false), "nor when it holds no context itself");
    assert_eq!(measure(pids(&[7]), &[7], known(&[7])), (shared(80.0, true), true), "it draws itself");
    assert_eq!(measure(pids(&[7]), &[7], known(&[7, 1200])), (own(0.0), false));
    // Whose it is, or whether there is one, can't be told.
    assert_eq!(measure(lost(), &[], known(&[1200])), (shared(80.0, false), false));
    assert_eq!(measure(lost(), &[], known(&[])), (shared(80.0, true), true));
    assert_eq!(measure(pids(&[7]), &[7], lost()), (own(0.0), false));
    assert_eq!(measure(pids(&[7]), &[7, 9], lost()), (own(0.0), false));
}

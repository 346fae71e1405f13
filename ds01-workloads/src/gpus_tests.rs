use ds01_core::{detect::inventory::UnresolvedGpu, model::ContainerStatus};

use super::*;
use crate::tests::{MIG_1_0, container, given, gpu_uuid, holding, inventory, process};

fn text(change: impl FnOnce(&mut ContainerEntry)) -> String {
    let host = inventory(vec![], vec![]);
    Gpus::of_container(&container("c", change), &GpuNames::new(&host.gpus)).text()
}

#[test]
fn given_and_held_are_told_apart() {
    let (zero, one) = (&gpu_uuid(0), &gpu_uuid(1));
    assert_eq!(text(|_| {}), "-");
    assert_eq!(text(|c| given(c, &[zero])), "(0)");
    assert_eq!(
        text(|c| {
            given(c, &[zero]);
            holding(c, &[zero], 1);
        }),
        "0"
    );
    assert_eq!(
        text(|c| {
            given(c, &[zero, MIG_1_0]);
            holding(c, &[MIG_1_0], 1);
        }),
        "1:0,(0)"
    );
    // A partitioned GPU given as a whole is held through its instance.
    assert_eq!(
        text(|c| {
            given(c, &[one]);
            holding(c, &[MIG_1_0], 1);
        }),
        "1"
    );
    // What is held counts, whatever was given.
    assert_eq!(text(|c| holding(c, &[zero], 1)), "0");
}

#[test]
fn all_is_every_gpu_in_the_same_state() {
    let (zero, one) = (&gpu_uuid(0), &gpu_uuid(1));
    assert_eq!(text(|c| given(c, &[zero, one])), "(all)");
    assert_eq!(
        text(|c| {
            given(c, &[one, zero]);
            holding(c, &[zero, one], 1);
        }),
        "all"
    );
    assert_eq!(
        text(|c| {
            given(c, &[zero, one]);
            holding(c, &[one], 1);
        }),
        "1,(0)"
    );
}

#[test]
fn what_is_not_known_says_so() {
    let zero = &gpu_uuid(0);
    assert_eq!(text(|c| c.has_gpu = None), "?");
    assert_eq!(text(|c| c.has_gpu = Some(true)), "?");
    let untold = |c: &mut ContainerEntry| {
        given(c, &[zero]);
        c.gpu_processes = None;
    };
    assert_eq!(text(untold), "0?");
    let stopped = |c: &mut ContainerEntry| {
        untold(c);
        c.status = ContainerStatus::Exited;
    };
    assert_eq!(text(stopped), "(0)");
    let unresolved = |c: &mut ContainerEntry| {
        given(c, &["GPU-deadbeef-0000"]);
        c.gpus_unresolved = vec![UnresolvedGpu { device: "7".into(), reason: String::new() }];
    };
    assert_eq!(text(unresolved), "(GPU-deadbeef),7!");
}

#[test]
fn a_process_shows_its_memory_on_each_gpu() {
    let host = inventory(vec![], vec![]);
    let names = GpuNames::new(&host.gpus);
    let mut entry = process(1, "al", "x", &[MIG_1_0, &gpu_uuid(0)]);
    entry.gpus[0].memory_mb = None;
    assert_eq!(Gpus::of_uses(&entry.gpus, &names).text(), "0=2.0GiB,1:0=?");
    let both = process(1, "al", "x", &[&gpu_uuid(0), &gpu_uuid(1)]);
    assert_eq!(Gpus::of_uses(&both.gpus, &names).text(), "all=4.0GiB");
}

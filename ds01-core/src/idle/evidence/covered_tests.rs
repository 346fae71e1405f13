use super::*;
use crate::model::{Unknown, UnknownKind};

/// Asked on the boot clock's millisecond 100,000 about the last 30 s.
const ASKED: Asked = Asked { since_us: 1_000_000_000, until_us: 1_030_000_000, boot_ms: 100_000 };

fn activity(device: Reading<Vec<DeviceSample>>) -> GpuActivity {
    let not_asked = || Unknown::new(UnknownKind::NotAsked, "in this test");
    GpuActivity {
        processes: Reading::Known(Vec::new()),
        device,
        graphics_pids: Reading::Known(Vec::new()),
        energy_mj: not_asked().into(),
        energy_after: Duration::ZERO,
        gpm_percent: not_asked().into(),
    }
}

/// A ring of samples 200 ms apart that end with the question, as an H200's.
fn ring_of(seconds: u64) -> Reading<Vec<DeviceSample>> {
    let samples = (0..seconds * 5).map(|n| DeviceSample { time_us: ASKED.until_us - n * 200_000, percent: 0 });
    Reading::Known(samples.collect())
}

fn sampled(from_s: u64, to_s: u64, own_percent: Option<f64>) -> Sampled {
    let covered = Span { from_ms: from_s * 1000, to_ms: to_s * 1000 };
    Sampled { covered, percent: Some(99.0), mean_percent: Some(99.0), own_percent, by_unknown: false }
}

#[test]
fn a_look_speaks_for_as_long_as_the_ring_is_and_no_longer() {
    let length = |device| by_ring(&activity(device), ASKED).length_ms();
    assert_eq!(length(ring_of(14)), 14_000);
    assert_eq!(length(ring_of(60)), 30_000, "no more than was asked about");
    assert_eq!(length(Reading::Known(Vec::new())), 0);
    assert_eq!(length(Reading::Known(vec![DeviceSample { time_us: ASKED.until_us, percent: 0 }])), 0);
    assert_eq!(length(Unknown::new(UnknownKind::NotSupported, "samples").into()), 5_000);
    let set_back = Asked { since_us: ASKED.until_us + 1, ..ASKED };
    assert_eq!(by_ring(&activity(ring_of(14)), set_back).length_ms(), 0);
}

#[test]
fn what_was_seen_twice_counts_once() {
    let now = by_ring(&activity(ring_of(14)), ASKED);
    let all = |spans: &[Sampled]| together(now, spans.iter(), ASKED.span());
    assert_eq!(all(&[]), 14_000);
    let five = |from: u64| sampled(from, from + 5, Some(0.0));
    assert_eq!(all(&[five(69), five(74), five(79), five(84), five(89), five(94)]), 30_000);
    assert_eq!(all(&[five(75)]), 19_000);
    assert_eq!(all(&[five(90)]), 14_000);
}

#[test]
fn use_is_the_share_of_what_was_seen() {
    let now = by_ring(&activity(ring_of(14)), ASKED);
    let own = |spans: &[Sampled], percent| used_ms((now, percent), spans, |sampled| sampled.own_percent);
    assert_eq!(own(&[], Some(50.0)), Some(7_000));
    assert_eq!(own(&[], None), None, "nobody can tell");
    let half = sampled(76, 86, Some(50.0));
    assert_eq!(own(&[half], Some(100.0)), Some(5_000 + 14_000));
    let last = sampled(86, 96, Some(10.0));
    assert_eq!(
        own(std::slice::from_ref(&last), Some(100.0)),
        Some(1_000 + 4_000),
        "where both saw, the sampler counts"
    );
    assert_eq!(own(&[last], None), Some(1_000));
    assert_eq!(own(&[sampled(76, 86, None)], None), None);
}

//! Who has what share in time that several held at once.

use std::collections::BTreeMap;

/// A span in which somebody held a GPU, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// Who, by number.
    pub(super) who: usize,
}

/// Adds a span; one that goes on where the last of the same holder ends makes that one longer.
pub(super) fn push(spans: &mut Vec<Held>, last_of: &mut BTreeMap<usize, usize>, new: Held) {
    if let Some(last) = last_of.get(&new.who).and_then(|at| spans.get_mut(*at))
        && last.to_ms == new.from_ms
    {
        last.to_ms = new.to_ms;
        return;
    }
    last_of.insert(new.who, spans.len());
    spans.push(new);
}

/// The share of each holder, in milliseconds. They add up to the time for which anybody held the GPU: what `n` hold at once
/// is divided equally, and what is left of that goes to the first of them.
pub(super) fn shares(spans: &[Held]) -> BTreeMap<usize, u64> {
    let mut edges: Vec<(u64, bool, usize)> = Vec::with_capacity(spans.len() * 2);
    for span in spans.iter().filter(|span| span.from_ms < span.to_ms) {
        edges.push((span.from_ms, true, span.who));
        edges.push((span.to_ms, false, span.who));
    }
    edges.sort_unstable();
    let mut shares = BTreeMap::new();
    // Who holds it, and with how many spans.
    let mut holders: BTreeMap<usize, u32> = BTreeMap::new();
    let mut since_ms = 0;
    for (at_ms, begins, who) in edges {
        let passed_ms = at_ms - since_ms;
        if let (Ok(count), true) = (u64::try_from(holders.len()), passed_ms > 0)
            && count > 0
        {
            let (each, mut left) = (passed_ms / count, passed_ms % count);
            for holder in holders.keys() {
                let extra = u64::from(left > 0);
                left -= extra;
                *shares.entry(*holder).or_insert(0) += each + extra;
            }
        }
        since_ms = at_ms;
        let spans = holders.entry(who).or_insert(0);
        if begins {
            *spans += 1;
        } else {
            *spans = spans.saturating_sub(1);
            if *spans == 0 {
                holders.remove(&who);
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(spans: &[(u64, u64, usize)]) -> Vec<Held> {
        spans.iter().map(|(from_ms, to_ms, who)| Held { from_ms: *from_ms, to_ms: *to_ms, who: *who }).collect()
    }

    #[test]
    fn what_several_hold_is_divided() {
        let spans = held(&[(0, 100, 0), (40, 60, 1), (50, 60, 2), (60, 100, 1), (200, 201, 2)]);
        // 0..40 alone; 40..50 by two; 50..60 by three, 4 + 3 + 3; 60..100 by two.
        assert_eq!(shares(&spans), [(0, 40 + 5 + 4 + 20), (1, 5 + 3 + 20), (2, 3 + 1)].into());
        assert_eq!(shares(&[]), BTreeMap::new());
        assert_eq!(shares(&held(&[(5, 5, 0), (9, 2, 1)])), BTreeMap::new());
        assert_eq!(shares(&held(&[(0, 10, 7), (5, 20, 7)])), [(7, 20)].into(), "twice by the same is once");
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_time_of_anybody(
            spans in prop::collection::vec((0_u64..300, 0_u64..90, 0_usize..6), 0..40)
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(from, long, who)| (from, from + long, who)).collect();
            let anybody = (0..400).filter(|ms| spans.iter().any(|(from, to, _)| from <= ms && ms < to)).count();
            let sum: u64 = shares(&held(&spans)).values().sum();
            prop_assert_eq!(sum, anybody as u64);
        }
    }
}

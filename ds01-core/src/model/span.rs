//! Stretches of time on the boot clock.

/// A stretch of time on the boot clock (`CLOCK_BOOTTIME`), in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its beginning.
    pub from_ms: u64,
    /// Its end. One that is not later makes an empty span.
    pub to_ms: u64,
}

impl Span {
    /// How long it is.
    pub fn length_ms(self) -> u64 {
        self.to_ms.saturating_sub(self.from_ms)
    }

    /// The part of it that lies within `other`.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self { from_ms: self.from_ms.max(other.from_ms), to_ms: self.to_ms.min(other.to_ms) }
    }
}

/// For how long at least one of `spans` lasts.
pub fn covered_ms(spans: impl IntoIterator<Item = Span>) -> u64 {
    let mut spans: Vec<Span> = spans.into_iter().collect();
    spans.sort_unstable();
    let mut covered = 0;
    let mut until = 0;
    for span in spans {
        let new = Span { from_ms: span.from_ms.max(until), ..span };
        covered += new.length_ms();
        until = until.max(span.to_ms);
    }
    covered
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_millisecond_counts_once(ends in prop::collection::vec((0_u64..60, 0_u64..60), 0..8)) {
            let spans: Vec<Span> = ends.into_iter().map(|(from_ms, to_ms)| Span { from_ms, to_ms }).collect();
            let by_hand = (0..60).filter(|ms| spans.iter().any(|span| (span.from_ms..span.to_ms).contains(ms))).count();
            prop_assert_eq!(covered_ms(spans), by_hand as u64);
        }
    }
}

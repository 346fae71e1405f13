//! What a container shows to whoever looks.

use super::{
    days::Burst,
    watts::{Count, Power},
};

/// How far back the driver's samples reach, in seconds.
const RING: u64 = 6;

/// A container, and the GPU that it has to itself.
pub(crate) struct Shown<'a> {
    bursts: &'a [Burst],
    /// The first that has not ended before the last look.
    next: usize,
    cpu_us: u64,
    bytes: u64,
    /// What runs in it although nobody uses it, in thousandths of a core: a notebook server, a shell.
    background: u64,
    power: Power,
}

/// One look.
pub(crate) struct Look {
    /// What the ring of samples shows.
    pub(crate) in_ring: bool,
    /// What the GPU does at this very second.
    pub(crate) at_once: bool,
    pub(crate) cpu_us: u64,
    pub(crate) bytes: u64,
    pub(crate) energy: Count,
    /// When what runs and began last began.
    pub(crate) began: Option<u64>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(bursts: &'a [Burst], background: u64, power: Power) -> Self {
        Self { bursts, next: 0, cpu_us: 0, bytes: 0, background, power }
    }

    /// Moves from the second `from` to `to`.
    pub(crate) fn advance(&mut self, from: u64, to: u64) -> Look {
        self.cpu_us += (to - from) * self.background * 1_000;
        self.bytes += (to - from) * 40;
        let (mut in_ring, mut at_once, mut began) = (false, false, None);
        while self.next < self.bursts.len() && self.bursts[self.next].end <= from {
            self.next += 1;
        }
        for burst in self.bursts[self.next..].iter().take_while(|burst| burst.begin < to) {
            let seconds = burst.end.min(to) - burst.begin.max(from);
            self.cpu_us += seconds * burst.cpu * 1_000;
            self.bytes += seconds * burst.bytes_per_second;
            in_ring |= burst.on_gpu && burst.end > to - RING;
            at_once |= burst.on_gpu && burst.end >= to;
            if burst.starts && burst.begin >= from && burst.end > to {
                began = Some(burst.begin);
            }
        }
        let energy = self.power.read(self.bursts, to);
        Look { in_ring, at_once, cpu_us: self.cpu_us, bytes: self.bytes, energy, began }
    }
}

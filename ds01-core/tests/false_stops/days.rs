//! Container-days: what is done in them, and what power that takes.

use super::{DAY, TIMEOUT};

/// Nothing is done before this second: what a GPU takes when it idles shows at the second look.
const FIRST: u64 = 120;

/// Work pauses for this long at most: shorter than the timeout.
const LONGEST_PAUSE: u64 = TIMEOUT - 1;

/// Random numbers that are the same on every machine (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }
}

/// Something that a container does for a while, in seconds of the day.
#[derive(Clone, Copy)]
pub(crate) struct Burst {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) on_gpu: bool,
    /// In thousandths of a core.
    pub(crate) cpu: u64,
    pub(crate) bytes_per_second: u64,
    /// A process begins with it.
    pub(crate) starts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Training,
    Notebook,
    Inference,
    Preparation,
    Download,
    /// Requests of a third of a second of CPU and a second of GPU, minutes apart: less than the counters' thresholds, and
    /// mostly between two glances at the driver's ring. Only the energy tells of them.
    Whisper,
    MorningOnly,
    NeverUsed,
    /// Somebody opened a context, and did no more with it.
    OnlyOpened,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Training,
        Self::Notebook,
        Self::Inference,
        Self::Preparation,
        Self::Download,
        Self::Whisper,
        Self::MorningOnly,
        Self::NeverUsed,
        Self::OnlyOpened,
    ];

    pub(crate) fn is_work(self) -> bool {
        !matches!(self, Self::MorningOnly | Self::NeverUsed | Self::OnlyOpened)
    }
}

/// A day's bursts in their order. Pauses in work are shorter than the timeout.
pub(crate) fn day(kind: Kind, random: &mut Random) -> Vec<Burst> {
    let mut bursts = Vec::new();
    let mut time = random.between(FIRST, FIRST + 300);
    let burst =
        |begin, end, on_gpu, cpu, bytes_per_second| Burst { begin, end, on_gpu, cpu, bytes_per_second, starts: false };
    while time < DAY {
        let end = match kind {
            // Steps on the GPU; then a checkpoint, or an evaluation whose pauses show nothing at all.
            Kind::Training => {
                let steps = time + random.between(600, 7_200);
                bursts.push(burst(time, steps, true, 900, 2_000));
                let written = steps + random.between(5, 120);
                bursts.push(burst(steps, written, false, 300, 200));
                time = written + random.between(0, LONGEST_PAUSE);
                continue;
            }
            // A cell: seconds on the GPU, run by hand every few minutes, seldom after a long think.
            Kind::Notebook => {
                let end = time + random.between(2, 25);
                bursts.push(burst(time, end, true, 800, 20_000));
                end
            }
            // A request: seconds on the GPU, from the network.
            Kind::Inference => {
                let end = time + random.between(2, 15);
                bursts.push(burst(time, end, true, 600, 4_000));
                end
            }
            // A pipeline of programs on the CPU.
            Kind::Preparation => {
                let end = time + random.between(20, 5_400);
                let cpu = random.between(100, 8_000);
                bursts.push(Burst { starts: true, ..burst(time, end, false, cpu, 0) });
                end
            }
            Kind::Download => {
                let end = time + random.between(60, 7_200);
                let speed = random.between(20_000, 50_000_000);
                bursts.push(burst(time, end, false, 15, speed));
                end
            }
            Kind::Whisper => {
                bursts.push(burst(time, time + 1, true, 333, 2_000));
                time + 1
            }
            Kind::MorningOnly => {
                let end = time + random.between(1_800, 4 * 3_600);
                bursts.push(burst(time, end, true, 900, 2_000));
                return bursts;
            }
            Kind::NeverUsed | Kind::OnlyOpened => return bursts,
        };
        let pause = match (kind, random.between(0, 9)) {
            (Kind::Notebook, 0..=7) => random.between(20, 600),
            (Kind::Inference, 0..=4) => random.between(10, 600),
            _ => random.between(60, LONGEST_PAUSE),
        };
        time = end + pause;
    }
    bursts
}

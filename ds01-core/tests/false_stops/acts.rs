//! What a tenant of a GPU that is not its own does in a day, to the millisecond.

use super::{
    DAY,
    days::{self, Random},
};

const SECOND: u64 = 1_000;

/// What is done on a GPU that others use too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// Of the days on a GPU of one's own.
    Like(days::Kind),
    /// A small server: 0.3 s of work every 20 s.
    Server,
    /// A request now and then: 0.2 s of work every five minutes.
    Drip,
    /// A process that lives for three seconds every minute, and works in one of them.
    Brief,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Like(days::Kind::Training),
        Self::Like(days::Kind::Notebook),
        Self::Like(days::Kind::Inference),
        Self::Like(days::Kind::Preparation),
        Self::Like(days::Kind::Download),
        Self::Like(days::Kind::Whisper),
        Self::Server,
        Self::Drip,
        Self::Brief,
        Self::Like(days::Kind::MorningOnly),
        Self::Like(days::Kind::NeverUsed),
        Self::Like(days::Kind::OnlyOpened),
    ];

    pub(crate) fn is_work(self) -> bool {
        match self {
            Self::Like(kind) => kind.is_work(),
            _ => true,
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Like(kind) => format!("{kind:?}"),
            kind => format!("{kind:?}"),
        }
    }
}

/// Something that is done for a while, in milliseconds of the day.
#[derive(Clone, Copy)]
pub(crate) struct Act {
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Work on the GPU, within it.
    pub(crate) on_gpu: Option<(u64, u64)>,
    /// CPU time of all of it, in microseconds.
    pub(crate) cpu_us: u64,
    pub(crate) bytes_per_second: u64,
    /// A process begins and ends with it.
    pub(crate) own_process: bool,
}

/// A day's acts in their order. None overlaps another.
pub(crate) fn day(kind: Kind, random: &mut Random) -> Vec<Act> {
    match kind {
        Kind::Like(kind) => {
            let bursts = days::day(kind, random);
            let late = random.between(0, 999);
            let act = |burst: &days::Burst| {
                let (from, until) = (burst.begin * SECOND + late, burst.end * SECOND + late);
                Act {
                    from,
                    until,
                    on_gpu: burst.on_gpu.then_some((from, until)),
                    cpu_us: (until - from) * burst.cpu,
                    bytes_per_second: burst.bytes_per_second,
                    own_process: burst.starts,
                }
            };
            bursts.iter().map(act).collect()
        }
        Kind::Server => {
            every(random, 20 * SECOND, 2 * SECOND, |random, from| work(from, 300, random.between(150, 300)))
        }
        // Who waits for a kernel of a fifth of a second spins on the CPU meanwhile.
        Kind::Drip => {
            every(random, 300 * SECOND, 20 * SECOND, |random, from| work(from, 200, random.between(140, 220)))
        }
        Kind::Brief => every(random, 60 * SECOND, 5 * SECOND, |random, from| {
            let begins = from + random.between(500, 2_500);
            Act {
                from,
                until: from + 3 * SECOND,
                on_gpu: Some((begins, begins + 300)),
                // Python and a CUDA context.
                cpu_us: random.between(400, 1_500) * 1_000,
                bytes_per_second: 0,
                own_process: true,
            }
        }),
    }
}

fn work(from: u64, ms: u64, cpu_ms: u64) -> Act {
    let until = from + ms;
    Act { from, until, on_gpu: Some((from, until)), cpu_us: cpu_ms * 1_000, bytes_per_second: 500, own_process: false }
}

/// From the third minute on, so far apart, give or take `jitter`.
fn every(random: &mut Random, apart: u64, jitter: u64, act: impl Fn(&mut Random, u64) -> Act) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut time = random.between(120 * SECOND, 120 * SECOND + apart);
    while time + apart < DAY * SECOND {
        let from = time + random.between(0, jitter);
        acts.push(act(random, from));
        time += apart;
    }
    acts
}

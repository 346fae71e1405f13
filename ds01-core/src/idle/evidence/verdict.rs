//! Whether a container was idle in an interval: the table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{gpu::GpuEvidence, signals::Signals};
use crate::policy::GpuUnknown;

/// Whether a container was idle between two observations.
///
/// | GPU | CPU, network, processes | verdict |
/// |---|---|---|
/// | active | any | not idle |
/// | idle | any of them active | not idle: loading, preprocessing |
/// | idle | all idle | idle |
/// | unknown | any of them active | not idle |
/// | unknown | all idle | idle, unless the policy says `gpu_unknown: never`, or the GPU is one that is only observed |
/// | any | none could be read | not idle: no evidence, no verdict |
///
/// Signals that could not be read are left out of "all": a container on the host's network has none of that kind. CPU has to
/// be among those that were read, as loading and preprocessing show there before anywhere else: without it, there is no
/// evidence of idleness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was done in it.
    Idle,
    /// It worked on a GPU.
    GpuActive,
    /// It worked on something else: it loads, prepares, downloads, or somebody types in it.
    OtherwiseActive,
    /// Nothing is known of its GPU, and the policy says that this is never idleness.
    GpuUnknown,
    /// Too little could be read to say anything.
    NoEvidence,
}

impl Verdict {
    /// What `signals` say.
    pub fn of(signals: &Signals, gpu_unknown: GpuUnknown) -> Self {
        let Signals { gpu, cpu, cpu_burst, network, processes } = signals;
        let any_active = cpu.is_active() || cpu_burst.is_some() || network.is_active() || processes.is_active();
        match gpu {
            GpuEvidence::Active(_) | GpuEvidence::Worked { .. } => Self::GpuActive,
            _ if any_active => Self::OtherwiseActive,
            _ if !cpu.is_known() => Self::NoEvidence,
            GpuEvidence::Unknown(_) if gpu_unknown == GpuUnknown::Never || gpu.is_only_observed() => Self::GpuUnknown,
            GpuEvidence::Idle(_) | GpuEvidence::Unknown(_) => Self::Idle,
        }
    }

    /// Whether work was seen, which ends an idle spell. What merely could not be seen does not.
    pub fn is_activity(self) -> bool {
        matches!(self, Self::GpuActive | Self::OtherwiseActive)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "idle",
            Self::GpuActive => "not idle: it works on a GPU",
            Self::OtherwiseActive => "not idle: it works, but not on a GPU",
            Self::GpuUnknown => "not idle: nothing is known of its GPU",
            Self::NoEvidence => "not idle: no evidence, no verdict",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::evidence::{ProcessNews, Signal};

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Is {
        Active,
        Idle,
        Unknown,
    }
    use Is::{Active, Idle, Unknown};

    fn signal<T: Default>(is: Is) -> Signal<T> {
        match is {
            Active => Signal::Active(T::default()),
            Idle => Signal::Idle(T::default()),
            Unknown => Signal::Unknown(String::new()),
        }
    }

    fn verdict(gpu: Is, [cpu, network, processes]: [Is; 3], gpu_unknown: GpuUnknown) -> Verdict {
        let gpu = match gpu {
            Active => GpuEvidence::Active(90.0),
            Idle => GpuEvidence::Idle(0.0),
            Unknown => GpuEvidence::Unknown(String::new()),
        };
        let processes: Signal<ProcessNews> = signal(processes);
        Verdict::of(
            &Signals { gpu, cpu: signal(cpu), cpu_burst: None, network: signal(network), processes },
            gpu_unknown,
        )
    }

    /// The table once more, in other words, for all combinations of what four signals can be.
    #[test]
    fn every_cell_of_the_table() {
        let all = [Active, Idle, Unknown];
        for gpu_unknown in [GpuUnknown::Secondary, GpuUnknown::Never] {
            for n in 0..81 {
                let [gpu, cpu, network, processes] = [1, 3, 9, 27].map(|place| all[n / place % 3]);
                let secondary = [cpu, network, processes];
                let expected = if gpu == Active {
                    Verdict::GpuActive
                } else if secondary.contains(&Active) {
                    Verdict::OtherwiseActive
                } else if secondary == [Unknown; 3] || cpu == Unknown {
                    Verdict::NoEvidence
                } else if gpu == Unknown && gpu_unknown == GpuUnknown::Never {
                    Verdict::GpuUnknown
                } else {
                    Verdict::Idle
                };
                assert_eq!(verdict(gpu, secondary, gpu_unknown), expected, "{gpu:?} {secondary:?} {gpu_unknown:?}");
            }
        }
    }

    #[test]
    fn who_has_a_gpu_that_is_only_observed_is_not_idle_under_any_policy() {
        let of = |why: &str| {
            let (cpu, network, processes) = (signal(Idle), signal(Idle), signal::<ProcessNews>(Idle));
            let gpu = GpuEvidence::Unknown(why.to_owned());
            Verdict::of(&Signals { gpu, cpu, cpu_burst: None, network, processes }, GpuUnknown::Secondary)
        };
        use crate::idle::evidence::gpu::ONLY_OBSERVED;
        assert_eq!(of(&format!("GPU-1: not supported: {ONLY_OBSERVED}")), Verdict::GpuUnknown);
        assert_eq!(
            of(&format!("{ONLY_OBSERVED}: no GPU has index 7")),
            Verdict::Idle,
            "users' text stands before the reason"
        );
    }

    #[test]
    fn no_cpu_and_a_busy_gpu_is_work() {
        assert_eq!(verdict(Active, [Idle; 3], GpuUnknown::Secondary), Verdict::GpuActive);
    }

    #[test]
    fn an_idle_gpu_and_a_data_loader_is_work() {
        assert_eq!(verdict(Idle, [Active, Idle, Idle], GpuUnknown::Secondary), Verdict::OtherwiseActive);
    }
}

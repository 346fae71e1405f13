//! Runs of the reaper, one after another, most of which are killed.

use std::{sync::Arc, time::Duration};

use docker_rig::Random;
use ds01_core::idle::IdleState;

use crate::{log::Log, reaper::Reaper};

/// A policy under which a container is stopped at the fourth or fifth check.
pub(crate) const POLICY: &str = "defaults: {idle_timeout: 15m, max_runtime: null}\n\
    policies: {grace_period: 0s, idle_detection_window: 1, warn_at: 0.5, sigterm_grace_seconds: 1, \
    high_demand_threshold: null}\n";

/// A row of runs.
pub(crate) struct Trial {
    pub(crate) reaper: Arc<Reaper>,
    pub(crate) log: Log,
    pub(crate) random: Random,
    pub(crate) runs: u32,
    pub(crate) killed: u32,
    /// From the start of a run to this, each instant is as likely as any other. It grows while too many runs are killed, and
    /// shrinks while too few are: so about a third of the runs end by themselves, whatever the machine, and the rest are
    /// killed all along their way.
    span: Duration,
    /// How fast it does so.
    pub(crate) pace: f64,
    /// What the clocks are ahead, in seconds.
    later: u64,
    state: Option<IdleState>,
}

impl Trial {
    pub(crate) fn new(reaper: Arc<Reaper>) -> Self {
        let log = Log::new(reaper.events_file());
        let span = Duration::from_millis(100);
        let random = Random::from_env();
        Self { reaper, log, random, runs: 0, killed: 0, span, pace: 0.01, later: 0, state: None }
    }

    /// A check a few minutes after the one before, killed or not. Whether it came to its end.
    pub(crate) fn run(&mut self) -> bool {
        self.runs += 1;
        self.later += 120 + self.random.below_seconds(180);
        let life = self.random.below(self.span);
        let ended = self.reaper.run(self.later, Some(life));
        match ended.code() {
            Some(code) => {
                assert_eq!(code, 0, "run {}", self.runs);
                self.span = self.span.mul_f64(1.0 - 2.0 * self.pace);
            }
            None => {
                self.killed += 1;
                self.span = self.span.mul_f64(1.0 + self.pace);
            }
        }
        ended.code().is_some()
    }

    /// A check that nobody kills.
    pub(crate) fn run_to_the_end(&mut self) {
        self.later += 300;
        assert_eq!(self.reaper.run(self.later, None).code(), Some(0));
    }

    /// The state is whole, and holds all that was in the one before of containers that run on.
    pub(crate) fn check_state(&mut self, is_up: impl Fn(&str) -> bool) {
        let run = self.runs;
        let now = self.reaper.state();
        if let Some(before) = &self.state {
            let now = now.as_ref().unwrap_or_else(|| panic!("run {run}: the state is gone"));
            assert!(now.checks >= before.checks, "run {run}");
            for (id, before) in before.tracks.iter().filter(|(id, _)| is_up(id.as_str())) {
                let now = now.tracks.get(id).unwrap_or_else(|| panic!("run {run}: {id} is forgotten"));
                assert!(now.idle_ms >= before.idle_ms, "run {run}: {id} was idle for {} ms", before.idle_ms);
                assert!(before.warning.is_none() || now.warning == before.warning, "run {run}: {id} was warned");
            }
        }
        self.state = now;
    }
}

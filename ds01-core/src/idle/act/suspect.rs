//! What looks wrong at a check: what is asked for it beside what the check has read, and what is told of it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    checked::{CheckOptions, Checked},
    look_back::LookBack,
};
use crate::{
    deadline::one_by_one,
    detect::Sources,
    event::Event,
    idle::{
        habits::{Hold, KeptOn, LastWord, Since},
        journal::{Look, life_of},
        rules::{Case, Keeping},
        state::LONGEST_PAUSE,
        suspicion::{self, Known},
    },
    model::{ContainerId, ContainerLife, GpuActivity, Reading},
    units::millis,
};

/// Who is busy with nothing to show for it for so long, in milliseconds, is asked after.
const ASKED_AFTER_MS: u64 = 1_800_000;

/// What one container's counters may take.
const ONE_AT_MOST: Duration = Duration::from_secs(1);

/// And those of all together.
const ALL_AT_MOST: Duration = Duration::from_secs(2);

impl Checked {
    /// Finds what looks wrong. A check of some containers only takes in what it saw, and finds nothing.
    pub(super) fn suspect(&mut self, sources: &Sources, options: &CheckOptions, earlier: &LookBack) {
        let now = self.look.now.clone();
        let mut habits = std::mem::take(&mut self.state.habits);
        let checks: Vec<u64> = self.before.iter().map(|before| before.boot_ms).chain([now.boot_ms]).collect();
        let (policies, tracks) = (&self.plan.policies, &self.state.tracks);
        // Only running GPU containers have a track.
        let cpu = |id: &ContainerId| {
            let policy = policies.get(id).filter(|_| tracks.contains_key(id))?;
            Some(per_mille(policy.resolved.rules.cpu_idle_threshold.value))
        };
        habits.take_in(&now, &earlier.observations, &checks, cpu);
        habits.retain(|id| tracks.contains_key(id));
        if options.only.is_empty() {
            if let Some(gpus) = &self.look.gpus {
                habits.look_at(gpus, &now);
            }
            let cases: Vec<Case<'_>> = self.cases().into_values().collect();
            let last_words = last_words(sources, &self.look, &cases, |id| {
                let hung = habits.containers.get(id).and_then(|habit| habit.hung.as_ref());
                hung.is_some_and(|hung| hung.span_ms() >= ASKED_AFTER_MS)
            });
            for case in &cases {
                let Some(habit) = habits.containers.get_mut(&case.facts.id) else { continue };
                if let Some(word) = last_words.get(&case.facts.id) {
                    habit.hung = habit.hung.take().and_then(|hung| hung.asked(*word));
                }
                let since = Since { at: now.at, boot_ms: now.boot_ms };
                let worked = case.verdict().is_activity() || case.track.is_some_and(|track| track.idle().is_zero());
                let hold = self.hold(case);
                habit.kept_on = KeptOn::after(habit.kept_on.take(), hold, worked, since, millis(LONGEST_PAUSE));
            }
            let inventory = &self.look.inventory;
            let known = Known { now: &now, policy: &options.policy, cases: &cases, habits: &habits, inventory };
            self.suspicions = suspicion::find(&known);
        }
        self.state.habits = habits;
    }

    /// The events of suspicions that are new.
    pub(super) fn raise(&mut self, options: &CheckOptions) -> Vec<Event> {
        if !options.only.is_empty() {
            return Vec::new();
        }
        let now = &self.look.now;
        let keys: Vec<String> = self.suspicions.iter().map(suspicion::Suspicion::key).collect();
        let standing = keys.iter().zip(&self.suspicions).map(|(key, one)| (key.as_str(), one.kind));
        let new = self.state.habits.raise(standing, now);
        let told = keys.iter().zip(&self.suspicions).filter(|(key, _)| new.contains(&key.as_str()));
        told.map(|(_, one)| one.event(now.at)).collect()
    }

    /// What keeps a container, as far as its owner wants it: what root asked for is an admin's own.
    fn hold(&self, case: &Case<'_>) -> Option<Hold> {
        let id = &case.facts.id;
        if let Some(kept) = case.kept.filter(|kept| kept.left().is_some()) {
            let until = kept.until().filter(|_| kept.uid != 0)?;
            return Some(Hold { by: format!("requests of {}", kept.by), until });
        }
        let longest = case.policy.resolved.rules.keepalive_max_duration.value;
        match self.keep_alive.get(id)?.keeping(self.look.now.at, longest) {
            Keeping::Holds(until) => Some(Hold { by: "its keep-alive file".to_owned(), until: until? }),
            _ => None,
        }
    }
}

/// What is asked of those who could be hung: hardly ever of anybody.
fn last_words(
    sources: &Sources,
    look: &Look,
    cases: &[Case<'_>],
    is_asked: impl Fn(&ContainerId) -> bool,
) -> BTreeMap<ContainerId, LastWord> {
    let entry = |id: &ContainerId| look.inventory.containers.get(id.short()).filter(|entry| entry.full_id == *id);
    let ids = || cases.iter().map(|case| &case.facts.id).filter(|id| is_asked(id));
    let lives: Vec<ContainerLife> = ids().filter_map(|id| life_of(entry(id)?)).collect();
    if lives.is_empty() {
        return BTreeMap::new();
    }
    let source = Arc::clone(&sources.processes);
    let end = Instant::now() + ALL_AT_MOST;
    let disks = one_by_one("disk counters", lives, ONE_AT_MOST, end, move |life| source.disk_bytes(life));
    let words = disks.into_iter().map(|(life, answer)| {
        let disk_bytes = answer.ok().and_then(|reading| reading.known().copied());
        let word = LastWord { memory_percent: memory_percent(look, &life.id), disk_bytes };
        (life.id, word)
    });
    words.collect()
}

/// For what share of the time a container's processes read or wrote GPU memory, at most, as far as the driver remembers.
fn memory_percent(look: &Look, id: &ContainerId) -> Option<u32> {
    let own = look.pids.get(id)?.known()?;
    let gpus = look.gpus.as_ref()?.gpus.iter().filter_map(|reading| reading.gpu.known());
    let rows = gpus.filter_map(|gpu| match &gpu.activity {
        Reading::Known(GpuActivity { processes, .. }) => processes.known(),
        Reading::Unknown(_) => None,
    });
    let of_them = rows.flatten().filter(|row| own.contains(&row.pid) && row.highest_percent() > 0);
    of_them.map(|row| row.memory_percent).max()
}

/// Percent of one core, in thousandths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100000 percent, by the policy")]
fn per_mille(percent: f64) -> u64 {
    (percent.max(0.0) * 10.0).round() as u64
}

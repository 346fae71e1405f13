//! From all that is known at one check to a list of suspicions.

use super::{dead, exempt, finding::Suspicion, hung, idle_power, kept, kept_busy, known::Known, latched};
use crate::idle::{habits::Habit, rules::Case};

/// What looks wrong: by kind, then by name.
pub fn find(known: &Known<'_>) -> Vec<Suspicion> {
    let mut found: Vec<Suspicion> = Vec::new();
    for case in known.cases.iter().filter(|case| case.facts.has_gpu == Some(true)) {
        found.extend(exempt::suspicion(case, known.policy));
        if let Some(habit) = known.habits.containers.get(&case.facts.id) {
            found.extend(of_habit(case, habit, known));
        }
    }
    found.extend(latched::suspicions(known));
    found.extend(dead::suspicions(known.inventory));
    let name = |one: &Suspicion| one.container.as_ref().map(|(_, name)| name.clone());
    found.sort_by_cached_key(|one| (one.kind, name(one), one.key()));
    found
}

fn of_habit(case: &Case<'_>, habit: &Habit, known: &Known<'_>) -> Vec<Suspicion> {
    let now = known.now;
    let kinds = [
        habit.kept_on.as_ref().and_then(|kept_on| kept::suspicion(case, kept_on)),
        kept_busy::suspicion(case, habit, now),
        habit.low_power.as_ref().and_then(|low| idle_power::suspicion(case, low, known)),
        habit.hung.as_ref().and_then(|hung| hung::suspicion(case, hung, now)),
    ];
    kinds.into_iter().flatten().collect()
}

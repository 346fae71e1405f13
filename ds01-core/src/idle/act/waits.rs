//! Telling those who asked for it that a GPU is free.

use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

use super::{
    checked::{CheckOptions, Checked},
    drops::{Dropped, LONGEST_NOTICE, Request},
};
use crate::{
    detect::inventory::Extra,
    idle::{
        gpus::{GpuState, Idleness, states},
        notice::{Broadcast, Message, gpu_is_free},
        state::Waiting,
    },
    model::Wanted,
};

/// No host has more GPUs and MIG instances.
const MOST_GPUS: u64 = 1024;

/// Nor a profile a longer name.
const LONGEST_PROFILE: usize = 32;

/// Who asks, if that is what the file asks for; or what is wrong with it.
pub(super) fn asked(dropped: &Dropped, request: &Request, name: Option<&String>) -> Result<Waiting, String> {
    let (Some(wanted), Some(uid)) = (request.wait.clone(), dropped.uid) else { return Err("nobody asks".to_owned()) };
    let Wanted { gpus, mig, .. } = &wanted;
    if !(1..=MOST_GPUS).contains(gpus) || mig.as_ref().is_some_and(|mig| mig.len() > LONGEST_PROFILE) {
        return Err("no host has that; use ds01-workloads wait".to_owned());
    }
    let span = Duration::from_secs(request.seconds).min(LONGEST_NOTICE);
    let until = dropped.at.checked_add(span).unwrap_or(Timestamp::MAX);
    let by = name.cloned().unwrap_or_else(|| uid.to_string());
    Ok(Waiting { uid, by, wanted, at: dropped.at, until, extra: Extra::new() })
}

/// Tells each for whom there is something, once, and forgets him.
pub(super) fn answer(checked: &mut Checked, broadcast: &dyn Broadcast, options: &CheckOptions) {
    if checked.state.waiting.is_empty() {
        return;
    }
    let now = checked.look.now.at;
    let idleness = Idleness::from(&checked.state);
    let gpus = states(&checked.look.inventory, Some(&idleness), Some(&options.policy), now, &options.zone);
    let host = checked.look.inventory.host.as_ref().map_or_else(String::new, |host| host.name.clone());
    checked.state.waiting.retain(|one| {
        let Some(found) = one.wanted.met(&gpus) else { return true };
        for delivery in broadcast.tell_user(&Message::to(&one.by, &text(one, &found, &host), now)) {
            info!("a free GPU: {delivery}");
        }
        false
    });
}

fn text(one: &Waiting, found: &[&GpuState], host: &str) -> String {
    let named = |gpu: &&GpuState| {
        let model = gpu.model.as_deref().unwrap_or("model unknown");
        let profile = gpu.profile.as_ref().map_or_else(String::new, |profile| format!(", {profile}"));
        format!("{} ({model}{profile})", gpu.gpu)
    };
    let found: Vec<String> = found.iter().map(named).collect();
    gpu_is_free(&one.wanted.words(), &found, host)
}

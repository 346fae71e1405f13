//! The GPUs as somebody may see them: all, or what is public.

use std::{path::Path, time::Duration};

use ds01_core::{
    detect::Inventory,
    idle::gpus::{GpuState, Idleness, PICTURE_FILE, Picture, states},
    policy::{Policy, PublicView},
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    filter::no_gpu,
    load::{LoadError, read},
    row::since,
    warnings::{STALE_AFTER, warnings},
};

/// The GPUs, and what goes with them.
#[derive(Debug)]
pub(crate) struct Gpus {
    pub(crate) picture: Picture,
    /// The instant that ages are counted to.
    pub(crate) now: Timestamp,
    /// What an admin should know before believing it.
    pub(crate) notes: Vec<String>,
    /// Whether this is what everybody may see.
    pub(crate) is_public: bool,
    /// Whether this caller may see whether anybody is idle, and the reaper told.
    pub(crate) knows_idle: bool,
}

/// What everybody may see. Without it, why; `None` where there simply is nothing public.
pub(crate) fn public(dir: &Path) -> Result<Gpus, Option<LoadError>> {
    let path = dir.join(PICTURE_FILE);
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(LoadError::Missing(_) | LoadError::Denied(_)) => return Err(None),
        Err(error) => return Err(Some(error)),
    };
    let picture = Picture::from_json(&bytes).map_err(|why| Some(LoadError::Public(path, why)))?;
    let knows_idle = true;
    Ok(Gpus { picture, now: Timestamp::now(), notes: Vec::new(), is_public: true, knows_idle })
}

/// All that the inventory, the reaper's memory and the policy say.
pub(crate) fn made(
    inventory: &Inventory,
    idleness: Option<&Idleness>,
    policy: Option<&Policy>,
    now: Timestamp,
    notes: Vec<String>,
) -> Gpus {
    let states = states(inventory, idleness, policy, now, &TimeZone::system());
    let notes = warnings(inventory, now).into_iter().chain(notes).collect();
    let knows_idle = idleness.is_some_and(|idleness| idleness.speaks_of(inventory));
    Gpus { picture: Picture::new(inventory, states, PublicView::Full), now, notes, is_public: false, knows_idle }
}

/// Whether an admin may mean this one: by index, by that of the GPU it is an instance of, or by the beginning of its UUID.
pub(crate) fn is_called(gpu: &GpuState, name: &str) -> bool {
    gpu.gpu == name
        || gpu.gpu.split_once(':').is_some_and(|(whole, _)| whole == name)
        || ((name.starts_with("GPU-") || name.starts_with("MIG-")) && gpu.uuid.starts_with(name))
}

/// Whether somebody of this name holds it.
pub(crate) fn is_held_by(gpu: &GpuState, user: &str) -> bool {
    gpu.holders.iter().any(|holder| holder.user.as_deref() == Some(user))
}

impl Gpus {
    /// What was asked for by name and is not here, in words: an empty table does not say why it is empty.
    pub(crate) fn not_here(&self, users: &[String], gpus: &[String]) -> Vec<String> {
        let all = &self.picture.gpus;
        let labels: Vec<String> = all.iter().map(|gpu| gpu.gpu.clone()).collect();
        let are_told = !self.picture.failed.iter().any(|source| source == "nvml" || source == "amd");
        let gpus = gpus.iter().filter(|name| are_told && !all.iter().any(|gpu| is_called(gpu, name)));
        let gpus = gpus.map(|name| no_gpu(name, &labels));
        if matches!(self.picture.view, PublicView::Anonymous | PublicView::Off) && !users.is_empty() {
            let view = self.picture.view.as_str();
            let hidden =
                format!("who holds the GPUs is not for everybody here (public_view: {view}): --user finds nobody");
            return gpus.chain([hidden]).collect();
        }
        let users = users.iter().filter(|user| !all.iter().any(|gpu| is_held_by(gpu, user)));
        let users = users
            .map(|user| format!("nobody of the name {user} holds a GPU here: ds01-workloads --by-gpu shows who does"));
        gpus.chain(users).collect()
    }

    /// Whether the host was looked at lately, so that what is free is free.
    pub(crate) fn is_recent(&self) -> bool {
        self.age().is_some_and(|age| age <= STALE_AFTER)
    }

    /// How old it is; `None` before the first scan, and for one from the future.
    pub(crate) fn age(&self) -> Option<Duration> {
        let at = self.picture.at?;
        (since(self.now, at) <= STALE_AFTER).then(|| since(at, self.now))
    }

    /// What to say on standard error.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut said = self.notes.clone();
        if self.is_public && !self.is_recent() {
            let age = self
                .age()
                .map_or_else(|| "never, or in the future".to_owned(), |age| format!("{} ago", units::duration(age)));
            said.push(format!("the last scan was {age}: tell an administrator (ds01-workload-detector.timer)"));
        }
        if self.is_public && !self.picture.failed.is_empty() {
            let failed = self.picture.failed.join(" and ");
            said.push(format!("{failed} could not tell everything: some of what is shown may be old"));
        }
        said.extend(self.doubts());
        said
    }

    /// Why GPUs are not said to be free on which nobody is seen.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let tell = if self.is_public { "; an administrator can see more" } else { "" };
        self.picture.doubts().into_iter().map(|doubt| format!("{doubt}{tell}")).collect()
    }

    /// That this is not all, and of what it is a part.
    pub(crate) fn note(&self) -> String {
        let shown = match self.picture.view {
            PublicView::Full => "who holds them",
            PublicView::Owners => "who holds them, without the names of containers",
            PublicView::Anonymous | PublicView::Off => "whether they are held",
        };
        format!("this is the public part (public_view: {}): the GPUs and {shown}", self.picture.view.as_str())
    }
}

#[cfg(test)]
mod tests {
    use ds01_core::{
        detect::{Settings, look},
        source::fake::{FakeHost, GpuSpec, Step},
    };

    use super::*;

    /// A host of which one GPU is lost, and another is used by nobody who is seen.
    fn host() -> (Inventory, Timestamp) {
        let host = FakeHost::new("lab", "2026-03-02T12:00:00Z".parse().unwrap());
        let gpu = |index| GpuSpec { index, uuid: format!("GPU-{index}"), ..GpuSpec::default() };
        host.add_gpus(&[gpu(0), gpu(1)]).unwrap();
        let scan = |before: &Inventory| look(&host.sources(), before, Duration::from_secs(60), &Settings::default());
        let first = scan(&Inventory::empty());
        host.apply(&Step { lost_gpus: Some(vec![1]), ..Step::default() }, true).unwrap();
        let inventory = scan(&first);
        let now = inventory.last_scan.unwrap();
        (inventory, now)
    }

    #[test]
    fn a_gpu_that_is_lost_is_said_once_and_nothing_else_to_have_failed() {
        let (inventory, now) = host();
        let seen = made(&inventory, None, None, now, Vec::new());
        let said: Vec<String> = seen.warnings().into_iter().filter(|said| said.starts_with("GPU ")).collect();
        assert_eq!(said, ["GPU 1 could not be read: lost: nvmlDeviceGetHandleByIndex: GPU is lost; see `nvidia-smi`"]);
        let picture = Picture::new(&inventory, states(&inventory, None, None, now, &TimeZone::UTC), PublicView::Owners);
        let public = Gpus { picture, is_public: true, notes: Vec::new(), ..seen };
        assert_eq!(public.warnings(), ["nvml could not tell everything: some of what is shown may be old"]);
    }

    #[test]
    fn why_no_gpu_is_free_is_said_to_everybody_and_more_of_it_to_admins() {
        let (inventory, now) = host();
        let mut seen = made(&inventory, None, None, now, Vec::new());
        let used = |seen: &mut Gpus, why: &str| {
            let gpu = &mut seen.picture.gpus[0];
            (gpu.state, gpu.why) = (ds01_core::idle::gpus::Occupancy::Unknown, Some(why.to_owned()));
        };
        used(&mut seen, "it is used, and nobody is seen on it; where it stays so, look");
        let doubt = "GPU 0: whether it is free nobody can tell: it is used, and nobody is seen on it";
        assert_eq!(seen.warnings().pop().unwrap(), format!("{doubt}; where it stays so, look"));
        used(&mut seen, "it is used, and nobody is seen on it");
        seen.is_public = true;
        assert_eq!(seen.warnings().pop().unwrap(), format!("{doubt}; an administrator can see more"));
    }
}

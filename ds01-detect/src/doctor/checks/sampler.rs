//! The GPU sampler: without it, short work on shared GPUs and MIG instances is not seen, and idle time there counts only as
//! far as somebody looked.

use std::time::Duration;

use ds01_core::{
    detect::{Inventory, inventory::GpuUse},
    model::{GpuSnapshot, Mig},
    source::SourceError,
    units,
};

use super::{
    super::{
        facts::{Facts, NoSample, SAMPLER_SERVICE, Unit, Units, inventory},
        finding::{Finding, quoted},
    },
    AS_ROOT,
    devices::without_harm,
    gpu::NO_NVML,
    listed,
};

/// The sampler tries a driver in trouble again after half a minute.
const FRESH: Duration = Duration::from_secs(30);

/// Whether it samples, and whether this host needs that.
pub(super) fn sampler(facts: &Facts) -> Finding {
    const CHECK: &str = "gpu-sampler";
    let dir = facts.sampler.dir.display();
    let last = match &facts.sampler.newest {
        Ok(Some(age)) if *age <= FRESH => {
            return Finding::ok(CHECK, format!("last sample {} ago", units::duration(*age)));
        }
        Ok(Some(age)) => format!("last sample {} ago", units::duration(*age)),
        Ok(None) => "no sample since the last boot".to_owned(),
        Err(NoSample::Denied) => {
            return Finding::warning(CHECK, format!("{dir} is not for user id {}", facts.uid)).mend(AS_ROOT);
        }
        Err(NoSample::Unreadable(error)) => {
            return Finding::warning(CHECK, format!("its samples can't be read: {error}"))
                .mend(format!("ls -la {}", quoted(&facts.sampler.dir)));
        }
    };
    let snapshot = match &facts.gpu.gpus {
        Ok(snapshot) if snapshot.gpus.is_empty() => return Finding::skipped(CHECK, "there is no GPU"),
        Ok(snapshot) => snapshot,
        Err(SourceError::Absent { .. }) => return Finding::skipped(CHECK, "there is no driver to ask"),
        Err(SourceError::Failed { .. }) => return Finding::skipped(CHECK, NO_NVML),
    };
    let (state, command) = unit(facts);
    match needing(snapshot, inventory(facts)) {
        Some(gpus) => Finding::warning(
            CHECK,
            format!(
                "{state}, {last}: on {gpus}, idle time counts only as far as somebody looked, and hardly any idle \
                 container is stopped"
            ),
        )
        .mend(command),
        None if is_meant_to_run(facts) => Finding::warning(CHECK, format!("{state}, {last}")).mend(command),
        None => Finding::ok(CHECK, format!("{state}: no GPU is shared or in MIG mode")),
    }
}

/// The GPUs that it matters for, in words.
fn needing(snapshot: &GpuSnapshot, inventory: Option<&Inventory>) -> Option<String> {
    let users = |uuid: &str| inventory.map_or(0, |inventory| users(inventory, uuid));
    let (mut shared, mut partitioned) = (Vec::new(), Vec::new());
    for reading in &snapshot.gpus {
        let Some(gpu) = reading.gpu.known() else { continue };
        if matches!(gpu.mig.known(), Some(Mig::Enabled(_))) {
            partitioned.push(reading.index);
        } else if users(&gpu.uuid) > 1 {
            shared.push(reading.index);
        }
    }
    let with = |gpus: &[u32], what: &str| (!gpus.is_empty()).then(|| format!("GPU {} ({what})", listed(gpus)));
    let parts: Vec<String> = [with(&shared, "shared"), with(&partitioned, "MIG mode")].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| listed(parts))
}

/// How many can be at work on a GPU that a container has: the running containers that were given it or use it, and besides
/// them processes outside of these.
fn users(inventory: &Inventory, uuid: &str) -> usize {
    let holds = |uses: &[GpuUse]| uses.iter().any(|used| used.gpu_uuid == uuid);
    let up = inventory.containers.values().filter(|container| container.status.is_up());
    let containers = up.filter(|container| {
        let uses = || container.gpu_processes.iter().flatten().any(|process| holds(&process.gpus));
        container.gpus.iter().any(|given| given == uuid) || uses()
    });
    let others = inventory.host_processes.values().any(|process| holds(&process.gpus));
    match containers.count() {
        0 => 0,
        containers => containers + usize::from(others),
    }
}

fn found(facts: &Facts) -> Option<&Unit> {
    facts.units.get(SAMPLER_SERVICE)
}

/// Whether it runs, or would if it could.
fn is_meant_to_run(facts: &Facts) -> bool {
    found(facts).is_some_and(|unit| matches!(unit.active.as_str(), "active" | "activating" | "failed"))
}

/// What systemd says of it, and what makes it run or shows why it does not sample.
fn unit(facts: &Facts) -> (String, String) {
    let by_hand = match facts.sampler.dir.as_path() {
        dir if dir == ds01_core::cli::SAMPLES_DIR => "sudo ds01-detect sample".to_owned(),
        dir => format!("sudo ds01-detect sample --samples-dir {}", quoted(dir)),
    };
    match &facts.units {
        Units::NoSystemd(why) => return (why.clone(), by_hand),
        Units::Silent(why) => return (why.clone(), format!("systemctl status {SAMPLER_SERVICE}")),
        Units::Told(_) => {}
    }
    let Some(unit) = found(facts) else { return ("not installed".to_owned(), by_hand) };
    if unit.load == "masked" {
        return ("masked".to_owned(), without_harm("unmask", SAMPLER_SERVICE));
    }
    if unit.load != "loaded" {
        let state = format!("systemd can't load it ({})", unit.load);
        return (state, format!("systemd-analyze verify {SAMPLER_SERVICE}"));
    }
    let state = match unit.enabled.as_str() {
        "" => unit.active.clone(),
        enabled => format!("{}, {enabled}", unit.active),
    };
    let command = match (unit.active.as_str(), unit.enabled.as_str()) {
        ("active" | "activating" | "failed", _) => format!("sudo journalctl -u {SAMPLER_SERVICE} -n 20"),
        (_, "enabled") => format!("sudo systemctl start {SAMPLER_SERVICE}"),
        _ => without_harm("enable --now", SAMPLER_SERVICE),
    };
    (state, command)
}

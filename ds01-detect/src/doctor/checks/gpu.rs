//! NVML and the GPUs behind it.

use ds01_core::{
    model::{Gpu, Mig, UnknownKind},
    source::{FailureKind, SourceError, nvml::DriverTrouble},
};

use super::{
    super::{
        facts::{Facts, PERSISTENCED_SERVICE, inventory},
        finding::Finding,
    },
    AS_ROOT, count,
    devices::without_harm,
    listed, words,
};

/// What shows more where only the driver knows. `NVRM` begins each of its lines.
const KERNEL_LOG: &str = "sudo journalctl -k --grep NVRM";
pub(super) const NO_NVML: &str = "NVML did not answer";

/// Whether the driver's library answers.
pub(super) fn nvml(facts: &Facts) -> Finding {
    const CHECK: &str = "nvml";
    let error = match &facts.gpu.driver {
        Ok(health) => {
            let version = health.driver_version.known().map_or("of a version that it does not tell", String::as_str);
            return Finding::ok(CHECK, format!("driver {version}, {}", count(health.persistence_mode.len(), "GPU")));
        }
        Err(error) => error,
    };
    let module = match &facts.gpu.module_version {
        Some(version) => format!("the kernel has module {version}"),
        None => "the kernel has no module of it".to_owned(),
    };
    match error {
        SourceError::Absent { detail, .. } => absent(CHECK, facts, detail),
        SourceError::Failed { kind, .. } => {
            let said = words(error);
            match (DriverTrouble::behind(error), kind) {
                (Some(DriverTrouble::NotLoaded), _) => {
                    Finding::failed(CHECK, format!("{said}; {module}")).mend("sudo modprobe nvidia")
                }
                // No command: loading another module needs every GPU to be let go of.
                (Some(DriverTrouble::VersionMismatch), _) => Finding::failed(
                    CHECK,
                    format!("{said}: the driver was upgraded, and {module}; it works again once the host is rebooted"),
                ),
                (None, FailureKind::Denied) => Finding::failed(CHECK, said).mend(AS_ROOT),
                (None, FailureKind::Missing) => Finding::failed(CHECK, said).mend("ldconfig -p | grep libnvidia-ml"),
                (None, _) => Finding::failed(CHECK, said).mend(KERNEL_LOG),
            }
        }
    }
}

/// No library: what that means depends on whether there is anything that it could tell of.
fn absent(check: &'static str, facts: &Facts, detail: &str) -> Finding {
    const MEANS: &str = "no GPU is seen, and no process of the host";
    let known = inventory(facts).map_or(0, |inventory| inventory.gpus.len());
    match facts.gpu.on_bus {
        Some(gpus) if gpus > 0 => {
            let found = format!("{} of NVIDIA on the PCI bus, and no driver: {detail}. {MEANS}", count(gpus, "GPU"));
            Finding::failed(check, found).mend("lspci -d 10de: -nn")
        }
        _ if known > 0 => {
            let found = format!("{detail}, and the inventory has {}: kept, marked stale", count(known, "GPU"));
            Finding::failed(check, found).mend(format!("{} --forget nvml", facts.scan_command))
        }
        Some(_) => Finding::warning(check, format!("{detail}, and no GPU of NVIDIA is on the PCI bus: {MEANS}")),
        None => Finding::warning(check, format!("{detail}: {MEANS}")),
    }
}

/// Whether each GPU can be read.
pub(super) fn gpus(facts: &Facts) -> Finding {
    const CHECK: &str = "gpus";
    let snapshot = match (&facts.gpu.gpus, &facts.gpu.driver) {
        (Ok(snapshot), _) => snapshot,
        (Err(_), Err(_)) => return Finding::skipped(CHECK, NO_NVML),
        // Only one of the two questions met with trouble: it is told here, or nowhere.
        (Err(error), Ok(_)) => return Finding::failed(CHECK, words(error)).mend(KERNEL_LOG),
    };
    let problems = snapshot.problems();
    let lost = snapshot.gpus.iter().any(|gpu| gpu.gpu.unknown().is_some_and(|why| why.kind == UnknownKind::Lost));
    if !problems.is_empty() {
        let after = if lost { "; a lost GPU comes back when the host is rebooted" } else { "" };
        return Finding::failed(CHECK, format!("{}{after}", problems.join("; "))).mend(KERNEL_LOG);
    }
    match snapshot.gpus.len() {
        0 => Finding::warning(CHECK, "the driver has none").mend("lspci -d 10de: -nn"),
        gpus => Finding::ok(CHECK, format!("{} can be read", count(gpus, "GPU"))),
    }
}

/// How GPUs are partitioned.
pub(super) fn mig(facts: &Facts) -> Finding {
    const CHECK: &str = "mig";
    let Ok(snapshot) = &facts.gpu.gpus else { return Finding::skipped(CHECK, "no GPU was read") };
    let gpus: Vec<(u32, &Gpu)> =
        snapshot.gpus.iter().filter_map(|reading| Some((reading.index, reading.gpu.known()?))).collect();
    if gpus.is_empty() {
        return Finding::skipped(CHECK, "no GPU was read");
    }
    let with = |wanted: fn(&Mig) -> bool| {
        gpus.iter().filter(move |(_, gpu)| gpu.mig.known().is_some_and(wanted)).map(|(index, _)| *index)
    };
    let empty: Vec<u32> = with(|mig| matches!(mig, Mig::Enabled(instances) if instances.is_empty())).collect();
    let on: Vec<u32> = with(|mig| matches!(mig, Mig::Enabled(_))).collect();
    if let Some(first) = empty.first() {
        let found = format!("on without an instance: GPU {}. Nobody can use it", listed(&empty));
        return Finding::warning(CHECK, found).mend(format!("sudo nvidia-smi mig -i {first} -lgip"));
    }
    if on.is_empty() {
        return Finding::ok(CHECK, "off");
    }
    let instances = gpus.iter().map(|(_, gpu)| gpu.mig_instances().len()).sum();
    Finding::ok(CHECK, format!("on: GPU {}, {}", listed(&on), count(instances, "instance")))
}

/// Whether the driver sleeps between two scans.
pub(super) fn persistence_mode(facts: &Facts) -> Finding {
    const CHECK: &str = "persistence-mode";
    let Ok(health) = &facts.gpu.driver else { return Finding::skipped(CHECK, NO_NVML) };
    let modes = || health.persistence_mode.iter().enumerate();
    let off: Vec<usize> = modes().filter(|(_, mode)| mode.known() == Some(&false)).map(|(index, _)| index).collect();
    let known = modes().filter(|(_, mode)| mode.known().is_some()).count();
    if !off.is_empty() {
        let found = format!("off on GPU {}: each scan wakes the driver, which can take seconds", listed(&off));
        let daemon = facts.units.get(PERSISTENCED_SERVICE);
        let enable = daemon.map(|_| without_harm("enable --now", "nvidia-persistenced"));
        return Finding::warning(CHECK, found).mend(enable.unwrap_or_else(|| "sudo nvidia-smi -pm 1".to_owned()));
    }
    match (known, modes().find_map(|(_, mode)| mode.unknown())) {
        (0, Some(why)) => Finding::skipped(CHECK, why.to_string()),
        (0, None) => Finding::skipped(CHECK, "there is no GPU"),
        _ => Finding::ok(CHECK, "on"),
    }
}

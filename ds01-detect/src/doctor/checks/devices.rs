//! Links by device number, which systemd needs for telling devices apart.

use super::{
    super::{
        facts::{DeviceNode, Facts},
        finding::Finding,
    },
    count, listed,
};

/// So many devices are named; the rest is counted.
const MOST_NAMED: usize = 3;

/// Whether `systemctl daemon-reload` would take GPUs from running containers.
///
/// With Docker's cgroup driver `systemd`, a container's devices are rules in a unit, written with the paths below
/// `/dev/char`. A reload applies those rules anew, and one whose path does not exist is dropped: the container keeps the
/// open device files that it has, and gets no more (nvidia-container-toolkit issues 48 and 1227).
pub(super) fn links(facts: &Facts) -> Finding {
    const CHECK: &str = "dev-char-links";
    let nodes = match &facts.gpu.nodes {
        Err(error) => return Finding::skipped(CHECK, error),
        Ok(nodes) if nodes.is_empty() => return Finding::skipped(CHECK, "no device nodes of NVIDIA"),
        Ok(nodes) => nodes,
    };
    let missing: Vec<&DeviceNode> = nodes.iter().filter(|node| !node.linked).collect();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{} of NVIDIA, all with links", count(nodes.len(), "device")));
    }
    let names = missing.iter().take(MOST_NAMED).map(|node| node.name.clone());
    let more = missing.len().saturating_sub(MOST_NAMED);
    let names = listed(names.chain((more > 0).then(|| format!("{more} more"))));
    let driver = match &facts.docker.info {
        Some(Ok(info)) => info.cgroup_driver.as_deref(),
        _ => None,
    };
    let create = "sudo nvidia-ctk system create-dev-char-symlinks --create-all";
    match driver {
        Some("systemd") => Finding::failed(
            CHECK,
            format!("none for {names}: with the cgroup driver systemd, `systemctl daemon-reload` takes GPUs from running containers"),
        )
        .mend(create),
        Some(driver) => Finding::ok(CHECK, format!("none for {names}; the cgroup driver {driver} needs none")),
        None => Finding::warning(
            CHECK,
            format!("none for {names}; should Docker use the cgroup driver systemd, `systemctl daemon-reload` takes GPUs from running containers"),
        )
        .mend(create),
    }
}

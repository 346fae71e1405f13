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

/// How Docker keeps control groups, as far as it is known.
fn cgroup_driver(facts: &Facts) -> Option<&str> {
    match &facts.docker.info {
        Some(Ok(info)) => info.cgroup_driver.as_deref(),
        _ => None,
    }
}

/// `systemctl VERB UNIT`, of a verb that reloads unless told not to: `enable`, `unmask`.
///
/// With Docker's cgroup driver `systemd`, a container's devices are rules in a unit, written with the paths below
/// `/dev/char`. Where a path did not exist when the container was started, its rule is missing, and a reload applies the
/// rules anew (nvidia-container-toolkit issues 48 and 1227). That the paths exist by now tells nothing of the containers
/// that were started before.
pub(super) fn without_harm(verb: &str, unit: &str) -> String {
    format!("sudo systemctl {verb} --no-reload {unit}")
}

/// Whether there are links for NVIDIA's devices.
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
    let means = "`systemctl daemon-reload` takes GPUs from running containers, and so does `systemctl enable`; with links, \
                 containers are safe that are started from then on";
    let create = "sudo nvidia-ctk system create-dev-char-symlinks --create-all";
    match cgroup_driver(facts) {
        Some("systemd") => {
            Finding::failed(CHECK, format!("none for {names}: with the cgroup driver systemd, {means}")).mend(create)
        }
        Some(driver) => Finding::ok(CHECK, format!("none for {names}; the cgroup driver {driver} needs none")),
        None => {
            Finding::warning(CHECK, format!("none for {names}: should Docker use the cgroup driver systemd, {means}"))
                .mend(create)
        }
    }
}

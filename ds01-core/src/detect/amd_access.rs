//! Which of AMD's GPUs a container was given: by device nodes, or by CDI names.
//!
//! Nodes of `/dev/dri` are those of any maker's GPUs: they count where the host has GPUs of AMD's, and nowhere else.

use crate::model::{ContainerConfig, GpuAccess, Vendor};

use super::inventory::GpuEntry;

/// What a CDI name of AMD's begins with.
const CDI: &str = "amd.com/gpu=";

/// What gives a container access to GPUs of AMD's, and the devices as they were asked for; nothing where none does.
pub(super) fn given(config: &ContainerConfig, gpus: &[GpuEntry]) -> Option<(GpuAccess, Vec<String>)> {
    amds(gpus).next()?;
    let named =
        config.device_requests.iter().filter(|request| request.driver == "cdi").flat_map(|request| &request.ids);
    let named: Vec<String> = named.filter(|id| id.starts_with(CDI)).cloned().collect();
    let nodes: Vec<String> = config.devices.iter().filter(|path| is_node(path, gpus)).cloned().collect();
    let access = if named.is_empty() { GpuAccess::Device } else { GpuAccess::Cdi };
    let devices = [named, nodes].concat();
    (!devices.is_empty()).then_some((access, devices))
}

/// The GPUs of one such device; `None` for what is no device of AMD's. `/dev/kfd` gives none by itself: it takes a render node, too.
pub(super) fn resolve(device: &str, gpus: &[GpuEntry]) -> Option<Result<Vec<String>, String>> {
    let uuids = |wanted: &dyn Fn(&GpuEntry) -> bool| -> Vec<String> {
        amds(gpus).filter(|gpu| wanted(gpu)).map(|gpu| gpu.uuid.clone()).collect()
    };
    let some = |uuids: Vec<String>, otherwise: &str| {
        if uuids.is_empty() { Err(format!("no GPU of AMD's {otherwise}")) } else { Ok(uuids) }
    };
    if let Some(name) = device.strip_prefix(CDI) {
        return Some(match name {
            "all" => some(uuids(&|_| true), "is on this host"),
            name => some(uuids(&|gpu| gpu.index.to_string() == name || gpu.uuid == name), "has this index"),
        });
    }
    match device {
        "/dev/kfd" => Some(Ok(Vec::new())),
        "/dev/dri" => Some(some(uuids(&|_| true), "is on this host")),
        device => {
            let minor = render_minor(device)?;
            Some(some(uuids(&|gpu| gpu.minor_number == Some(minor)), "has this render node"))
        }
    }
}

fn is_node(path: &str, gpus: &[GpuEntry]) -> bool {
    match path {
        "/dev/kfd" | "/dev/dri" => true,
        path => render_minor(path).is_some_and(|minor| amds(gpus).any(|gpu| gpu.minor_number == Some(minor))),
    }
}

fn render_minor(path: &str) -> Option<u32> {
    path.strip_prefix("/dev/dri/renderD")?.parse().ok()
}

fn amds(gpus: &[GpuEntry]) -> impl Iterator<Item = &GpuEntry> {
    gpus.iter().filter(|gpu| gpu.vendor == Vendor::Amd)
}

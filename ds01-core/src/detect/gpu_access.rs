//! Whether a container can use GPUs, which ones it was given, and which GPUs of this host those are.

use std::collections::BTreeMap;

use crate::model::{ContainerConfig, DeviceRequest, GpuAccess};

use super::{
    amd_access,
    inventory::{GpuEntry, UnresolvedGpu},
};

/// The access that a container's configuration gives it; [`GpuAccess::Process`] is for the scan to add.
pub fn configured_access(config: &ContainerConfig) -> Option<GpuAccess> {
    if config.device_requests.iter().any(asks_for_gpus) {
        Some(GpuAccess::DeviceRequest)
    } else if config.device_requests.iter().any(is_cdi) {
        Some(GpuAccess::Cdi)
    } else if config.devices.iter().any(|path| names_nvidia(path)) {
        Some(GpuAccess::Device)
    } else if !runtime_devices(config).is_empty() {
        Some(GpuAccess::Runtime)
    } else {
        None
    }
}

/// The devices a container was given, as they were asked for: the first rule that names any.
///
/// Labels speak for containers with any access at all, and for none without: they are users' text.
pub fn requested_devices(labels: &BTreeMap<String, String>, config: &ContainerConfig) -> Vec<String> {
    let rules: [&dyn Fn() -> Vec<String>; 7] = [
        &|| labels.get("ds01.gpu.uuid").map_or_else(Vec::new, list),
        &|| labels.get("ds01.gpu.uuids").map_or_else(Vec::new, list),
        &|| labels.get("ds01.gpu.allocated").map_or_else(Vec::new, allocated_devices),
        &|| gpu_requests(config).flat_map(requested_ids).collect(),
        &|| gpu_requests(config).flat_map(|request| counted_devices(request.count)).collect(),
        &|| config.devices.iter().filter(|path| numbered_device(path).is_some()).cloned().collect(),
        &|| runtime_devices(config),
    ];
    rules.iter().map(|rule| rule()).find(|devices| !devices.is_empty()).unwrap_or_default()
}

/// Requests resolved to the UUIDs of this host's GPUs and MIG instances, without repeats, and what could not be.
pub fn resolve_devices(requested: &[String], gpus: &[GpuEntry]) -> (Vec<String>, Vec<UnresolvedGpu>) {
    let (mut resolved, mut unresolved) = (Vec::<String>::new(), Vec::new());
    for device in requested {
        match resolve_device(device, gpus) {
            Ok(uuids) => {
                for uuid in uuids {
                    if !resolved.contains(&uuid) {
                        resolved.push(uuid);
                    }
                }
            }
            Err(reason) => unresolved.push(UnresolvedGpu { device: device.clone(), reason }),
        }
    }
    (resolved, unresolved)
}

fn resolve_device(device: &str, gpus: &[GpuEntry]) -> Result<Vec<String>, String> {
    if let Some(answer) = amd_access::resolve(device, gpus) {
        return answer;
    }
    // Indices, counts and device nodes are NVIDIA's.
    let all = gpus;
    let gpus: Vec<&GpuEntry> = gpus.iter().filter(|gpu| gpu.vendor.is_nvidia()).collect();
    if gpus.is_empty() {
        return Err("no GPU of this host is known".to_owned());
    }
    if device == "all" {
        return Ok(gpus.iter().map(|gpu| gpu.uuid.clone()).collect());
    }
    if let Some(minor) = numbered_device(device) {
        let gpu = gpus.iter().find(|gpu| gpu.minor_number == Some(minor));
        return gpu.map(|gpu| vec![gpu.uuid.clone()]).ok_or_else(|| format!("no GPU has minor number {minor}"));
    }
    if let Some((gpu_index, mig_index)) = device.split_once(':').and_then(|(gpu, mig)| Some((index(gpu)?, index(mig)?)))
    {
        let gpu = gpus.iter().find(|gpu| gpu.index == gpu_index);
        let mig = gpu.and_then(|gpu| gpu.mig_instances.iter().find(|mig| mig.index == mig_index));
        return mig
            .map(|mig| vec![mig.uuid.clone()])
            .ok_or_else(|| format!("GPU {gpu_index} has no MIG instance {mig_index}"));
    }
    if let Some(wanted) = index(device) {
        let gpu = gpus.iter().find(|gpu| gpu.index == wanted);
        return gpu.map(|gpu| vec![gpu.uuid.clone()]).ok_or_else(|| format!("no GPU has index {wanted}"));
    }
    if device.starts_with("GPU-") || device.starts_with("MIG-") {
        if let Some(uuid) = all.iter().flat_map(GpuEntry::uuids).find(|uuid| *uuid == device) {
            return Ok(vec![uuid.to_owned()]);
        }
        let mut matches = all.iter().flat_map(GpuEntry::uuids).filter(|uuid| uuid.starts_with(device));
        return match (matches.next(), matches.next()) {
            (Some(uuid), None) => Ok(vec![uuid.to_owned()]),
            (Some(_), Some(_)) => Err("several GPUs have a UUID that begins so".to_owned()),
            (None, _) => Err("no GPU or MIG instance has this UUID".to_owned()),
        };
    }
    Err("not an index, a UUID or a device of nvidia".to_owned())
}

/// Whether a device request asks for GPUs: `gpu` or `nvidia` among its capability lists, or driver `nvidia`.
fn asks_for_gpus(request: &DeviceRequest) -> bool {
    request.driver == "nvidia" || request.capabilities.iter().flatten().any(|name| name == "gpu" || name == "nvidia")
}

/// Whether a device request is by CDI name, and the name is a GPU of nvidia's.
fn is_cdi(request: &DeviceRequest) -> bool {
    request.driver == "cdi" && request.ids.iter().any(|id| cdi_gpu(id).is_some())
}

fn gpu_requests(config: &ContainerConfig) -> impl Iterator<Item = &DeviceRequest> {
    config.device_requests.iter().filter(|request| asks_for_gpus(request) || is_cdi(request))
}

/// The device of a CDI name such as `nvidia.com/gpu=0`, `nvidia.com/mig=0:1` or `nvidia.com/gpu=all`.
fn cdi_gpu(name: &str) -> Option<&str> {
    let (kind, device) = name.split_once('=')?;
    let (vendor, class) = kind.split_once('/')?;
    // Vendors beyond nvidia.com exist for its devices: `runtime.nvidia.com/gpu`, `management.nvidia.com/gpu`.
    let nvidia = vendor == "nvidia.com" || vendor.ends_with(".nvidia.com");
    (nvidia && matches!(class, "gpu" | "mig") && !device.is_empty()).then_some(device)
}

/// The ids of a request; of one by CDI names those of GPUs, as it can ask for other things beside.
fn requested_ids(request: &DeviceRequest) -> impl Iterator<Item = String> {
    let by_name = request.driver == "cdi";
    request.ids.iter().filter(move |id| !by_name || cdi_gpu(id).is_some()).map(|id| device_name(id))
}

fn device_name(id: &str) -> String {
    cdi_gpu(id).unwrap_or(id).to_owned()
}

fn counted_devices(count: i64) -> Vec<String> {
    /// A request for more is kept as its text: no host has so many GPUs, and a user's number must not fill the memory.
    const MOST: i64 = 256;
    match count {
        -1 => vec!["all".to_owned()],
        ..=0 => Vec::new(),
        1..=MOST => (0..count).map(|n| n.to_string()).collect(),
        _ => vec![format!("count={count}")],
    }
}

/// The device numbers of label `ds01.gpu.allocated`. Anything else than indices is no device: some tools left time stamps.
fn allocated_devices(text: &String) -> Vec<String> {
    /// No host has a GPU or instance of more digits; a time stamp has.
    const MOST_DIGITS: usize = 3;
    let is_number = |part: &str| part.len() <= MOST_DIGITS && index(part).is_some();
    let is_device = |device: &String| {
        device.split_once(':').map_or_else(|| is_number(device), |(gpu, mig)| is_number(gpu) && is_number(mig))
    };
    let devices = list(text);
    if devices.iter().all(is_device) { devices } else { Vec::new() }
}

/// What the nvidia runtime gives: nothing under another runtime, where the image's environment means nothing.
fn runtime_devices(config: &ContainerConfig) -> Vec<String> {
    if config.runtime != "nvidia" {
        return Vec::new();
    }
    match config.env.get("NVIDIA_VISIBLE_DEVICES").map(|text| text.trim()) {
        Some("" | "void" | "none") => Vec::new(),
        Some(devices) => list(devices).iter().map(|device| device_name(device)).collect(),
        // Images from before that variable: the runtime gives them every GPU.
        None if config.env.contains_key("CUDA_VERSION") => vec!["all".to_owned()],
        None => Vec::new(),
    }
}

/// Whether a device node is one of nvidia's, wherever it lies: in `/dev`, or in the directory of a driver in a container, as
/// `/run/nvidia/driver/dev/nvidia0`.
fn names_nvidia(path: &str) -> bool {
    node(path).starts_with("nvidia")
}

/// The N of `nvidiaN`.
fn numbered_device(path: &str) -> Option<u32> {
    index(node(path).strip_prefix("nvidia").filter(|_| path.starts_with('/'))?)
}

fn node(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Digits and nothing else: `parse` alone would take `+1`.
fn index(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn list(text: impl AsRef<str>) -> Vec<String> {
    text.as_ref().split([',', ' ']).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
#[path = "gpu_access_tests.rs"]
mod tests;

//! NVIDIA's devices as the kernel has them: on the PCI bus, as a module, as nodes.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustix::fs::{major, minor};

use super::super::facts::DeviceNode;

/// NVIDIA's vendor id, as sysfs writes it.
const VENDOR: &str = "0x10de";
/// How the class of a display controller begins.
const DISPLAY_CLASS: &str = "0x03";
/// Where the nodes are by which processes get at MIG instances.
const CAPS: &str = "nvidia-caps";

/// How many of NVIDIA's display controllers there are on the bus.
pub(super) fn on_bus(sys_root: &Path) -> Option<usize> {
    let is = |file: &Path, start: &str| fs::read_to_string(file).is_ok_and(|text| text.starts_with(start));
    let devices = fs::read_dir(sys_root.join("bus/pci/devices")).ok()?.flatten();
    let gpus = devices
        .filter(|device| is(&device.path().join("vendor"), VENDOR) && is(&device.path().join("class"), DISPLAY_CLASS));
    Some(gpus.count())
}

/// The version of the module that is loaded. The second file is that of drivers whose module names no version.
pub(super) fn module_version(sys_root: &Path, proc_root: &Path) -> Option<String> {
    if let Ok(version) = fs::read_to_string(sys_root.join("module/nvidia/version")) {
        return Some(version.trim().to_owned());
    }
    let text = fs::read_to_string(proc_root.join("driver/nvidia/version")).ok()?;
    let is_version = |word: &&str| word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.lines().next()?.split_whitespace().find(is_version).map(ToOwned::to_owned)
}

/// The character devices whose names say that they are NVIDIA's, sorted.
pub(super) fn nodes(dev_root: &Path) -> Result<Vec<DeviceNode>, String> {
    let mut nodes = nodes_in(dev_root, "", dev_root)?;
    if dev_root.join(CAPS).is_dir() {
        nodes.extend(nodes_in(&dev_root.join(CAPS), "nvidia-caps/", dev_root)?);
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

fn nodes_in(dir: &Path, prefix: &str, dev_root: &Path) -> Result<Vec<DeviceNode>, String> {
    let words = |error: io::Error| format!("{}: {error}", dir.display());
    let mut nodes = Vec::new();
    for entry in fs::read_dir(dir).map_err(words)? {
        let entry = entry.map_err(words)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(metadata) = entry.metadata() else { continue };
        if name.starts_with("nvidia") && metadata.file_type().is_char_device() {
            let device = metadata.rdev();
            let link = dev_root.join(format!("char/{}:{}", major(device), minor(device)));
            let linked = fs::metadata(link).is_ok_and(|target| target.rdev() == device);
            nodes.push(DeviceNode { name: format!("{prefix}{name}"), linked });
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_version_is_in_one_of_two_files() {
        let root = tempfile::tempdir().unwrap();
        let version = || module_version(&root.path().join("sys"), &root.path().join("proc"));
        assert_eq!(version(), None);
        fs::create_dir_all(root.path().join("proc/driver/nvidia")).unwrap();
        let line =
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC 12.2.0\n";
        fs::write(root.path().join("proc/driver/nvidia/version"), line).unwrap();
        assert_eq!(version().as_deref(), Some("550.54.15"));
        fs::create_dir_all(root.path().join("sys/module/nvidia")).unwrap();
        fs::write(root.path().join("sys/module/nvidia/version"), "560.35.03\n").unwrap();
        assert_eq!(version().as_deref(), Some("560.35.03"));
    }

    #[test]
    fn only_display_controllers_of_one_vendor_count() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(on_bus(sys.path()), None);
        let devices = [
            ("0000:17:00.0", "0x10de", "0x030200"),
            ("0000:17:00.1", "0x10de", "0x040300"),
            ("0000:01:00.0", "0x8086", "0x030000"),
        ];
        for (name, vendor, class) in devices {
            let dir = sys.path().join("bus/pci/devices").join(name);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("vendor"), vendor).unwrap();
            fs::write(dir.join("class"), class).unwrap();
        }
        assert_eq!(on_bus(sys.path()), Some(1));
    }
}

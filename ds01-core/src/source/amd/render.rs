//! Who computes through a render node without KFD, from `/proc/PID/fdinfo` in the form of the kernel's `drm-usage-stats`.

use std::{collections::BTreeMap, fs, path::Path};

use super::files::{names, numbers, text};
use crate::model::Reading;

/// No process needs more open files to compute, and a user can have a million.
const MOST_FILES: usize = 4096;

/// One open file of a render node, as the driver tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Client {
    /// A client that is opened several times is told of several times.
    id: u64,
    pci_bus_id: String,
    vram_bytes: u64,
}

/// Bytes by pid, by the place of the GPU on the bus, of all who computed on it. Who only draws, as a display does, is left out. What
/// may not be read is not told: another user's files may be read by root alone.
pub(super) fn users(proc: &Path) -> BTreeMap<String, BTreeMap<u32, Reading<u64>>> {
    let mut users = BTreeMap::<String, BTreeMap<u32, Reading<u64>>>::new();
    for pid in numbers(proc).unwrap_or_default() {
        let folder = proc.join(pid.to_string());
        let is_render_node = |file: &String| {
            fs::read_link(folder.join("fd").join(file)).is_ok_and(|target| target.starts_with("/dev/dri"))
        };
        let files = names(&folder.join("fd")).unwrap_or_default().into_iter().take(MOST_FILES).filter(is_render_node);
        let clients = files.filter_map(|file| client(text(&folder.join("fdinfo").join(file)).known()?));
        // By id, so that each is counted once.
        let clients: BTreeMap<(String, u64), u64> =
            clients.map(|client| ((client.pci_bus_id, client.id), client.vram_bytes)).collect();
        for ((place, _), bytes) in clients {
            let of_pid = users.entry(place).or_default().entry(pid).or_insert(Reading::Known(0));
            *of_pid = of_pid.clone().map(|sum| sum.saturating_add(bytes));
        }
    }
    users
}

/// One of amdgpu's that has computed.
fn client(fdinfo: &str) -> Option<Client> {
    let fields: BTreeMap<&str, &str> =
        fdinfo.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let number = |name: &str| fields.get(name)?.split(' ').next()?.parse::<u64>().ok();
    if *fields.get("drm-driver")? != "amdgpu" || number("drm-engine-compute").is_none_or(|time| time == 0) {
        return None;
    }
    let memory = ["drm-resident-vram", "drm-memory-vram"].into_iter().find(|name| fields.contains_key(name))?;
    let unit = match fields[memory].split(' ').nth(1) {
        Some("KiB") => 1024,
        Some("MiB") => 1024 * 1024,
        _ => 1,
    };
    Some(Client {
        id: number("drm-client-id")?,
        pci_bus_id: (*fields.get("drm-pdev")?).to_owned(),
        vram_bytes: number(memory)?.saturating_mul(unit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTES: &str = "pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t27\ndrm-pdev:\t0000:43:00.0\n\
        drm-memory-vram:\t44564 KiB\ndrm-engine-compute:\t46464671 ns\n";

    #[test]
    fn a_client_that_computes_has_its_memory() {
        let pci_bus_id = "0000:43:00.0".to_owned();
        assert_eq!(client(COMPUTES), Some(Client { id: 27, pci_bus_id, vram_bytes: 44564 * 1024 }));
        let newer = format!("{COMPUTES}drm-resident-vram:\t2 MiB\n");
        assert_eq!(client(&newer).unwrap().vram_bytes, 2 * 1024 * 1024);
    }

    #[test]
    fn who_draws_or_is_of_another_driver_is_nobody() {
        for (from, to) in [
            ("drm-engine-compute", "drm-engine-gfx"),
            ("46464671 ns", "0 ns"),
            ("amdgpu", "i915"),
            ("drm-client-id:\t27", "drm-client-id:\tx"),
            ("drm-memory-vram", "drm-memory-gtt"),
            ("drm-pdev", "drm-place"),
        ] {
            assert_eq!(client(&COMPUTES.replace(from, to)), None, "{from}");
        }
        assert_eq!(client(""), None);
    }

    /// He makes the scan no slower than with so many files: what lies beyond is not looked at.
    #[test]
    fn of_open_files_without_end_the_first_are_looked_at() {
        let proc = tempfile::tempdir().unwrap();
        let [fd, fdinfo] = ["fd", "fdinfo"].map(|name| proc.path().join("77").join(name));
        fs::create_dir_all(&fd).unwrap();
        fs::create_dir_all(&fdinfo).unwrap();
        for number in 0..=MOST_FILES {
            let name = format!("{number:05}");
            std::os::unix::fs::symlink("/dev/dri/renderD129", fd.join(&name)).unwrap();
            fs::write(fdinfo.join(&name), COMPUTES.replace(":\t27", &format!(":\t{number}"))).unwrap();
        }
        let each = 44564 * 1024;
        assert_eq!(users(proc.path())["0000:43:00.0"][&77], Reading::Known(each * MOST_FILES as u64));
    }
}

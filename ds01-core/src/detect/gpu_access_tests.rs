use super::*;
use crate::detect::inventory::{Extra, MigEntry};

fn request(driver: &str, count: i64, ids: &[&str], capabilities: &[&[&str]]) -> DeviceRequest {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    DeviceRequest {
        driver: driver.to_owned(),
        count,
        ids: texts(ids),
        capabilities: capabilities.iter().map(|list| texts(list)).collect(),
    }
}

fn with_request(request: DeviceRequest) -> ContainerConfig {
    ContainerConfig { device_requests: vec![request], ..Default::default() }
}

fn with_runtime(runtime: &str, env: &[(&str, &str)]) -> ContainerConfig {
    ContainerConfig { runtime: runtime.to_owned(), env: map(env), ..Default::default() }
}

fn with_device(path: &str) -> ContainerConfig {
    ContainerConfig { devices: vec![path.to_owned()], ..Default::default() }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn requested(config: &ContainerConfig) -> Vec<String> {
    requested_devices(&BTreeMap::new(), config)
}

fn gpus() -> Vec<GpuEntry> {
    (0..3)
        .map(|index| GpuEntry {
            index,
            vendor: Default::default(),
            uuid: format!("GPU-{index}aaa-{index}"),
            name: None,
            // The kernel numbered them the other way round.
            minor_number: Some(2 - index),
            pci_bus_id: None,
            memory_total_mb: None,
            usage: None,
            mig_enabled: Some(index == 2),
            mig_instances: if index == 2 { vec![mig(0), mig(1)] } else { Vec::new() },
            problem: None,
            stale: false,
            extra: Extra::new(),
        })
        .collect()
}

fn mig(index: u32) -> MigEntry {
    MigEntry {
        index,
        uuid: format!("MIG-{index}bbb"),
        name: None,
        gpu_instance_id: None,
        compute_instance_id: None,
        memory_total_mb: None,
        usage: None,
        extra: Extra::new(),
    }
}

fn resolved(device: &str) -> Result<Vec<String>, String> {
    resolve_device(device, &gpus())
}

#[test]
fn device_requests_for_gpus() {
    let gpu = &[&["gpu"][..]];
    for config in [
        with_request(request("", -1, &[], gpu)),
        with_request(request("nvidia", 1, &[], &[])),
        with_request(request("", 1, &[], &[&["compute"], &["utility", "nvidia"]])),
    ] {
        assert_eq!(configured_access(&config), Some(GpuAccess::DeviceRequest), "{config:?}");
    }
    assert_eq!(configured_access(&with_request(request("", 1, &[], &[&["tpu"]]))), None);
    assert_eq!(configured_access(&with_request(request("amd", -1, &[], &[]))), None);
}

#[test]
fn cdi_requests_for_gpus() {
    for name in ["nvidia.com/gpu=0", "nvidia.com/gpu=all", "nvidia.com/mig=2:1", "management.nvidia.com/gpu=all"] {
        assert_eq!(configured_access(&with_request(request("cdi", 0, &[name], &[]))), Some(GpuAccess::Cdi), "{name}");
    }
    for name in ["nvidia.com/gds=all", "vendor.com/gpu=0", "evilnvidia.com/gpu=0", "nvidia.com/gpu=", "nvidia.com/gpu"]
    {
        assert_eq!(configured_access(&with_request(request("cdi", 0, &[name], &[]))), None, "{name}");
    }
    let mixed = request("cdi", 0, &["nvidia.com/gpu=GPU-1", "vendor.com/nic=eth1"], &[]);
    assert_eq!(requested(&with_request(mixed)), ["GPU-1"]);
}

#[test]
fn device_nodes() {
    for path in [
        "/dev/nvidia0",
        "/dev/nvidiactl",
        "/dev/nvidia-uvm",
        "/dev/nvidia-caps/nvidia-cap21",
        "/run/nvidia/driver/dev/nvidia0",
    ] {
        assert_eq!(configured_access(&with_device(path)), Some(GpuAccess::Device), "{path}");
    }
    assert_eq!(configured_access(&with_device("/dev/dri/card0")), None);
    assert_eq!(configured_access(&with_device("/home/nvidia/x")), None);
    assert_eq!(requested(&with_device("/dev/nvidia1")), ["/dev/nvidia1"]);
    assert_eq!(requested(&with_device("/run/nvidia/driver/dev/nvidia1")), ["/run/nvidia/driver/dev/nvidia1"]);
    assert!(requested(&with_device("/dev/nvidiactl")).is_empty());
}

#[test]
fn the_runtime_gives_what_the_environment_says() {
    let visible =
        |devices: &str| with_runtime("nvidia", &[("NVIDIA_VISIBLE_DEVICES", devices), ("CUDA_VERSION", "12")]);
    assert_eq!(configured_access(&visible("0,2")), Some(GpuAccess::Runtime));
    assert_eq!(requested(&visible("0,2")), ["0", "2"]);
    assert_eq!(requested(&visible("nvidia.com/gpu=0")), ["0"]);
    for nothing in ["", " ", "void", "none"] {
        assert_eq!(configured_access(&visible(nothing)), None, "{nothing:?}");
    }
    assert_eq!(configured_access(&with_runtime("nvidia", &[])), None);
    assert_eq!(requested(&with_runtime("nvidia", &[("CUDA_VERSION", "9.0")])), ["all"]);
    assert_eq!(configured_access(&with_runtime("runc", &[("NVIDIA_VISIBLE_DEVICES", "all")])), None);
}

#[test]
fn rules_of_access_in_their_order() {
    let mut config = with_runtime("nvidia", &[("NVIDIA_VISIBLE_DEVICES", "all")]);
    config.devices.push("/dev/nvidia0".to_owned());
    assert_eq!(configured_access(&config), Some(GpuAccess::Device));
    config.device_requests.push(request("cdi", 0, &["nvidia.com/gpu=0"], &[]));
    assert_eq!(configured_access(&config), Some(GpuAccess::Cdi));
    config.device_requests.push(request("", -1, &[], &[&["gpu"]]));
    assert_eq!(configured_access(&config), Some(GpuAccess::DeviceRequest));
}

#[test]
fn rules_of_devices_in_their_order() {
    let mut config = with_runtime("nvidia", &[("NVIDIA_VISIBLE_DEVICES", "5")]);
    let mut labels = BTreeMap::new();
    let check =
        |labels: &BTreeMap<_, _>, config: &_, wanted: &[&str]| assert_eq!(requested_devices(labels, config), wanted);
    check(&labels, &config, &["5"]);
    config.devices.push("/dev/nvidia4".to_owned());
    check(&labels, &config, &["/dev/nvidia4"]);
    config.device_requests.push(request("", 2, &[], &[&["gpu"]]));
    check(&labels, &config, &["0", "1"]);
    config.device_requests.push(request("", 0, &["3", "GPU-2"], &[&["gpu"]]));
    check(&labels, &config, &["3", "GPU-2"]);
    labels.insert("ds01.gpu.allocated".to_owned(), "2:1".to_owned());
    check(&labels, &config, &["2:1"]);
    labels.insert("ds01.gpu.uuids".to_owned(), "GPU-0, MIG-1".to_owned());
    check(&labels, &config, &["GPU-0", "MIG-1"]);
    labels.insert("ds01.gpu.uuid".to_owned(), "GPU-1".to_owned());
    check(&labels, &config, &["GPU-1"]);
}

#[test]
fn an_allocation_label_that_is_no_device_is_passed_over() {
    let config = with_request(request("", -1, &[], &[&["gpu"]]));
    for text in ["1712345678", "2024-04-05T12:00:00Z", "0,1712345678", "yes", "0:", ":1", "+1", "", "-1"] {
        assert_eq!(requested_devices(&map(&[("ds01.gpu.allocated", text)]), &config), ["all"], "{text:?}");
    }
    assert_eq!(requested_devices(&map(&[("ds01.gpu.allocated", "0,1")]), &config), ["0", "1"]);
}

#[test]
fn a_count_is_the_first_so_many() {
    assert!(counted_devices(0).is_empty());
    assert!(counted_devices(-7).is_empty());
    assert_eq!(counted_devices(2), ["0", "1"]);
    assert_eq!(counted_devices(i64::MAX), [format!("count={}", i64::MAX)]);
}

#[test]
fn every_way_to_name_a_gpu_resolves() {
    assert_eq!(resolved("all").unwrap().len(), 3);
    assert_eq!(resolved("1").unwrap(), ["GPU-1aaa-1"]);
    assert_eq!(resolved("GPU-1aaa-1").unwrap(), ["GPU-1aaa-1"]);
    assert_eq!(resolved("GPU-0").unwrap(), ["GPU-0aaa-0"]);
    assert_eq!(resolved("2:1").unwrap(), ["MIG-1bbb"]);
    assert_eq!(resolved("MIG-0").unwrap(), ["MIG-0bbb"]);
    assert_eq!(resolved("/dev/nvidia0").unwrap(), ["GPU-2aaa-2"], "by minor number, which is not the index");
    assert_eq!(resolved("/run/nvidia/driver/dev/nvidia0").unwrap(), ["GPU-2aaa-2"]);
}

#[test]
fn what_cannot_be_resolved_is_kept_with_its_reason() {
    for device in ["9", "0:0", "GPU-", "GPU-9", "MIG-", "/dev/nvidia9", "card0", "", "count=300"] {
        assert!(resolved(device).is_err(), "{device:?}");
    }
    assert!(resolve_device("all", &[]).is_err());
    let (uuids, unresolved) = resolve_devices(&["0".to_owned(), "9".to_owned(), "GPU-0".to_owned()], &gpus());
    assert_eq!(uuids, ["GPU-0aaa-0"], "no repeats");
    assert_eq!(unresolved, [UnresolvedGpu { device: "9".to_owned(), reason: "no GPU has index 9".to_owned() }]);
}

#[test]
fn an_empty_label_names_nothing_and_hides_no_other() {
    let labels = map(&[("ds01.gpu.uuid", ""), ("ds01.gpu.uuids", "GPU-1,GPU-2")]);
    assert_eq!(requested_devices(&labels, &ContainerConfig::default()), ["GPU-1", "GPU-2"]);
}

#[test]
fn a_whole_uuid_is_no_beginning_of_another() {
    let mut gpus = gpus();
    gpus[0].uuid = "GPU-1".to_owned();
    assert_eq!(resolve_devices(&["GPU-1".to_owned()], &gpus).0, ["GPU-1"]);
}

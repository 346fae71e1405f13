//! One container for every row of the specification's tables: origin, owner, GPU access, and which GPUs those are.

use std::fs;

use docker_rig::{
    BUSYBOX, CUDA, Container, Rig,
    fake_daemon::{Answer, Containers, FakeDaemon, fake_id},
    wait_until,
};
use serde_json::{Value, json};

use crate::{
    host::{A, B, C, DEADLINE, Host, MIG_0, MIG_1},
    support::{Detector, Gpus},
};

/// What an inventory must say of some containers.
#[derive(Default)]
struct Rows(Vec<(&'static str, Container, Value)>);

impl Rows {
    /// A container of this description, and what each of these fields must be. A field that is left out of the inventory
    /// is null.
    fn add(&mut self, what: &'static str, container: Container, expected: Value) {
        self.0.push((what, container, expected));
    }

    /// Scans, and compares.
    fn check(&self, host: &Host) {
        host.scan();
        let mut wrong = Vec::new();
        for (what, container, expected) in &self.0 {
            let entry = host.entry(container).unwrap_or_else(|| panic!("{what}: not in the inventory"));
            wrong.extend(differences(what, &entry, expected));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn differences(what: &str, entry: &Value, expected: &Value) -> Vec<String> {
    let fields = expected.as_object().unwrap().iter().filter(|(field, value)| entry[field.as_str()] != **value);
    fields.map(|(field, value)| format!("{what}: {field} is {}, not {value}", entry[field.as_str()])).collect()
}

/// A container that was made with these options, and not started.
fn created(host: &Host, options: &[&str]) -> Container {
    host.rig.create_container(&[options, &[BUSYBOX, "sleep", "100000"]].concat())
}

#[test]
fn every_origin() {
    let Some(host) = Host::new() else { return };
    let managed = ("ds01.managed", "true");
    let unmanaged = ("ds01.managed", "false");
    let dev = ("devcontainer.config_file", "/home/ann/.devcontainer.json");
    let compose = ("com.docker.compose.project", "web");
    let mut rows = Rows::default();
    let mut row = |what, name: &str, labels: &[(&str, &str)], origin: &str| {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("--label={key}={value}")).collect();
        // As two words: so the rig takes it for the name that it need not give itself.
        let name = ["--name".to_owned(), Rig::unique_name(name)];
        let options: Vec<&str> = name.iter().chain(&labels).map(String::as_str).collect();
        rows.add(what, created(&host, &options), json!({ "origin": origin }));
    };
    row("label ds01.managed", "ds01-test", &[managed, dev, compose], "ds01-managed");
    row("label ds01.managed=false", "ds01-test", &[unmanaged, compose], "compose");
    row("label devcontainer.*", "ds01-test", &[dev, compose], "devcontainer");
    row("label com.docker.compose.project", "vsc-ds01-test", &[compose], "compose");
    row("name vsc-*", "vsc-ds01-test", &[], "devcontainer");
    row("a name that has vsc- in it", "ds01-vsc-test", &[], "raw-docker");
    row("nothing", "ds01-test", &[], "raw-docker");
    rows.check(&host);

    for (what, container, _) in &rows.0 {
        let entry = host.entry(container).unwrap();
        let told = &entry["detected_labels"];
        if entry["origin"] == "ds01-managed" {
            assert_eq!(*told, Value::Null, "{what}");
        } else {
            let expected = json!({
                "ds01.detected": "true",
                "ds01.detected.origin": entry["origin"],
                "ds01.detected.user": "unknown",
                "ds01.detected.time": entry["detected_at"],
            });
            assert_eq!(*told, expected, "{what}");
        }
    }
}

#[test]
fn details_that_cannot_be_read_leave_the_origin_unknown() {
    let containers = Containers::new("1.41", "1.12").with_state(1, "running");
    let unreadable = format!("/v1.41/containers/{}/json", fake_id(1));
    let daemon = FakeDaemon::start(move |request| match request {
        request if request == unreadable => Answer::Error(500, "layer does not exist".to_owned()),
        request => containers.answer(request),
    });
    let daemon = daemon.unwrap();
    let detector = Detector::new().docker(daemon.socket());
    detector.run(&[]).ends_with(0);
    let inventory = detector.inventory();
    let entry = &inventory["containers"][&fake_id(1)[..12]];
    let expected = json!({ "origin": "unknown", "user": "unknown", "user_source": "unknown", "has_gpu": null,
        "gpu_access": null, "status": "running", "pid": null, "started_at": null });
    assert_eq!(differences("unreadable", entry, &expected), [""; 0]);
    assert!(entry["problem"].as_str().unwrap().contains("layer does not exist"), "{entry}");
}

#[test]
fn every_sign_of_an_owner() {
    let Some(host) = Host::new() else { return };
    let home = |owner: &str| tempfile::Builder::new().prefix(owner).tempdir_in("/home").unwrap();
    let (eve, fred) = (home("ds01-eve-"), home("ds01-fred-"));
    let owner_of = |home: &tempfile::TempDir| home.path().file_name().unwrap().to_str().unwrap().to_owned();
    let bind = |home: &tempfile::TempDir, to: &str| format!("--volume={}/data:{to}", home.path().display());
    for home in [&eve, &fred] {
        fs::create_dir(home.path().join("data")).unwrap();
    }
    let (of_eve, again, of_fred) = (bind(&eve, "/a"), bind(&eve, "/b"), bind(&fred, "/c"));

    const DS01: &str = "--label=ds01.user=bob@uni.example";
    const AIME: &str = "--label=aime.mlc.USER=10042";
    const DEV: &str = "--label=devcontainer.local_folder=/home/cara/thesis";
    const COMPOSE: &str = "--label=com.docker.compose.project.working_dir=/home/dan/web";
    const ENV: [&str; 3] = ["--env=DS01_USER=gil", "--env=NB_USER=hal", "--env=JUPYTERHUB_USER=ida"];
    const ELSEWHERE: &str = "--label=devcontainer.local_folder=/srv/thesis";
    let mut rows = Rows::default();
    let mut row = |what, options: &[&str], user: &str, source: &str| {
        rows.add(what, created(&host, options), json!({ "user": user, "user_source": source }));
    };
    row("ds01.user", &[DS01, AIME, DEV, COMPOSE, &of_eve, ENV[0]], "bob@uni.example", "label:ds01.user");
    row("aime.mlc.USER", &[AIME, DEV, COMPOSE, &of_eve], "10042", "label:aime.mlc.USER");
    row("local_folder", &[DEV, COMPOSE, &of_eve], "cara", "label:devcontainer.local_folder");
    row("local_folder elsewhere", &[ELSEWHERE, ENV[1]], "hal", "env:NB_USER");
    row("working_dir", &[COMPOSE, &of_eve], "dan", "label:com.docker.compose.project.working_dir");
    row("binds that agree", &[&of_eve, &again, "--volume=/tmp:/t", ENV[0]], &owner_of(&eve), "bind-mount");
    row("binds that disagree", &[&of_eve, &of_fred, ENV[0], ENV[1], ENV[2]], "gil", "env:DS01_USER");
    row("NB_USER", &[ENV[1], ENV[2]], "hal", "env:NB_USER");
    row("JUPYTERHUB_USER", &[ENV[2]], "ida", "env:JUPYTERHUB_USER");
    row("nobody runs it yet", &["--user=65534"], "unknown", "unknown");
    // `nobody` has this id on every Linux; no system has the other one.
    let mut row = |what, options: &[&str], user: &str, source: &str| {
        rows.add(what, host.rig.run_sleeper(options), json!({ "user": user, "user_source": source }));
    };
    row("the main process's user", &["--user=65534"], "nobody", "process-uid");
    row("a user without a name", &["--user=54321"], "unknown", "unknown");
    row("root", &[], "unknown", "unknown");
    rows.check(&host);
}

#[test]
fn every_way_to_a_gpu() {
    let Some(host) = Host::new() else { return };
    let uuids = format!("\"device={A},{MIG_1}\"");
    let visible_uuid = format!("--env=NVIDIA_VISIBLE_DEVICES={MIG_0}");
    let mut rows = Rows::default();
    let mut row = |what, options: &[&str], access: Value, devices: Value, gpus: Value| {
        let expected = json!({ "has_gpu": access != Value::Null, "gpu_access": access, "gpu_devices": devices,
            "gpus": gpus, "gpus_unresolved": null });
        rows.add(what, created(&host, options), expected);
    };
    let none = || (json!(null), json!([]), json!([]));
    let mut nothing = |what, options: &[&str]| {
        let (access, devices, gpus) = none();
        row(what, options, access, devices, gpus);
    };
    nothing("nothing", &[]);
    nothing("another device", &["--device=/dev/null:/dev/nvidia0"]);
    nothing("nvidia's runtime, void", &["--runtime=nvidia", "--env=NVIDIA_VISIBLE_DEVICES=void"]);
    nothing("nvidia's runtime, none", &["--runtime=nvidia", "--env=NVIDIA_VISIBLE_DEVICES=none"]);
    nothing("nvidia's runtime, empty", &["--runtime=nvidia", "--env=NVIDIA_VISIBLE_DEVICES="]);
    nothing("nvidia's runtime and nothing more", &["--runtime=nvidia"]);
    nothing("the environment without the runtime", &["--env=NVIDIA_VISIBLE_DEVICES=all"]);
    nothing("labels alone", &["--label=ds01.gpu.allocated=0", "--label=ds01.gpu.uuid=GPU-aaaaaaaa"]);

    let request = || json!("device-request");
    row("all", &["--gpus=all"], request(), json!(["all"]), json!([A, B, C]));
    row("a count", &["--gpus=2"], request(), json!(["0", "1"]), json!([A, B]));
    row("an index", &["--gpus=device=1"], request(), json!(["1"]), json!([B]));
    row("UUIDs", &["--gpus", &uuids], request(), json!([A, MIG_1]), json!([A, MIG_1]));
    row("the start of a UUID", &["--gpus=device=GPU-bb"], request(), json!(["GPU-bb"]), json!([B]));
    row("a request before a device", &["--gpus=1", "--device=/dev/nvidia1"], request(), json!(["0"]), json!([A]));
    let both = &["--gpus", "driver=cdi,device=nvidia.com/gpu=1"];
    row("a request that names a CDI device", both, request(), json!(["1"]), json!([B]));
    row("a device", &["--device=/dev/nvidia1"], json!("device"), json!(["/dev/nvidia1"]), json!([B]));
    row("a device that is no GPU", &["--device=/dev/nvidiactl"], json!("device"), json!([]), json!([]));
    let runtime = || json!("runtime");
    let visible = &["--runtime=nvidia", "--env=NVIDIA_VISIBLE_DEVICES=0,1"];
    row("nvidia's runtime, indices", visible, runtime(), json!(["0", "1"]), json!([A, B]));
    row("nvidia's runtime, UUID", &["--runtime=nvidia", &visible_uuid], runtime(), json!([MIG_0]), json!([MIG_0]));
    let old = &["--runtime=nvidia", "--env=CUDA_VERSION=8.0"];
    row("an old CUDA image", old, runtime(), json!(["all"]), json!([A, B, C]));

    let uuid = format!("--label=ds01.gpu.uuids={B},{MIG_0}");
    row("label uuids", &["--gpus=all", &uuid], request(), json!([B, MIG_0]), json!([B, MIG_0]));
    let uuid = format!("--label=ds01.gpu.uuid={A}");
    let both = &["--gpus=all", &uuid, "--label=ds01.gpu.allocated=1"];
    row("label uuid before allocated", both, request(), json!([A]), json!([A]));
    row("label allocated", &["--gpus=all", "--label=ds01.gpu.allocated=1"], request(), json!(["1"]), json!([B]));
    let mig = &["--gpus=all", "--label=ds01.gpu.allocated=2:1"];
    row("label allocated, MIG", mig, request(), json!(["2:1"]), json!([MIG_1]));
    let time = &["--gpus=device=0", "--label=ds01.gpu.allocated=2026-01-15T10:00:00+00:00"];
    row("label allocated, a time", time, request(), json!(["0"]), json!([A]));

    let expected = json!({ "has_gpu": true, "gpu_access": "device-request", "gpu_devices": ["0", "7", "GPU-dddd"],
        "gpus": [A], "gpus_unresolved": [
            { "device": "7", "reason": "no GPU has index 7" },
            { "device": "GPU-dddd", "reason": "no GPU or MIG instance has this UUID" },
        ] });
    rows.add("devices that are not there", created(&host, &["--gpus", "\"device=0,7,GPU-dddd\""]), expected);

    // The image brings its environment: `all`, and a version of CUDA.
    let cuda = |options: &[&str]| host.rig.run_container(&[options, &[CUDA, "sleep", "100000"]].concat());
    let all = json!({ "gpu_access": "runtime", "gpu_devices": ["all"], "gpus": [A, B, C] });
    rows.add("a CUDA image", cuda(&["--runtime=nvidia"]), all);
    let none = json!({ "has_gpu": false, "gpu_access": null, "gpu_devices": [], "gpus": [] });
    rows.add("a CUDA image without the runtime", cuda(&[]), none.clone());
    rows.add("a CUDA image, void", cuda(&["--runtime=nvidia", "--env=NVIDIA_VISIBLE_DEVICES=void"]), none);
    rows.check(&host);
}

/// The rig's daemon may be too old for a request by CDI name: this is the captured answer of one that is not.
#[test]
fn a_cdi_request() {
    const DETAILS: &str = include_str!("../../../fixtures/captured/docker/inspect-cdi.json");
    let id = serde_json::from_str::<Value>(DETAILS).unwrap()["Id"].as_str().unwrap().to_owned();
    let listed = json!({ "Id": id, "Names": ["/cdi"], "Image": "ds01-rig/cuda", "ImageID": "sha256:0",
        "Created": 1_700_000_000, "Labels": {}, "State": "running", "Status": "Up 3 seconds" });
    let containers = Containers::new("1.44", "1.24").with(&id, listed.to_string(), DETAILS);
    let daemon = FakeDaemon::start(move |request| containers.answer(request)).unwrap();
    let uuid = "GPU-8f6d2a1c-0b1e-4c3d-9a52-6d1f0e7b4c11";
    let gpu = |uuid| nvml_standin::Gpu::new(uuid, 81_920);
    let gpus = Gpus::new(&nvml_standin::Scenario::default().gpu(gpu(A)).gpu(gpu(uuid)));
    let detector = Detector::new().docker(daemon.socket()).nvml(gpus.library());
    detector.run(&[]).ends_with(0);
    let expected = json!({ "has_gpu": true, "gpu_access": "cdi", "gpu_devices": ["0", uuid], "gpus": [A, uuid],
        "gpus_unresolved": null });
    assert_eq!(differences("CDI", &detector.inventory()["containers"][&id[..12]], &expected), [""; 0]);
}

#[test]
fn every_state() {
    let Some(host) = Host::new() else { return };
    let sleeper = || host.rig.run_sleeper(&[]);
    let never = created(&host, &[]);
    let (running, paused, exited, own) = (sleeper(), sleeper(), sleeper(), host.rig.run_sleeper(&["--rm"]));
    paused.docker(&["pause"]);
    exited.docker(&["kill"]);
    let restarting = host.rig.run_container(&["--restart=always", BUSYBOX, "false"]);
    wait_until("exited", DEADLINE, || exited.inspect("{{.State.Status}}") == "exited");
    // Docker waits longer before each new attempt, so that this state soon lasts.
    wait_until("restarting", DEADLINE, || host.scanned(&restarting)["status"] == "restarting");

    let expect = |container: &Container, status: &str, up: bool, started: bool| {
        let entry = host.entry(container).unwrap();
        let told = (entry["status"].as_str().unwrap(), entry["pid"].is_u64(), entry["started_at"].is_string());
        assert_eq!(told, (status, up, started), "{entry}");
        assert_eq!(entry["image"], BUSYBOX);
    };
    expect(&never, "created", false, false);
    expect(&running, "running", true, true);
    expect(&paused, "paused", true, true);
    expect(&exited, "exited", false, true);
    expect(&own, "running", true, true);
    expect(&restarting, "restarting", false, true);
}

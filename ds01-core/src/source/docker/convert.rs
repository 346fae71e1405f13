//! From `bollard`'s types to ours: the fields that detection reads, checked.
//!
//! Both ways into this file, a well understood answer and one read leniently, come with the state as the word that
//! Docker used. An error is the reason why an answer makes no sense.

use bollard::models::{
    ContainerConfig as MadeWith, ContainerInspectResponse, ContainerSummary, HostConfig, MountPoint,
};
use jiff::Timestamp;

use super::failure::excerpt;
use crate::model::{ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest};

/// The most that is kept of any one text, in bytes: the longest path that Linux knows.
///
/// Docker sets no limit, and whoever may make containers may give one a label of megabytes; an inventory would keep it for
/// the container's life.
const LONGEST_TEXT: usize = 4096;

/// The most that is kept of any list, for the same reason: more mounts or devices than a container can use.
const LONGEST_LIST: usize = 1024;

/// What stands for the part of a text that is not kept.
const CUT: char = '…';

/// What Docker gives for a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A list that `bollard` understood.
pub(super) fn listings(summaries: Vec<ContainerSummary>) -> Result<Vec<ContainerListing>, String> {
    let words = |summary: &ContainerSummary| summary.state.map(|state| state.to_string());
    summaries.into_iter().map(|summary| listing(words(&summary), summary)).collect()
}

/// One list entry, its state given apart.
pub(super) fn listing(state: Option<String>, summary: ContainerSummary) -> Result<ContainerListing, String> {
    let id = summary.id.ok_or("an entry has no Id")?;
    let id = ContainerId::try_from(id).map_err(|error| format!("an entry's Id: {}", excerpt(&error.0)))?;
    let created = summary.created.ok_or_else(|| format!("the entry of {} has no Created", id.short()))?;
    Ok(ContainerListing {
        name: cut(own_name(summary.names.unwrap_or_default())),
        image: cut(summary.image.unwrap_or_default()),
        image_id: cut(summary.image_id.unwrap_or_default()),
        labels: summary.labels.unwrap_or_default().into_iter().map(|(key, value)| (cut(key), cut(value))).collect(),
        status: state.map(cut).ok_or_else(|| format!("the entry of {} has no State", id.short()))?.into(),
        status_text: cut(summary.status.unwrap_or_default()),
        created_at: Timestamp::from_second(created)
            .map_err(|_| format!("the entry of {} was Created at {created} s", id.short()))?,
        id,
    })
}

/// The container's own name, without its slash. Names of the form `/other/alias` were given to it by legacy links.
fn own_name(mut names: Vec<String>) -> String {
    let own = names.iter().position(|name| name.matches('/').count() == 1).unwrap_or(0);
    if names.is_empty() { String::new() } else { names.swap_remove(own).trim_start_matches('/').to_owned() }
}

/// An inspection that `bollard` understood.
pub(super) fn details(response: ContainerInspectResponse) -> Result<ContainerDetails, String> {
    let state = response.state.as_ref().and_then(|state| state.status).map(|status| status.to_string());
    details_with(state, response)
}

/// An inspection, its state given apart.
pub(super) fn details_with(
    state: Option<String>,
    response: ContainerInspectResponse,
) -> Result<ContainerDetails, String> {
    let life = response.state.unwrap_or_default();
    let made_with = response.config.unwrap_or_default();
    Ok(ContainerDetails {
        status: ContainerStatus::from(state.map(cut).ok_or("its State.Status is missing")?),
        started_at: started_at(life.started_at.as_deref().unwrap_or_default())?,
        pid: pid(life.pid.unwrap_or_default())?,
        config: config(response.host_config.unwrap_or_default(), made_with, response.mounts.unwrap_or_default()),
    })
}

fn config(host: HostConfig, made_with: MadeWith, mounts: Vec<MountPoint>) -> ContainerConfig {
    ContainerConfig {
        runtime: cut(host.runtime.unwrap_or_default()),
        stop_timeout_seconds: made_with.stop_timeout.map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX)),
        health_check: texts(made_with.healthcheck.and_then(|check| check.test).unwrap_or_default()),
        auto_remove: host.auto_remove.unwrap_or_default(),
        env: made_with
            .env
            .unwrap_or_default()
            .iter()
            .filter_map(|variable| variable.split_once('='))
            .filter(|(name, _)| ContainerConfig::ENV_KEPT.contains(name))
            .map(|(name, value)| (name.to_owned(), cut(value.to_owned())))
            .collect(),
        device_requests: short_list(host.device_requests.unwrap_or_default().into_iter().map(device_request)),
        devices: texts(host.devices.unwrap_or_default().into_iter().filter_map(|device| device.path_on_host)),
        bind_sources: texts(
            mounts.into_iter().filter(|mount| mount.typ.as_deref() == Some("bind")).filter_map(|mount| mount.source),
        ),
    }
}

fn device_request(request: bollard::models::DeviceRequest) -> DeviceRequest {
    DeviceRequest {
        driver: cut(request.driver.unwrap_or_default()),
        count: request.count.unwrap_or_default(),
        ids: texts(request.device_ids.unwrap_or_default()),
        capabilities: short_list(request.capabilities.unwrap_or_default().into_iter().map(texts)),
    }
}

fn texts(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    short_list(texts.into_iter().map(cut))
}

fn short_list<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.take(LONGEST_LIST).collect()
}

/// A text of at most [`LONGEST_TEXT`] bytes, its mark included.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT - CUT.len_utf8()));
        text.push(CUT);
        text.shrink_to_fit();
    }
    text
}

fn started_at(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() || text == NEVER {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("its State.StartedAt is {}, which is no time", excerpt(text)))
}

fn pid(number: i64) -> Result<Option<u32>, String> {
    match u32::try_from(number) {
        Ok(0) => Ok(None),
        Ok(pid) => Ok(Some(pid)),
        Err(_) => Err(format!("its State.Pid is {number}, which is no pid")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lenient, *};

    /// The captured answer `inspect-$name.json`.
    macro_rules! inspected {
        ($name:literal) => {
            include_str!(concat!("../../../../fixtures/captured/docker/inspect-", $name, ".json"))
        };
    }

    const LIST: &str = include_str!("../../../../fixtures/captured/docker/list.json");
    const INSPECTIONS: [&str; 10] = [
        inspected!("gpus-all"),
        inspected!("gpus-by-index"),
        inspected!("gpus-by-uuid"),
        inspected!("gpus-by-count"),
        inspected!("nvidia-runtime"),
        inspected!("paused"),
        inspected!("exited"),
        inspected!("restarting"),
        inspected!("aaa-linked"),
        inspected!("cdi"),
    ];

    fn read(json: &str) -> ContainerDetails {
        details(serde_json::from_str(json).unwrap()).unwrap()
    }

    fn request(driver: &str, count: i64, ids: &[&str], capabilities: &[&[&str]]) -> DeviceRequest {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let capabilities = capabilities.iter().map(|all| owned(all)).collect();
        DeviceRequest { driver: driver.to_owned(), count, ids: owned(ids), capabilities }
    }

    #[test]
    fn both_readings_agree() {
        assert_eq!(listings(serde_json::from_str(LIST).unwrap()), lenient::listings(LIST));
        for json in INSPECTIONS {
            assert_eq!(Ok(read(json)), lenient::details(json));
        }
    }

    #[test]
    fn texts_and_lists_without_end_are_cut() {
        let long = "é".repeat(LONGEST_TEXT);
        let summary = serde_json::json!({
            "Id": "ab".repeat(32), "Created": 0, "Names": [format!("/{long}")], "Image": long, "State": "running",
            "Labels": { "ds01.user": long, "ds01.managed": "true", long.as_str(): "x" }, "Status": long,
        });
        let listing = listing(Some(long.clone()), serde_json::from_value(summary).unwrap()).unwrap();
        let (word, last) = (listing.status.as_str().to_owned(), listing.labels.keys().next_back().unwrap());
        for text in [&listing.name, &listing.image, &listing.labels["ds01.user"], last, &listing.status_text, &word] {
            assert!(text.len() <= LONGEST_TEXT && text.ends_with("é…"), "{}", text.len());
        }
        assert_eq!(listing.labels["ds01.managed"], "true");

        let response = serde_json::json!({
            "Config": { "Env": [format!("NB_USER={long}")] },
            "HostConfig": { "Devices": vec![serde_json::json!({ "PathOnHost": long }); LONGEST_LIST + 1] },
        });
        let response = serde_json::from_value(response).unwrap();
        let details = details_with(Some(long), response).unwrap();
        assert!(details.status.as_str().len() <= LONGEST_TEXT);
        let config = details.config;
        assert_eq!(config.devices.len(), LONGEST_LIST);
        assert!(config.devices.iter().chain(config.env.values()).all(|text| text.len() <= LONGEST_TEXT));
        assert_eq!(cut("x".repeat(LONGEST_TEXT)), "x".repeat(LONGEST_TEXT));
    }

    #[test]
    fn a_list_entry_has_the_containers_own_name() {
        let listings = listings(serde_json::from_str(LIST).unwrap()).unwrap();
        let mut told: Vec<_> = listings.iter().map(|entry| (entry.name.as_str(), entry.status.as_str())).collect();
        told.sort_unstable();
        let expected = [
            ("aaa-linked", "created"),
            ("exited", "exited"),
            ("gpus-all", "running"),
            ("gpus-by-count", "created"),
            ("gpus-by-index", "running"),
            ("gpus-by-uuid", "created"),
            ("nvidia-runtime", "running"),
            ("paused", "paused"),
            ("restarting", "restarting"),
        ];
        assert_eq!(told, expected);
        assert!(LIST.contains("/aaa-linked/alias"), "the alias is in the list, and is nobody's name");
    }

    #[test]
    fn device_requests_are_told_as_they_stand() {
        let requests = |json| read(json).config.device_requests;
        let gpu: &[&[&str]] = &[&["gpu"]];
        assert_eq!(requests(inspected!("gpus-all")), [request("", -1, &[], gpu)]);
        assert_eq!(requests(inspected!("gpus-by-index")), [request("", 0, &["0", "1"], gpu)]);
        assert_eq!(requests(inspected!("gpus-by-count")), [request("", 2, &[], gpu)]);
        let uuid = "GPU-8f6d2a1c-0b1e-4c3d-9a52-6d1f0e7b4c11";
        assert_eq!(requests(inspected!("gpus-by-uuid")), [request("", 0, &[uuid], gpu)]);
        let names = ["nvidia.com/gpu=0", "nvidia.com/gpu=GPU-8f6d2a1c-0b1e-4c3d-9a52-6d1f0e7b4c11"];
        assert_eq!(requests(inspected!("cdi")), [request("cdi", 0, &names, &[])]);
        assert_eq!(requests(inspected!("exited")), []);
    }

    #[test]
    fn of_the_environment_and_the_mounts_only_what_is_read_is_kept() {
        let config = read(inspected!("gpus-all")).config;
        assert_eq!(config.env.into_iter().collect::<Vec<_>>(), [("NB_USER".to_owned(), "ann".to_owned())]);
        assert_eq!(config.bind_sources, ["/home/ann/vision"]);
        let config = read(inspected!("nvidia-runtime")).config;
        assert_eq!(config.runtime, "nvidia");
        assert_eq!(config.env["NVIDIA_VISIBLE_DEVICES"], "all");
        assert_eq!(read(inspected!("paused")).config.devices, ["/dev/null"]);
    }

    #[test]
    fn whether_docker_removes_it_at_its_end_is_read_both_ways() {
        assert!(!read(inspected!("gpus-all")).config.auto_remove);
        let json = inspected!("gpus-all").replace("\"AutoRemove\": false", "\"AutoRemove\": true");
        assert!(read(&json).config.auto_remove);
        assert_eq!(Ok(read(&json)), lenient::details(&json));
    }

    #[test]
    fn a_life_that_is_not_lived_has_no_pid() {
        let life = |json| {
            let details = read(json);
            (details.started_at.is_some(), details.pid.is_some())
        };
        assert_eq!(life(inspected!("gpus-all")), (true, true));
        assert_eq!(life(inspected!("paused")), (true, true));
        assert_eq!(life(inspected!("restarting")), (true, false));
        assert_eq!(life(inspected!("exited")), (true, false));
        assert_eq!(life(inspected!("gpus-by-count")), (false, false));
    }

    #[test]
    fn a_time_or_pid_that_is_none_is_said_so() {
        assert!(started_at("yesterday").unwrap_err().contains("yesterday"));
        assert!(pid(-1).is_err() && pid(i64::MAX).is_err());
    }
}

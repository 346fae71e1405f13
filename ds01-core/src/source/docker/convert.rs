//! From `bollard`'s types to ours: the fields that detection reads, checked.
//!
//! Both ways into this file, a well understood answer and one read leniently, come with the state as the word that
//! Docker used. An error is the reason why an answer makes no sense.

use bollard::models::{ContainerInspectResponse, ContainerSummary, HostConfig, MountPoint};
use jiff::Timestamp;

use super::failure::excerpt;
use crate::model::{ContainerConfig, ContainerDetails, ContainerId, ContainerListing, ContainerStatus, DeviceRequest};

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
        name: own_name(summary.names.unwrap_or_default()),
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        labels: summary.labels.unwrap_or_default().into_iter().collect(),
        status: state.ok_or_else(|| format!("the entry of {} has no State", id.short()))?.into(),
        status_text: summary.status.unwrap_or_default(),
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
    let env = response.config.and_then(|config| config.env).unwrap_or_default();
    Ok(ContainerDetails {
        status: ContainerStatus::from(state.ok_or("its State.Status is missing")?),
        started_at: started_at(life.started_at.as_deref().unwrap_or_default())?,
        pid: pid(life.pid.unwrap_or_default())?,
        config: config(response.host_config.unwrap_or_default(), env, response.mounts.unwrap_or_default()),
    })
}

fn config(host: HostConfig, env: Vec<String>, mounts: Vec<MountPoint>) -> ContainerConfig {
    ContainerConfig {
        runtime: host.runtime.unwrap_or_default(),
        env: env
            .iter()
            .filter_map(|variable| variable.split_once('='))
            .filter(|(name, _)| ContainerConfig::ENV_KEPT.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        device_requests: host.device_requests.unwrap_or_default().into_iter().map(device_request).collect(),
        devices: host.devices.unwrap_or_default().into_iter().filter_map(|device| device.path_on_host).collect(),
        bind_sources: mounts
            .into_iter()
            .filter(|mount| mount.typ.as_deref() == Some("bind"))
            .filter_map(|mount| mount.source)
            .collect(),
    }
}

fn device_request(request: bollard::models::DeviceRequest) -> DeviceRequest {
    DeviceRequest {
        driver: request.driver.unwrap_or_default(),
        count: request.count.unwrap_or_default(),
        ids: request.device_ids.unwrap_or_default(),
        capabilities: request.capabilities.unwrap_or_default(),
    }
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

//! A second reading of an answer that `bollard` rejected.
//!
//! Its types are stricter than Docker's promises: a state, restart policy or port type that a later daemon invents
//! fails the whole answer. Here all that detection does not read is dropped first, and the state is taken out as the
//! word it is; what is left goes into the same types and the same conversion as a well understood answer.

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use serde_json::{Map, Value, value::RawValue};

use super::{convert, failure::excerpt};
use crate::model::{ContainerDetails, ContainerListing};

/// The body of `GET /containers/json`.
pub(super) fn listings(contents: &str) -> Result<Vec<ContainerListing>, String> {
    let entries: Vec<&RawValue> =
        serde_json::from_str(contents).map_err(|error| rejected("a JSON list", &error, contents))?;
    // One entry at a time: a tree of a thousand of them would be the largest thing in memory.
    entries.into_iter().map(|entry| listing(entry.get())).collect()
}

/// The body of `GET /containers/ID/json`.
pub(super) fn details(contents: &str) -> Result<ContainerDetails, String> {
    let reject = |error| rejected("a container's details", &error, contents);
    let mut answer: Map<String, Value> = serde_json::from_str(contents).map_err(reject)?;
    keep(&mut answer, &["State", "Config", "HostConfig", "Mounts"]);
    let state = object(&mut answer, "State").and_then(|state| take_word(state, "Status"));
    for (field, kept) in [
        ("State", &["StartedAt", "Pid"] as &[&str]),
        ("Config", &["Env", "StopTimeout", "Healthcheck"]),
        ("HostConfig", &["Runtime", "DeviceRequests", "Devices", "AutoRemove"]),
    ] {
        if let Some(inner) = object(&mut answer, field) {
            keep(inner, kept);
        }
    }
    let response: ContainerInspectResponse = serde_json::from_value(answer.into()).map_err(reject)?;
    convert::details_with(state, response)
}

fn listing(entry: &str) -> Result<ContainerListing, String> {
    let reject = |error| rejected("a container's list entry", &error, entry);
    let mut fields: Map<String, Value> = serde_json::from_str(entry).map_err(reject)?;
    let state = take_word(&mut fields, "State");
    keep(&mut fields, &["Id", "Names", "Image", "ImageID", "Labels", "Created", "Status"]);
    let summary: ContainerSummary = serde_json::from_value(fields.into()).map_err(reject)?;
    convert::listing(state, summary)
}

fn object<'a>(fields: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    fields.get_mut(name).and_then(Value::as_object_mut)
}

fn take_word(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(word)) => Some(word),
        _ => None,
    }
}

fn keep(fields: &mut Map<String, Value>, names: &[&str]) {
    fields.retain(|name, _| names.contains(&name.as_str()));
}

fn rejected(expected: &str, error: &serde_json::Error, text: &str) -> String {
    // serde quotes the offending value in its error, and users' text can be that value.
    format!("{expected} was expected ({}): {}", excerpt(&error.to_string()), excerpt(text))
}

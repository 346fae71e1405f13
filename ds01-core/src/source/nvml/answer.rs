//! What NVML is asked, and its answers as plain data.

use std::time::Instant;

use jiff::Timestamp;
use nvml_wrapper::error::NvmlError;

use crate::model::{Reading, Unknown, UnknownKind};

/// What GPUs are asked that did something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// Since when, on the wall clock.
    pub(super) since: Timestamp,
    /// When it was asked.
    pub(super) begun: Instant,
}

pub(super) fn reading<T>(function: &str, result: Result<T, NvmlError>) -> Reading<T> {
    result.map_err(|error| unknown(function, &error)).into()
}

pub(super) fn unknown(function: &str, error: &NvmlError) -> Unknown {
    let detail = match error {
        NvmlError::GpuLost => format!("{function}: GPU is lost"),
        NvmlError::InsufficientSize(_) => format!("{function}: the list grew faster than it could be fetched"),
        error => format!("{function}: {error}"),
    };
    Unknown::new(kind(error), detail)
}

pub(super) fn kind(error: &NvmlError) -> UnknownKind {
    match error {
        NvmlError::NotSupported | NvmlError::FunctionNotFound | NvmlError::FailedToLoadSymbol(_) => {
            UnknownKind::NotSupported
        }
        NvmlError::NoPermission => UnknownKind::Denied,
        NvmlError::NotFound => UnknownKind::Gone,
        NvmlError::GpuLost | NvmlError::ResetRequired => UnknownKind::Lost,
        NvmlError::Timeout => UnknownKind::TimedOut,
        _ => UnknownKind::Failed,
    }
}

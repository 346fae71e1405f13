//! What is asked about, and one check of it.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    idle::{
        Now, Observation,
        journal::{CheckMade, Life},
    },
    model::{ContainerId, KeepAlive},
};

/// What is asked about.
#[derive(Debug, Clone)]
pub struct Window {
    /// From when on. What happened before is only taken in.
    pub from: Timestamp,
    /// Until when. What comes later is not read.
    pub until: Timestamp,
    /// In which the last day of an exemption ends.
    pub zone: TimeZone,
}

/// A check, with what it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) now: &'a Now,
    pub(super) made: &'a CheckMade,
    pub(super) supposed: bool,
    /// What was found last where keep-alive files lie, at this check or before.
    pub(super) found: &'a BTreeMap<ContainerId, KeepAlive>,
    pub(super) lives: &'a BTreeMap<ContainerId, Life>,
    pub(super) seen: &'a [Observation],
}

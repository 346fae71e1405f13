//! Everything that can be wrong with a host without stopping time: how to break it, and which rows then say what.

mod docker;
mod files;
mod gpus;
mod system;
mod timers;

pub(crate) use docker::of_docker;
pub(crate) use files::of_files;
pub(crate) use gpus::of_gpus;
pub(crate) use system::of_the_system;
pub(crate) use timers::of_timers;

use crate::{diagnosis::Expected, host::Host};

/// One thing that is wrong.
pub(crate) struct Trouble {
    pub(crate) what: &'static str,
    pub(crate) does: fn(&mut Host),
    pub(crate) shows: Vec<Expected>,
}

const DOCKER_JOURNAL: Option<&str> = Some("sudo journalctl -u docker -n 50");
const KERNEL_LOG: Option<&str> = Some("sudo journalctl -k --grep NVRM");

fn trouble(what: &'static str, does: fn(&mut Host), shows: &[Expected]) -> Trouble {
    Trouble { what, does, shows: shows.to_vec() }
}

fn and(first: Expected, others: &[Expected]) -> Vec<Expected> {
    [&[first], others].concat()
}

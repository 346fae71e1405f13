//! Looks up keep-alive files, and leaves the host as it is.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::side_by_side::side_by_side;
use crate::{
    deadline::one_by_one,
    detect::Sources,
    idle::{journal::Look, rules::KeepAlive},
    model::{ContainerId, EngineName, Reading},
    source::{ContainerControl, Controls, ProcessSource},
};

/// What a look at one path of the host may take: it can lie on a file system whose server does not answer.
const ONE_AT_MOST: Duration = Duration::from_secs(2);

/// And a look at all that are mounted into one container.
const ALL_AT_MOST: Duration = Duration::from_secs(10);

/// Looks up keep-alive files, side by side.
pub(super) fn keep_alive_files(
    sources: &Sources,
    controls: &Controls,
    look: &Look,
    asked: &[(&ContainerId, &str)],
) -> BTreeMap<ContainerId, KeepAlive> {
    let look_up = |(id, path): (&ContainerId, &str)| {
        let engine = look.inventory.container(id).map(|entry| &entry.engine);
        let file = match engine.and_then(|engine| controls.of(engine)) {
            Some(control) => KeepAlive::look_up(&sources.processes, control, id, path, look.bind_sources(id)),
            None => KeepAlive::Unreadable("its engine can't be asked".to_owned()),
        };
        (id.clone(), file)
    };
    side_by_side(asked.to_vec(), look_up).into_iter().collect()
}

impl KeepAlive {
    /// What lies at `path` in a container that has bind mounts of these paths of the host.
    ///
    /// To look into a container, Docker mounts all that is mounted into it, and makes a source that is gone anew: a directory of
    /// root's. For a source that was a file or a socket it fails from then on. So Docker is not asked once one is gone; nothing
    /// is known of the file then. Where nobody can tell, it is asked.
    pub fn look_up(
        processes: &Arc<dyn ProcessSource>,
        control: &dyn ContainerControl,
        id: &ContainerId,
        path: &str,
        bind_sources: &[String],
    ) -> Self {
        match gone(processes, bind_sources) {
            Some(source) => Self::Unreadable(format!("its bind mount's source {source} is gone from the host")),
            None => control.path_stat(id, path).into(),
        }
    }
}

/// The first of these paths that is not there.
fn gone<'a>(processes: &Arc<dyn ProcessSource>, paths: &'a [String]) -> Option<&'a String> {
    let processes = Arc::clone(processes);
    let end = Instant::now() + ALL_AT_MOST;
    let exists = move |path: &String| processes.host_path(path);
    let found = one_by_one("bind sources", paths.iter().cloned(), ONE_AT_MOST, end, exists);
    paths.iter().find(|path| matches!(found.get(*path), Some(Ok(Reading::Known(false)))))
}

impl Look {
    /// The engine that holds a container; Docker, of one that is not there any more.
    pub(super) fn engine_of(&self, id: &ContainerId) -> EngineName {
        self.inventory.container(id).map(|entry| entry.engine.clone()).unwrap_or_default()
    }

    /// The paths of the host that are mounted into a container; none of one that could not be inspected.
    pub fn bind_sources(&self, id: &ContainerId) -> &[String] {
        let config = self.inventory.container(id).and_then(|entry| entry.config.as_ref());
        config.map(|config| config.bind_sources.as_slice()).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "keep_alive_tests.rs"]
mod tests;

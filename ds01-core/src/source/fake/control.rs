//! What is done to a fake host's containers.

use std::time::Duration;

use crate::{
    model::{ContainerId, ContainerStatus},
    source::{Acted, ContainerControl, FailureKind, PathStat, SourceError, SourceName},
};

use super::{Change, FakeHost, State};

/// Something that was done to a container, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// It was stopped, with so much grace.
    Stop(String, Duration),
    /// It was unpaused.
    Unpause(String),
    /// It was removed.
    Remove(String),
}

impl FakeHost {
    /// What was done to containers so far, in its order.
    pub fn orders(&self) -> Vec<Order> {
        self.state().orders.clone()
    }
}

impl State {
    fn name_of(&self, id: &ContainerId) -> Option<(usize, String)> {
        let index = self.containers.iter().position(|container| container.id == *id)?;
        Some((index, self.containers[index].name.clone()))
    }
}

fn refused(words: impl Into<String>) -> SourceError {
    SourceError::failed(SourceName::DOCKER, FailureKind::Erred, words)
}

impl ContainerControl for FakeHost {
    fn path_stat(&self, id: &ContainerId, _path: &str) -> Result<PathStat, SourceError> {
        let mut state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        let Some((index, _)) = state.name_of(id) else { return Ok(PathStat::Absent) };
        let (file, binds) = {
            let container = &state.containers[index];
            (container.keep_alive, container.config.bind_sources.clone())
        };
        state.missing_paths.retain(|path| !binds.contains(path));
        Ok(file.map_or(PathStat::Absent, PathStat::File))
    }

    fn stop(&self, id: &ContainerId, grace: Duration) -> Result<Acted, SourceError> {
        let mut state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        let Some((index, name)) = state.name_of(id) else { return Ok(Acted::Gone) };
        if state.containers[index].refuses_stop {
            return Err(refused(format!("{name} does not stop, as the scenario says")));
        }
        state.orders.push(Order::Stop(name.clone(), grace));
        if state.containers[index].status.is_up() {
            let change = Change { status: Some(ContainerStatus::Exited), ..Change::default() };
            state.change_container(&name, &change).map_err(refused)?;
            if state.containers[index].config.auto_remove {
                state.remove_container(&name).map_err(refused)?;
            }
        }
        Ok(Acted::Done)
    }

    fn unpause(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let mut state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        let Some((index, name)) = state.name_of(id) else { return Ok(Acted::Gone) };
        if state.containers[index].status != ContainerStatus::Paused {
            return Err(refused(format!("{name} is not paused")));
        }
        state.containers[index].status = ContainerStatus::Running;
        state.orders.push(Order::Unpause(name));
        Ok(Acted::Done)
    }

    fn remove(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let mut state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        let Some((index, name)) = state.name_of(id) else { return Ok(Acted::Gone) };
        if state.containers[index].status.is_up() {
            return Err(refused(format!("{name} runs")));
        }
        state.remove_container(&name).map_err(refused)?;
        state.orders.push(Order::Remove(name));
        Ok(Acted::Done)
    }
}

impl FakeHost {
    /// Touches the keep-alive file of a container, or makes it.
    ///
    /// # Errors
    ///
    /// When there is no such container.
    pub fn touch_keep_alive(&self, name: &str) -> Result<(), String> {
        let mut state = self.state();
        let (index, now) = (state.container(name)?, state.now);
        state.containers[index].keep_alive = Some(now);
        Ok(())
    }
}

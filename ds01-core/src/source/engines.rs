//! The container engines of one host: the doors to them, and who acts on each.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{ContainerControl, ContainerSource};
use crate::model::EngineName;

/// One container engine.
#[derive(Clone)]
pub struct Engine {
    /// Which.
    pub name: EngineName,
    /// The door to it.
    pub source: Arc<dyn ContainerSource>,
}

impl Engine {
    /// The host's Docker daemon, behind this door.
    pub fn docker(source: Arc<dyn ContainerSource>) -> Self {
        Self { name: EngineName::DOCKER, source }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Who acts on the containers of each engine: what one holds is never asked of another.
#[derive(Clone, Default)]
pub struct Controls(BTreeMap<EngineName, Arc<dyn ContainerControl>>);

impl Controls {
    /// Of the host's Docker daemon alone.
    pub fn docker(control: Arc<dyn ContainerControl>) -> Self {
        Self::default().with(EngineName::DOCKER, control)
    }

    /// The same, with one more engine.
    #[must_use]
    pub fn with(mut self, engine: EngineName, control: Arc<dyn ContainerControl>) -> Self {
        self.0.insert(engine, control);
        self
    }

    /// Who acts on the containers of this engine.
    pub fn of(&self, engine: &EngineName) -> Option<&dyn ContainerControl> {
        self.0.get(engine).map(|control| &**control)
    }
}

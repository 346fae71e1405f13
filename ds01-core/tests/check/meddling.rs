//! An engine on which something happens between what a check decides and what it does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use ds01_core::{
    model::{ContainerId, ContainerListing},
    source::{self, Acted, ContainerControl, ContainerSource, Inspection, PathStat, SourceError, fake::FakeHost},
};

use crate::bench::Bench;

/// Something that happens once.
type Happening = Box<dyn FnOnce(&FakeHost) + Send>;
/// What an order does instead.
type Stop = Box<dyn Fn(&FakeHost, &ContainerId, Duration) -> Result<Acted, SourceError> + Send + Sync>;
type Order = Box<dyn Fn(&FakeHost, &ContainerId) -> Result<Acted, SourceError> + Send + Sync>;

/// The engine of a host, told to misbehave.
pub(crate) struct Engine {
    host: FakeHost,
    happening: Mutex<Option<Happening>>,
    /// Inspections that were asked for since something was to happen: the first ones are the look's.
    looked: Mutex<bool>,
    pub(crate) files: Mutex<BTreeMap<String, Result<PathStat, SourceError>>>,
    pub(crate) stop: Mutex<Option<Arc<Stop>>>,
    pub(crate) unpause: Mutex<Option<Arc<Order>>>,
    pub(crate) remove: Mutex<Option<Arc<Order>>>,
    pub(crate) inspect: Mutex<Option<SourceError>>,
}

impl Engine {
    /// Puts itself into the doors of `bench`.
    pub(crate) fn of(bench: &mut Bench) -> Arc<Self> {
        let engine = Arc::new(Self {
            host: bench.host.clone(),
            happening: Mutex::default(),
            looked: Mutex::default(),
            files: Mutex::default(),
            stop: Mutex::default(),
            unpause: Mutex::default(),
            remove: Mutex::default(),
            inspect: Mutex::default(),
        });
        bench.control = engine.clone();
        bench.sources.engines = vec![source::Engine::docker(engine.clone())];
        engine
    }

    /// Lets this happen once the next check has decided, before it looks at a container again.
    pub(crate) fn then(&self, happening: impl FnOnce(&FakeHost) + Send + 'static) {
        *self.looked.lock().unwrap() = false;
        *self.happening.lock().unwrap() = Some(Box::new(happening));
    }

    /// Stops in another way from now on.
    pub(crate) fn stops(
        &self,
        stop: impl Fn(&FakeHost, &ContainerId, Duration) -> Result<Acted, SourceError> + Send + Sync + 'static,
    ) {
        *self.stop.lock().unwrap() = Some(Arc::new(Box::new(stop)));
    }

    fn happen(&self) {
        let happening = self.happening.lock().unwrap().take();
        if let Some(happening) = happening {
            happening(&self.host);
        }
    }
}

/// The name of a container that is listed.
pub(crate) fn name_of(host: &FakeHost, id: &ContainerId) -> Option<String> {
    host.list().ok()?.into_iter().find(|listing| listing.id == *id).map(|listing| listing.name)
}

impl ContainerSource for Engine {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        self.host.list()
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        // The look inspects all at once, and first; what comes after it looks at one container again.
        let looked = std::mem::replace(&mut *self.looked.lock().unwrap(), true);
        if looked {
            self.happen();
            if let Some(error) = &*self.inspect.lock().unwrap() {
                return Err(error.clone());
            }
        }
        self.host.inspect(ids)
    }
}

impl ContainerControl for Engine {
    fn path_stat(&self, id: &ContainerId, path: &str) -> Result<PathStat, SourceError> {
        match name_of(&self.host, id).and_then(|name| self.files.lock().unwrap().get(&name).cloned()) {
            Some(answer) => answer,
            None => self.host.path_stat(id, path),
        }
    }

    fn stop(&self, id: &ContainerId, grace: Duration) -> Result<Acted, SourceError> {
        let stop = self.stop.lock().unwrap().clone();
        stop.map_or_else(|| self.host.stop(id, grace), |stop| stop(&self.host, id, grace))
    }

    fn unpause(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let unpause = self.unpause.lock().unwrap().clone();
        unpause.map_or_else(|| self.host.unpause(id), |unpause| unpause(&self.host, id))
    }

    fn remove(&self, id: &ContainerId) -> Result<Acted, SourceError> {
        let remove = self.remove.lock().unwrap().clone();
        remove.map_or_else(|| self.host.remove(id), |remove| remove(&self.host, id))
    }
}

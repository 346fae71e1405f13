//! What else happens to a fake host's clocks than that time passes.

use jiff::SignedDuration;

use super::{Change, FakeHost};

impl FakeHost {
    /// Sets the wall clock, either way. The boot clock goes on as if nothing had happened.
    pub fn set_wall_clock(&self, by: SignedDuration) {
        let mut state = self.state();
        state.now += by;
        state.booted_at += by;
    }

    /// Boots the host anew: the boot clock begins at zero, and what ran is started again.
    ///
    /// # Errors
    ///
    /// When a container can't be started.
    pub fn reboot(&self) -> Result<(), String> {
        let mut state = self.state();
        state.booted_at = state.now;
        state.boots += 1;
        state.host.boot_id = format!("5f3a1c9e-0d42-4b7a-9c55-{:012x}", state.boots);
        state.processes.clear();
        let up = state.containers.iter().filter(|container| container.status.is_up());
        let names: Vec<String> = up.map(|container| container.name.clone()).collect();
        names.iter().try_for_each(|name| state.change_container(name, &Change { restart: true, ..Change::default() }))
    }
}

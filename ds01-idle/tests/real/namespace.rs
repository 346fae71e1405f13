//! Tests that mount, in a mount namespace of their own.

use docker_rig::Rig;
pub(crate) use docker_rig::namespace::mount;

/// Whether this is the test of that name inside its namespace. Outside it is run again there, but where there is no rig, and so
/// perhaps no right to mount.
pub(crate) fn inside(test: &str) -> bool {
    docker_rig::namespace::inside(test, || Rig::from_env().is_some())
}

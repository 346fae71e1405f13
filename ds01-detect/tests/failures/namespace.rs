//! Tests that mount, in a mount namespace of their own.

pub(crate) use docker_rig::namespace::mount;

use crate::as_root;

/// Whether this is the test of that name inside its namespace. Outside it is run again there.
pub(crate) fn inside(test: &str) -> bool {
    docker_rig::namespace::inside(test, || as_root("mounting"))
}

//! What whoever may not read something is told.

use std::path::Path;

/// What happened, and on lines of their own what to do.
pub(crate) fn may_not_read(path: &Path) -> String {
    format!(
        "may not read {}.\n\
         Join the group that owns it (usually docker): `sudo usermod -aG docker $USER`, then log in again;\n\
         or run this as root.",
        path.display()
    )
}

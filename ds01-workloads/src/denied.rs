//! What whoever may not read something is told.

use std::path::Path;

/// What happened, and on lines of their own what to do.
pub(crate) fn may_not_read(path: &Path) -> String {
    format!(
        "may not read {}: it is for root, and for the group that owns it (usually docker).\n\
         What everybody may see is shown by `ds01-workloads` and `ds01-workloads --by-gpu`, where the policy allows it\n\
         (public_view). For more, ask an administrator: a member of the group docker is as good as root.",
        path.display()
    )
}

//! What whoever may not read something is told.

use std::path::Path;

/// What somebody may see who may see nothing that is for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Perhaps what is his own, which he did not ask for.
    Own,
    /// Nothing.
    Nothing,
}

/// What happened, and on lines of their own what to do.
pub(crate) fn may_not_read(path: &Path) -> String {
    format!(
        "{}\n\
         What everybody may see is shown by `ds01-workloads` and `ds01-workloads --by-gpu`, where the policy allows it\n\
         (public_view). For more, ask an administrator: {AS_ROOT}",
        refused(path)
    )
}

/// The same where the inventory is meant, and nothing of it is for everybody.
pub(crate) fn nothing_public(path: &Path, left: Left) -> String {
    let own = match left {
        Left::Own => "`ds01-workloads` shows what is yours, if anything is.",
        Left::Nothing => "Nothing that is yours was seen either.",
    };
    format!(
        "{}\n\
         Nothing of it is for everybody here: the policy says so (public_view: off), or no scan was made since the host started.\n\
         {own} For more, ask an administrator: {AS_ROOT}",
        refused(path)
    )
}

/// Why an administrator is asked, and not for that group.
const AS_ROOT: &str = "a member of the group docker is as good as root.";

fn refused(path: &Path) -> String {
    format!("may not read {}: it is for root, and for the group that owns it (usually docker).", path.display())
}

//! Why it is not known who holds a GPU: in words for admins, and what everybody may read of them.

/// A reason that names nobody. Words for admins can follow.
pub(super) const ANY_GPU: &str = "a running container can have any GPU, and nobody can tell which";

/// Another: it is used, and whoever uses it is not to be seen.
pub(super) const USED: &str = "it is used, and nobody is seen on it";

/// The same, with what an admin can do.
pub(super) fn used() -> String {
    format!("{USED}; where it stays so, see `ds01-idle suspicions`: its counter may stand still")
}

/// Words of engines, the driver and the kernel about what they could not do can name containers and processes.
const FOR_ADMINS: &str = "it could not be looked at";

/// What everybody may read of it.
pub(super) fn for_everybody(why: &str) -> &'static str {
    doubt(why).unwrap_or(FOR_ADMINS)
}

/// The reason that names nobody, where it is one for which nothing failed.
pub(super) fn doubt(why: &str) -> Option<&'static str> {
    [ANY_GPU, USED].into_iter().find(|reason| why.starts_with(reason))
}

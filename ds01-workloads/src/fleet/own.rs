//! What of a sample is ds01's own: labels and times.

use jiff::Timestamp;

use super::answer::Labels;

/// Labels that say what a series is about, and not where it comes from.
const OWN: [&str; 14] = [
    "__name__",
    "gpu",
    "id",
    "image",
    "model",
    "name",
    "profile",
    "source",
    "status",
    "type",
    "user",
    "user_source",
    "uuid",
    "version",
];

/// What a target's own label of that name is called when the scrape configuration has set it, too.
const MOVED: &str = "exported_";

/// The labels of a sample by ds01's own names.
pub(super) struct Own<'a> {
    labels: &'a Labels,
    /// The label that names the host: of that name, ds01's own has been moved.
    host_label: &'a str,
}

impl<'a> Own<'a> {
    pub(super) fn of(labels: &'a Labels, host_label: &'a str) -> Self {
        Self { labels, host_label }
    }

    /// The value of one of ds01's labels.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let moved = self.labels.get(&format!("{MOVED}{name}"));
        moved.or_else(|| self.labels.get(name).filter(|_| name != self.host_label))
    }

    /// The same as text of its own.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(ToOwned::to_owned)
    }
}

/// Whether a label is one of these.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name.strip_prefix(MOVED).unwrap_or(name))
}

/// A figure of seconds since 1970 as an instant; none for one that is no time of this world.
pub(super) fn instant(seconds: f64) -> Option<Timestamp> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a float becomes the nearest integer, and one that is too large no time"
    )]
    Timestamp::from_millisecond((seconds * 1e3) as i64).ok().filter(|_| seconds > 0.0)
}

//! How often what was done and told, since counting began: what a time series database makes rates of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Details;

/// The most channels that are told apart: each hook is one.
const MOST_CHANNELS: usize = 32;

/// What stands for all channels beyond that.
const OTHERS: &str = "others";

/// How often, by a word and a word that goes with it.
pub type ByWords = BTreeMap<String, BTreeMap<String, u64>>;

/// Counters that only grow. They are kept in the same file as what they count, so a check that is killed counts nothing twice
/// that it does not also do twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By action (`warned`, `stopped`, `removed`, `stop_failed`, `remove_failed`), and by its cause (`idle`, `max_runtime`, `held`,
    /// `never_started`).
    #[serde(default)]
    pub actions: ByWords,
    /// Notices by channel, and by what became of them (`delivered`, `written`, `failed`).
    #[serde(default)]
    pub notices: ByWords,
}

impl Counts {
    /// Whether nothing was counted yet.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.notices.is_empty()
    }

    /// Counts what an event says. One of a stop or removal that failed does not say why it was to be: see
    /// [`action`](Self::action).
    pub fn event(&mut self, details: &Details) {
        match details {
            Details::IdleWarning { .. } => self.action("warned", "idle"),
            Details::RuntimeWarning { .. } => self.action("warned", "max_runtime"),
            Details::RemovalWarning { .. } => self.action("warned", "held"),
            Details::IdleKill { .. } => self.action("stopped", "idle"),
            Details::RuntimeKill { .. } => self.action("stopped", "max_runtime"),
            Details::ContainerRemoved { .. } => self.action("removed", "held"),
            Details::CreatedCleanup { .. } => self.action("removed", "never_started"),
            Details::NoticeDelivered { channel, .. } => self.notice(channel, "delivered"),
            Details::NoticeWritten { channel, .. } => self.notice(channel, "written"),
            Details::NoticeFailed { channel, .. } => self.notice(channel, "failed"),
            _ => {}
        }
    }

    /// Counts an action.
    pub fn action(&mut self, action: &str, cause: &str) {
        one_more(&mut self.actions, action, cause);
    }

    fn notice(&mut self, channel: &str, result: &str) {
        let known = self.notices.contains_key(channel) || self.notices.len() < MOST_CHANNELS;
        one_more(&mut self.notices, if known { channel } else { OTHERS }, result);
    }
}

fn one_more(counts: &mut ByWords, word: &str, other: &str) {
    let count = counts.entry(word.to_owned()).or_default().entry(other.to_owned()).or_default();
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(channel: &str) -> Details {
        Details::NoticeFailed {
            container: "c".to_owned(),
            container_id: "ab".repeat(32).parse().unwrap(),
            severity: "warning",
            channel: channel.to_owned(),
            recipient: "alice".to_owned(),
            error: "nobody is there".to_owned(),
        }
    }

    #[test]
    fn each_event_counts_once_and_channels_are_bounded() {
        let mut counts = Counts::default();
        counts.event(&failed("terminals"));
        counts.event(&failed("terminals"));
        assert_eq!(counts.notices["terminals"]["failed"], 2);
        (0..100).for_each(|n| counts.event(&failed(&format!("hook:{n}"))));
        assert_eq!(counts.notices.len(), MOST_CHANNELS + 1);
        let all: u64 = counts.notices.values().flat_map(BTreeMap::values).sum();
        assert_eq!(all, 102, "none is lost");
        assert!(counts.actions.is_empty());
    }
}

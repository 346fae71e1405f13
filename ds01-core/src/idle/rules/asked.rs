//! Whether somebody who asks to keep a container may, and for how long.

use std::{borrow::Cow, time::Duration};

use crate::{
    detect::{UserSource, inventory::Extra},
    duration::whole_seconds,
    idle::{evidence::ContainerFacts, state::Kept},
    model::{Asked, Now},
    text::sanitize,
    units::millis,
};

/// So much of the reason is kept, in characters.
pub const LONGEST_WHY: usize = 100;

impl Asked {
    /// What is remembered once it is granted, after what was asked `before`; `most` is how long a container may be kept in one
    /// idle spell, counted from the first request.
    ///
    /// Root is an admin: what root asks for has no limit. Nobody else's request makes an earlier one shorter: who else may have
    /// made a file of a user's, nobody knows.
    ///
    /// # Errors
    ///
    /// Why it is not granted.
    pub fn granted(
        &self,
        before: Option<&Kept>,
        most: Option<Duration>,
        facts: &ContainerFacts,
        now: &Now,
    ) -> Result<Kept, String> {
        let most = most.filter(|_| self.uid != 0);
        if most == Some(Duration::ZERO) {
            return Err("the policy lets nobody keep it (keep_max is 0s)".to_owned());
        }
        // A request that is dated ahead begins now.
        let age = Duration::try_from(now.at.duration_since(self.at)).unwrap_or_default();
        let wanted = self.span.saturating_sub(age);
        if wanted.is_zero() {
            return Err("the time that was asked for was over before a check read it".to_owned());
        }
        let used = before.filter(|kept| !kept.anew).map_or(age, Kept::used);
        let left = most.map_or(wanted, |most| wanted.min(most.saturating_sub(used)));
        if left.is_zero() {
            let most = whole_seconds(most.unwrap_or_default());
            return Err(format!(
                "it was kept for {most} since it last worked, which is the most (keep_max); an administrator can keep it on"
            ));
        }
        let before = before.filter(|kept| self.uid != 0 && kept.left() > Some(left));
        if let Some(kept) = before.filter(|kept| kept.uid == 0) {
            return Err(format!("{} keeps it for longer", kept.by));
        }
        let left = before.and_then(Kept::left).unwrap_or(left);
        Ok(Kept {
            by: bounded(&self.by).into_owned(),
            uid: self.uid,
            why: self.why.as_deref().map(str::trim).filter(|why| !why.is_empty()).map(|why| bounded(why).into_owned()),
            at: now.at,
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            left_ms: millis(left),
            used_ms: millis(used),
            anew: false,
            started_at: facts.started_at,
            extra: Extra::new(),
        })
    }
}

/// A user's text, made safe and at most [`LONGEST_WHY`] characters long.
fn bounded(text: &str) -> Cow<'_, str> {
    let clean = sanitize(text);
    match clean.char_indices().nth(LONGEST_WHY) {
        Some((end, _)) => Cow::Owned(clean[..end].to_owned()),
        None => clean,
    }
}

/// What speaks for somebody being a container's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// Whose it is. Users' text.
    pub user: Option<&'a str>,
    /// What says so.
    pub source: UserSource,
    /// That user's id. `None` where the name service did not tell.
    pub uid: Option<u32>,
    /// Of whose home directory something is mounted into it, where all such mounts agree.
    pub home: Option<&'a str>,
    /// To whom the directories belong that are mounted into it and are not root's, by user id. `None` where there are none, where
    /// they do not agree, and where one could not be looked at.
    pub directories: Option<u32>,
    /// The user whose own container engine holds it, if one does: what it holds is his, whatever it says.
    pub engine: Option<u32>,
    /// As whom its main process runs, by the kernel's word. `None` where that could not be told.
    pub main_uid: Option<u32>,
}

/// Whether the user of this id may keep a container.
///
/// Whoever makes a container chooses its labels and environment, and so names whom he likes. So they only count together with
/// something that is more than a name: its main process runs as this user, or what is mounted into it is his: his home directory,
/// or directories that belong to him by the kernel's word. Root may keep anybody's.
///
/// # Errors
///
/// Why he may not.
pub fn may_keep(uid: u32, owner: &Owner<'_>) -> Result<(), String> {
    if let Some(his) = owner.engine {
        let may = uid == 0 || uid == his;
        return if may {
            Ok(())
        } else {
            Err(format!("it is held by the own container engine of the user with id {his}"))
        };
    }
    let runs_as = owner.main_uid == Some(uid);
    if uid == 0 || (owner.source == UserSource::ProcessUid && runs_as) {
        return Ok(());
    }
    let Some(user) = owner.user else { return Err("nobody knows whose it is".to_owned()) };
    if owner.uid != Some(uid) {
        return Err(format!("it belongs to {user}, by its {}", owner.source));
    }
    let is_mounted = match owner.home {
        Some(home) => home == user,
        None => owner.directories == Some(uid),
    };
    if runs_as || is_mounted {
        return Ok(());
    }
    Err(format!(
        "only its {} says that it is theirs: its main process does not run as them, and no directory of theirs alone is mounted into it",
        owner.source
    ))
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;

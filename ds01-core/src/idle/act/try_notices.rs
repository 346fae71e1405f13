//! Trying the ways of notices.

use std::{path::Path, time::Duration};

use super::{check::LOCK_NAME, checked::CheckError};
use crate::{
    idle::notice::{Channels, Delivery, Message},
    store::Store,
};

/// Tells a user on each way that any notice takes, and the others only if that is asked for. Meanwhile there is no check: both
/// would write the same files.
///
/// # Errors
///
/// When a check was under way for all of `limit`, or the state directory is of no use. Nobody was told then.
pub fn try_notices(
    state_dir: &Path,
    limit: Duration,
    channels: &Channels,
    message: &Message<'_>,
    others_too: bool,
) -> Result<Vec<Delivery>, CheckError> {
    let store = Store::open(state_dir)?;
    let _lock = store.lock(LOCK_NAME, limit)?;
    Ok(channels.try_out(message, others_too))
}

//! The ways to people, as the policy and the paths of a request say.

use std::path::{Path, PathBuf};

use ds01_core::{
    cli::places,
    idle::{Channels, Others, People, user_ids},
    policy::Notify,
};

/// All of them on this host, whose procfs is at `proc`.
pub(crate) fn channels(notify: &Notify, config: &Path, state_dir: &Path, proc: PathBuf, others: Others) -> Channels {
    let people = People {
        dev: "/dev".into(),
        proc,
        user_id: user_ids(|name| users::get_user_by_name(name).map(|user| user.uid())),
        despite_mesg: notify.despite_mesg,
        others: if notify.wall { others } else { Others::Silent },
    };
    let (outbox, login) = (places::outbox(config, state_dir), places::login(state_dir));
    Channels { people, notify: notify.clone(), outbox, login }
}

//! One look at the fleet.

use jiff::Timestamp;

use super::{
    demo,
    plan::Plan,
    seen::{Failure, Seen},
};

impl Plan {
    /// Looks.
    pub(crate) fn look(&self) -> Result<Seen, Failure> {
        match self {
            Self::Prometheus(prometheus) => prometheus.look(),
            Self::Ssh(ssh) => Ok(ssh.look()),
            Self::Demo => Ok(demo::fleet(Timestamp::now())),
        }
    }
}

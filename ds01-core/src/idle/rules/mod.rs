//! Who is warned, stopped or removed, and why: the policy held against what was seen and what is remembered. Pure.
//!
//! ```text
//! Case -> Rule::matches, in their order -> Reason -> decide -> Decision; all of one check: Plan
//! ```

mod asked;
mod case;
mod decide;
mod decision;
mod demand;
mod event;
mod held;
mod keep_alive;
mod plan;
mod policy;
mod recheck;
mod record;
mod rule;
mod settle;
mod supposed;
mod trail;
mod trust;

pub use asked::{LONGEST_WHY, Owner, may_keep};
pub use case::Case;
pub(crate) use decide::warned_again;
pub use decide::{LONGEST_OWN_GRACE, asks_keep_alive, decide};
pub use decision::{Action, Decision, Next, Removal, Waits};
pub use event::{event, high_demand, released};
pub(crate) use held::hold_after_stop;
pub use keep_alive::{CLOCK_TOLERANCE, Keeping};
pub use plan::{Check, Plan};
pub use policy::ContainerPolicy;
pub use recheck::{Changed, Reread, recheck};
pub use rule::{Reason, Rule};
pub use supposed::{Supposed, supposed};
pub use trail::{Step, trail};
pub(crate) use trust::infrastructure;
pub use trust::{dev_container_by, type_that_counts, type_without};

pub use crate::model::{Asked, Demand, KeepAlive};

//! What looks wrong, for an admin to judge: a report, and never a reason to stop anybody. Pure.
//!
//! ```text
//! Case, Habits, Inventory -> one file a kind -> Suspicion
//! ```
//!
//! Each kind asks for what work does not look like, for long, and says nothing where something is not known. What it can't tell from
//! work is written down in `docs/suspicions.md`.

mod dead;
mod exempt;
mod find;
mod finding;
mod hung;
mod idle_power;
mod kept;
mod kept_busy;
mod known;
mod latched;

pub use find::find;
pub use finding::Suspicion;
pub use known::Known;

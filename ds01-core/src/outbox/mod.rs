//! Notices on their way through programs of the admin's (hooks): an outbox that root writes, and results that root reads
//! without trusting them.
//!
//! ```text
//! check (root)  -> outbox/ID.json            one notice, and the hooks that are to have it
//! deliverer     -> runs each hook            as a user of its own, with a deadline, again and again for a day
//!               -> results/ID.HOOK           pending, delivered or failed
//! next check    -> reads the results of what it wrote itself, logs them, and removes what is done
//! ```
//!
//! A check never waits for a hook, and never writes where the deliverer can. A result is only looked for under names that the
//! outbox gives, read up to a limit, and says nothing but whether a notice arrived.
//!
//! What a crash can do, at any point: a check that is killed between logging a result and remembering so logs it again; a
//! deliverer that is killed between the end of a hook and writing that down runs the hook again. Nothing is lost.

mod deliver;
mod entry;
mod foreign;
mod hooks;
mod post;
mod program;
mod progress;

pub use deliver::{Deliverer, Round};
pub use entry::{About, Entry, SCHEMA_VERSION};
pub(crate) use hooks::is_hook_name;
pub use hooks::{Hooks, hooks};
pub use post::{Ended, News, Outbox, Standing};
pub use program::LIMIT;
pub use progress::FIRST_PAUSE;

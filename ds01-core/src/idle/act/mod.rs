//! Checking the host and doing what was decided. This room touches the machine.

mod carry_out;
mod check;
mod checked;
mod drops;
mod judge;
mod keep_alive;
mod look_back;
mod made;
mod news;
mod refusals;
mod requests;
mod side_by_side;
mod stop;
mod suspect;
mod tell_again;
mod told_metrics;
mod try_notices;
mod waits;

pub use check::{preview, preview_after, run};
pub use checked::{CheckError, CheckOptions, Checked, Hands, Outcome};
pub use drops::{KEEP_DIR, LONGEST_NOTICE, Request, drop_request, keep_dir};
pub use try_notices::try_notices;

//! What the command lines of ds01's programs have in common (feature `cli`): where the sources of a scan are, what
//! standard output can show, and how each program makes its own shell completions and man page from the definitions that
//! its `--help` is made from.
//!
//! Packaging asks each program for them with the hidden option `--generate`:
//!
//! ```sh
//! ds01-workloads --generate man > ds01-workloads.1
//! ds01-workloads --generate completions-bash > ds01-workloads.bash
//! ```

mod generate;
mod output;
mod sources;

pub use generate::Generate;
pub use output::{colored, stdout_medium};
pub use sources::{Doors, SourceArgs};

//! What the command lines of ds01's programs have in common (feature `cli`): where the sources of a scan are, and how each
//! program makes its own shell completions and man page from the definitions that its `--help` is made from.
//!
//! Packaging asks each program for them with the hidden option `--generate`:
//!
//! ```sh
//! ds01-workloads --generate man > ds01-workloads.1
//! ds01-workloads --generate completions-bash > ds01-workloads.bash
//! ```

pub mod console;
mod generate;
mod sources;

pub use console::Console;
pub use generate::Generate;
pub use sources::{Doors, SourceArgs};

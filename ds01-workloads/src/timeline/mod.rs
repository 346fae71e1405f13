//! `ds01-workloads timeline`: who had which GPU when, as a picture.
//!
//! ```text
//! journal -> pieces -> Grid: who held what in which cell of time -> rows -> terminal
//!                                                                        -> page
//! ```

mod args;
mod axis;
mod cast;
mod draw;
mod grid;
mod legend;
mod page;
mod rows;
mod run;
mod save;

pub(crate) use args::TimelineArgs;
pub(crate) use run::{Failure, run};

#[cfg(test)]
mod tests;

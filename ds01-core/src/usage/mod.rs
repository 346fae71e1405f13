//! CPU time and memory of containers and processes, read from cgroupfs and `/proc`.
//!
//! Neither Docker nor privilege is needed: a container's control group is found through its main process's
//! `/proc/PID/cgroup`, and its counters are readable by everyone. Control groups of version 1, version 2 and both at once
//! (hybrid) are understood. Paths of the two file systems are given, so that tests and containers can move them.

mod cgroup;
mod file;
mod meter;
mod process;
mod sample;

pub use meter::{Meter, Roots};
pub use sample::{Usage, cpu_percent, measure};

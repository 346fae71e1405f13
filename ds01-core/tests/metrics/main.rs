//! What Prometheus is told of a host, and that it can read it.

#![expect(clippy::unwrap_used, reason = "a test")]

mod counters;
mod hostile;
mod lab;
mod sources;
mod told;
mod writers;

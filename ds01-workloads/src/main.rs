//! ds01-workloads.

fn main() {}

//! ds01-detect.

fn main() {}

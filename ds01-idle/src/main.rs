//! ds01-idle.

fn main() {}

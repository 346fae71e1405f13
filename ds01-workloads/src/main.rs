//! `ds01-workloads`: see the library of that name, which is all of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ds01_workloads::main()
}

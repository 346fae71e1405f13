//! The example for other programs does what it says.

#[path = "../examples/own_source.rs"]
mod example;

#[test]
fn the_public_api_is_enough_for_a_source_a_scan_a_policy_and_a_verdict() {
    example::main().unwrap();
}

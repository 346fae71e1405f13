//! Tests that mount: each runs a second time, in a mount namespace that ends with it.

use std::{env, path::Path, process::Command};

use docker_rig::Rig;

/// Set where a test runs a second time: inside the namespace.
const INSIDE: &str = "DS01_TEST_IN_NAMESPACE";

/// Whether this is the test of that name inside a mount namespace of its own. Outside it is run again there, to its end;
/// where there is no rig, and so perhaps no right to mount, it is not.
pub(crate) fn inside(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    if Rig::from_env().is_some() {
        // Inside, nothing that is mounted on can be removed. Here, nothing is mounted.
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command.arg("--mount").arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
        let ended = command.env(INSIDE, "yes").env("TMPDIR", dir.path()).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && told.contains("1 passed"), "{told}");
    }
    false
}

/// Mounts something, for the test inside alone.
pub(crate) fn mount(args: &[&str], at: &Path) {
    assert!(Command::new("mount").args(args).arg(at).status().unwrap().success());
}

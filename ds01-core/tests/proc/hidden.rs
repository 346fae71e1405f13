//! A proc mounted with `hidepid`, seen by a user without privilege.

use std::{env, fs, path::Path, process::Command, thread};

use ds01_core::source::{ProcessError, ProcessSource, proc::ProcFs};

use crate::support::{become_other_user, is_root};

/// Set where this test runs a second time: inside the namespaces, with `hidepid` in force.
const MOUNTED_AT: &str = "DS01_TEST_HIDEPID_MOUNTED_AT";

/// The test runs itself again in pid and mount namespaces of its own, where process 1 is a shell of root. Older kernels
/// have one `hidepid` for all mounts of a pid namespace, so a mount namespace alone would not keep the host out of it.
#[test]
fn hidepid_hides_and_nothing_hidden_is_called_gone() {
    if let Some(root) = env::var_os(MOUNTED_AT) {
        return look_around(Path::new(&root));
    }
    if !is_root("hidepid") {
        return;
    }
    let mount_point = tempfile::tempdir().unwrap();
    // The trailing `exit` keeps the shell from giving its place as process 1 to the test.
    let script = r#"mount -t proc -o hidepid=2 proc "$1" && "$2" --exact "$3" --nocapture; exit $?"#;
    let ended = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"])
        .arg(mount_point.path())
        .arg(env::current_exe().unwrap())
        .arg("hidden::hidepid_hides_and_nothing_hidden_is_called_gone")
        .env(MOUNTED_AT, mount_point.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && told.contains("1 passed"), "{told}");
}

fn look_around(root: &Path) {
    let proc_fs = ProcFs::new(root);
    let own = fs::read_link(root.join("self")).unwrap();
    let own: u32 = own.to_str().unwrap().parse().unwrap();
    // To root, hidepid hides nothing.
    assert_eq!(proc_fs.process(1).unwrap().comm, "sh");
    assert_eq!(proc_fs.process(4_000_000), Err(ProcessError::Gone { pid: 4_000_000 }));

    let (hidden, ended, own) = thread::spawn(move || {
        become_other_user();
        (proc_fs.process(1), proc_fs.start_ticks(4_000_000), proc_fs.start_ticks(own))
    })
    .join()
    .unwrap();
    for (pid, error) in [(1, hidden.unwrap_err()), (4_000_000, ended.unwrap_err())] {
        assert!(error.to_string().ends_with("gone, or hidden from this user (hidepid)"), "{pid}: {error}");
    }
    assert!(own.is_ok(), "{own:?}");
}

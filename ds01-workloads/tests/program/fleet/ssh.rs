//! `--hosts`: over a stand-in for ssh that behaves as each host's name says, and over a real sshd on loopback.

use std::{
    fs::{self, Permissions},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::document;
use crate::common::{State, ds01, outcome, program};

const FRESH: Duration = Duration::from_secs(5);

/// A directory with a list of hosts, a stand-in for ssh, and what hosts answer.
struct Fleet {
    dir: TempDir,
    state: State,
}

/// What the stand-in does for a host. It notes its arguments, one a line.
const SSH: &str = r#"#!/bin/sh
dir=$(dirname "$0")
for argument in "$@"; do echo "$argument"; done >"$dir/asked.$$"
for argument in "$@"; do
    case $argument in
    good*) cat "$dir/inventory.json"; echo "warning: noise" >&2; exit 0 ;;
    old) cat "$dir/old.json"; exit 0 ;;
    new) echo "ds01-workloads: no inventory yet" >&2; exit 3 ;;
    refused) echo "** banner **" >&2; echo "ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
    missing) printf 'sh: 1: ds01-workloads: not found\033[2J\n' >&2; exit 127 ;;
    rubbish) echo '{"schema_version": "1", "x": '; exit 0 ;;
    endless) exec yes ;;
    hangs) echo $$ >"$dir/pid"; exec sleep 600 ;;
    esac
done
exit 9
"#;

impl Fleet {
    fn new(hosts: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = State::new(&["thesis", "esc\u{1b}[2J"], FRESH);
        fs::write(dir.path().join("hosts"), hosts).unwrap();
        fs::copy(state.file(), dir.path().join("inventory.json")).unwrap();
        fs::copy(State::new(&["old-one"], Duration::from_secs(7200)).file(), dir.path().join("old.json")).unwrap();
        script(&dir.path().join("ssh"), SSH);
        Self { dir, state }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ask(&self, arguments: &[&str]) -> Command {
        let mut command = ds01(arguments);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.arg("--hosts").arg(self.path("hosts")).arg("--ssh").arg(self.path("ssh"));
        command.arg("--fleet-memory").arg(self.path("memory")).arg("--fleet-config").arg(self.path("fleet.yaml"));
        command
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

fn host<'a>(document: &'a Value, name: &str) -> &'a Value {
    let hosts = document["hosts"].as_array().unwrap();
    hosts.iter().find(|host| host["host"] == name).unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

#[test]
fn every_line_is_a_row_whatever_the_host_does() {
    let all = ["good1", "good2", "missing", "new", "old", "refused", "rubbish"];
    let fleet = Fleet::new(&all.join("\n"));
    fs::write(fleet.path("fleet.yaml"), "fleet:\n  deadline: 2m\n  at_once: 3\n").unwrap();
    let (seen, err, code) = document(fleet.ask(&[]));
    assert_eq!((err.as_str(), code), ("", 0));
    let names: Vec<&str> =
        seen["hosts"].as_array().unwrap().iter().map(|host| host["host"].as_str().unwrap()).collect();
    assert_eq!(names, all);
    for (name, state, said) in [
        ("good1", "answers", ""),
        ("old", "stale", "its last scan was 2h"),
        ("new", "silent", "no inventory yet"),
        ("refused", "silent", "ssh: connect to host refused port 22: Connection refused"),
        ("missing", "silent", "not found"),
        ("rubbish", "silent", "no inventory: corrupt"),
    ] {
        let host = host(&seen, name);
        assert_eq!(host["state"], state, "{host:#}");
        assert!(host["why"].as_str().unwrap_or_default().contains(said), "{host:#}");
    }
    assert_eq!(seen["totals"]["containers"], 4, "two of each host that answers now");
    // What ssh was run with: the name behind the end of options, and a command without anything of its own.
    for entry in fs::read_dir(fleet.dir.path()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("asked.") {
            let asked = fs::read_to_string(entry.path()).unwrap();
            let words: Vec<&str> = asked.lines().collect();
            let end = words.iter().position(|word| *word == "--").unwrap();
            assert!(words.contains(&"BatchMode=yes") && words.contains(&"ConnectTimeout=120"), "{words:?}");
            assert_eq!(words[end + 2..], ["ds01-workloads", "--json"]);
        }
    }
    let (out, _, _) = outcome(fleet.ask(&[]));
    assert!(out.contains("good1") && out.contains("thesis") && !out.contains('\u{1b}'), "{out}");
    assert!(out.contains("old      host") && out.contains("was-running"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("7 hosts, 4 silent, 1 stale: 4 containers"), "{out}");
}

#[test]
fn one_that_hangs_is_ended_at_its_deadline() {
    let fleet = Fleet::new("hangs\n");
    fs::write(fleet.path("fleet.yaml"), "fleet:\n  deadline: 5s\n").unwrap();
    let (seen, _, code) = document(fleet.ask(&[]));
    let host = host(&seen, "hangs");
    assert_eq!((host["why"].as_str(), code), (Some("no answer within 5s"), 1));
    let pid = fs::read_to_string(fleet.path("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn the_last_word_of_a_host_is_remembered() {
    let fleet = Fleet::new("good1\n");
    document(fleet.ask(&[]));
    // The same name, which does not answer any more.
    script(&fleet.path("ssh"), "#!/bin/sh\necho gone >&2\nexit 255\n");
    let (seen, err, code) = document(fleet.ask(&[]));
    assert_eq!(code, 1, "nobody answers");
    assert!(err.contains("not one host answers"), "{err}");
    let good = host(&seen, "good1");
    assert_eq!((good["state"].as_str(), good["why"].as_str()), (Some("silent"), Some("gone")));
    let inventory: Value = serde_json::from_slice(&fs::read(fleet.state.file()).unwrap()).unwrap();
    assert_eq!(good["last_word"], inventory["last_scan"]);
}

#[test]
fn one_that_says_too_much_is_ended_and_a_name_that_is_none_is_refused() {
    let fleet = Fleet::new("endless\ngood1\n");
    let (seen, _, code) = document(fleet.ask(&[]));
    assert_eq!(code, 0);
    assert!(host(&seen, "endless")["why"].as_str().unwrap().contains("longer than"), "{seen:#}");
    for name in ["-oProxyCommand=touch${IFS}x", "a;b", "$(id)"] {
        let fleet = Fleet::new(&format!("good1\n{name}\n"));
        let (out, err, code) = outcome(fleet.ask(&[]));
        assert_eq!((out.as_str(), code), ("", 2));
        assert!(err.contains("line 2") && err.contains("hosts"), "{err}");
        assert!(
            fs::read_dir(fleet.dir.path())
                .unwrap()
                .flatten()
                .all(|entry| !entry.file_name().to_string_lossy().starts_with("asked"))
        );
    }
    // From standard input, and from the file of the fleet.
    let fleet = Fleet::new("");
    fs::write(fleet.path("fleet.yaml"), "fleet:\n  hosts: [good1, good7]\n").unwrap();
    let mut command = ds01(&["--fleet"]);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.arg("--ssh").arg(fleet.path("ssh")).arg("--fleet-config").arg(fleet.path("fleet.yaml"));
    command.arg("--fleet-memory").arg(fleet.path("memory"));
    let (seen, _, _) = document(command);
    assert_eq!(host(&seen, "good7")["state"], "answers");
    let (_, err, code) = outcome(fleet.ask(&[]));
    assert!(code == 2 && err.contains("names no host"), "{err}");
}

#[test]
fn the_list_of_hosts_may_be_a_pipe_of_the_shell_and_the_files_of_the_fleet_may_be_links() {
    let fleet = Fleet::new("");
    fs::write(fleet.path("real.yaml"), "fleet:\n  deadline: 2m\n").unwrap();
    std::os::unix::fs::symlink(fleet.path("real.yaml"), fleet.path("fleet.yaml")).unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-c", r#"exec "$0" --fleet --hosts <(echo good1) "$@""#, program(), "--ssh"]).arg(fleet.path("ssh"));
    shell.arg("--fleet-memory").arg(fleet.path("memory")).arg("--fleet-config").arg(fleet.path("fleet.yaml"));
    let (seen, err, code) = document(shell);
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(host(&seen, "good1")["state"], "answers");
}

/// A private sshd, ended when it goes out of scope.
struct Sshd {
    child: Child,
    /// Its directory for privilege separation, where this test had to make it.
    made: bool,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.made {
            let _ = fs::remove_dir("/run/sshd");
        }
    }
}

/// Runs a program that has to succeed.
fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

#[test]
fn a_real_sshd_answers_and_a_closed_port_does_not() {
    let sshd = Path::new("/usr/sbin/sshd");
    if !sshd.exists() || !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var_os("DS01_REQUIRE_RIG").is_none(),
            "it takes sshd and root; run fixtures/install-test-deps.sh"
        );
        eprintln!("skipped: it takes sshd and root");
        return;
    }
    let fleet = Fleet::new("127.0.0.1\nlocalhost\n");
    let path = |name: &str| fleet.path(name).display().to_string();
    for key in ["host_key", "user_key"] {
        must(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]));
    }
    fs::copy(fleet.path("user_key.pub"), fleet.path("authorized")).unwrap();
    // What the host runs: found through its PATH, on an inventory of its own.
    fs::create_dir(fleet.path("bin")).unwrap();
    let viewer = format!("#!/bin/sh\nexec {} --state-dir {} \"$@\"\n", program(), fleet.state.path().display());
    script(&fleet.path("bin/ds01-workloads"), &viewer);
    script(
        &fleet.path("run"),
        &format!("#!/bin/sh\nPATH={}:$PATH exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n", path("bin")),
    );
    let made = fs::create_dir("/run/sshd").is_ok();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nForceCommand {}\n",
        path("host_key"),
        path("authorized"),
        path("run")
    );
    fs::write(fleet.path("sshd_config"), text).unwrap();
    let log = fs::File::create(fleet.path("log")).unwrap();
    let child = Command::new(sshd)
        .args(["-D", "-e", "-f", &path("sshd_config")])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut server = Sshd { child, made };
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.child.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < end, "{}", fs::read_to_string(fleet.path("log")).unwrap());
        std::thread::yield_now();
    }
    // The system's ssh, with an identity and known hosts of its own; another port is nobody's.
    let client = format!(
        "Host 127.0.0.1\n  Port {port}\nHost localhost\n  Port 1\nHost *\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n  User root\n",
        path("user_key"),
        path("known")
    );
    fs::write(fleet.path("ssh_config"), client).unwrap();
    script(&fleet.path("ssh"), &format!("#!/bin/sh\nexec ssh -F {} \"$@\"\n", path("ssh_config")));
    let (seen, err, code) = document(fleet.ask(&[]));
    assert_eq!((err.as_str(), code), ("", 0));
    let here = host(&seen, "127.0.0.1");
    assert_eq!(here["state"], "answers", "{here:#} {}", fs::read_to_string(fleet.path("log")).unwrap());
    assert_eq!(here["containers"].as_array().unwrap().len(), 2);
    let gone = host(&seen, "localhost");
    assert!(gone["why"].as_str().unwrap().contains("Connection refused"), "{gone:#}");
}

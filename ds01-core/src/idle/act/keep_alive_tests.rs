use std::sync::{Mutex, mpsc};

use super::*;
use crate::{
    model::{ContainerActivity, ContainerLife, Host, Process},
    source::{
        ContainerSource, ProcessError, SourceError,
        fake::{ContainerSpec, FakeHost},
    },
};

const DATA: &str = "/scratch/data";
const SOCKET: &str = "/run/tool.sock";

/// A host whose files hang while the other end is held: those that begin with `/dead`.
struct Dead(FakeHost, Mutex<mpsc::Receiver<()>>);

impl ProcessSource for Dead {
    fn host(&self) -> Result<Host, SourceError> {
        self.0.host()
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        self.0.process(pid)
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.0.start_ticks(pid)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.0.container(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        if path.starts_with("/dead") {
            let _ = self.1.lock().unwrap().recv();
        }
        self.0.host_path(path)
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        self.0.user_name(uid)
    }
}

fn host(binds: &[&str]) -> (FakeHost, ContainerId) {
    let host = FakeHost::new("lab", crate::idle::test_support::noon());
    let binds = binds.iter().map(ToString::to_string).collect();
    host.add_container(&ContainerSpec { name: "train".to_owned(), binds, ..Default::default() }).unwrap();
    let id = host.list().unwrap().remove(0).id;
    (host, id)
}

fn look_up(processes: Arc<dyn ProcessSource>, host: &FakeHost, id: &ContainerId, binds: &[&str]) -> KeepAlive {
    let binds: Vec<String> = binds.iter().map(ToString::to_string).collect();
    KeepAlive::look_up(&processes, host, id, "/workspace/.keep-alive", &binds)
}

#[test]
fn the_engine_is_not_asked_once_a_source_is_gone() {
    let binds = [DATA, SOCKET];
    let (host, id) = host(&binds);
    let ask = || look_up(Arc::new(host.clone()), &host, &id, &binds);
    assert_eq!(ask(), KeepAlive::Absent);
    for gone in binds {
        host.remove_path(gone);
        let why = format!("its bind mount's source {gone} is gone from the host");
        assert_eq!(ask(), KeepAlive::Unreadable(why));
        assert!(!host.has_path(gone), "the engine made it anew");
        host.put_path_back(gone);
        assert_eq!(ask(), KeepAlive::Absent);
    }
    host.remove_path("/elsewhere");
    assert_eq!(ask(), KeepAlive::Absent);
}

#[test]
fn a_path_of_which_nothing_is_known_stands_in_nobodys_way() {
    let (host, id) = host(&["/dead/nfs", DATA]);
    let (_keep_waiting, never) = mpsc::channel();
    let dead: Arc<dyn ProcessSource> = Arc::new(Dead(host.clone(), Mutex::new(never)));
    assert_eq!(look_up(dead.clone(), &host, &id, &["/dead/nfs", DATA]), KeepAlive::Absent);
    // And it hides no other that is gone.
    host.remove_path(DATA);
    assert!(matches!(look_up(dead, &host, &id, &["/dead/nfs", DATA]), KeepAlive::Unreadable(_)));
    assert!(!host.has_path(DATA));
}

//! Control groups of this machine, made by the test, some of them below a directory of a user's.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use ds01_core::{
    detect::{SeenProcesses, SeenUsers},
    model::{Belonging, BelongingKind, ContainerId, EngineName, Host, Process, Proof, Reading, UsersGroup},
    source::{ProcessSource, proc::ProcFs},
};

use crate::support::{Guarded, OTHER_UID, Root, is_root};

const CONTAINER: &str = "4f1d0c7e9b2a6538d1e0f7c4b3a29586e7d4c1b0a9f8e7d6c5b4a39281706f5e";

/// A group that is removed with the groups below it.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Self {
        // Of hybrid hosts, of hosts with version 2, and of hosts with version 1 and systemd.
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/systemd"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.procs").exists()).unwrap();
        let group = Self(root.join(format!("ds01-test-{}-{name}", std::process::id())));
        fs::create_dir(&group.0).unwrap();
        group
    }

    /// A group of [`OTHER_UID`]'s below his slice, as systemd would have made it.
    fn of_user() -> Self {
        let any = Self::new("slice");
        let root = any.0.parent().unwrap();
        // systemd's own is not removed: it has other slices in it, or is not empty otherwise.
        let slice = root.join(format!("user.slice/user-{OTHER_UID}.slice"));
        let group = Self(slice.join(format!("user@{OTHER_UID}.service")));
        fs::create_dir_all(&group.0).unwrap();
        chown(&group.0, Some(OTHER_UID), Some(OTHER_UID)).unwrap();
        group
    }

    /// What is told of a process in `below`, whose environment says that it is of a job.
    fn process_in(&self, below: &str) -> Process {
        let group = self.0.join(below);
        fs::create_dir_all(&group).unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo; read x"]).current_dir("/").uid(OTHER_UID).gid(OTHER_UID);
        let child = Guarded::start(command.env_clear().env("SLURM_JOB_ID", "42").env("SECRET", "x"));
        fs::write(group.join("cgroup.procs"), child.pid().to_string()).unwrap();
        let process = ProcFs::new("/proc").process(child.pid()).unwrap();
        drop(child);
        process
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fn remove(group: &Path) {
            let below = fs::read_dir(group).into_iter().flatten().flatten();
            below.filter(|entry| entry.path().is_dir()).for_each(|entry| remove(&entry.path()));
            let _ = fs::remove_dir(group);
        }
        remove(&self.0);
        // What was made above it, as far as it is empty.
        let above = self.0.ancestors().skip(1).take_while(|above| above.to_string_lossy().contains("/user.slice"));
        above.take_while(|above| fs::remove_dir(above).is_ok()).for_each(drop);
    }
}

fn container() -> ContainerId {
    CONTAINER.parse().unwrap()
}

fn claimed_job() -> Belonging {
    Belonging { id: Some("42".to_owned()), ..Belonging::new(BelongingKind::SlurmJob, Proof::Process) }
}

#[test]
fn below_roots_directories_a_name_is_what_it_says() {
    if !is_root("control groups") {
        return;
    }
    let group = Group::new("root");
    let process = group.process_in(&format!("docker-{CONTAINER}.scope"));
    assert_eq!((process.containers, process.users_group), (Reading::Known(vec![container()]), None));
    let [one] = &process.belongs_to[..] else { panic!("{:?}", process.belongs_to) };
    assert_eq!((one.kind, one.proof), (BelongingKind::Container, Proof::Cgroup));

    let process = group.process_in("slurmstepd.scope/job_42/step_0/user/task_0");
    let job = Belonging { name: Some("42.0".to_owned()), proof: Proof::Cgroup, ..claimed_job() };
    assert_eq!((process.containers, process.belongs_to), (Reading::Known(Vec::new()), vec![job]));
}

#[test]
fn below_a_users_directory_a_name_is_the_users() {
    if !is_root("control groups") {
        return;
    }
    let group = Group::new("user");
    chown(&group.0, Some(OTHER_UID), Some(OTHER_UID)).unwrap();
    for name in [format!("docker-{CONTAINER}.scope"), format!("system.slice/docker-{CONTAINER}.scope/x")] {
        let process = group.process_in(&name);
        assert_eq!(process.containers, Reading::Known(Vec::new()), "{name}");
        let own = UsersGroup { uid: Some(OTHER_UID), containers: vec![container()] };
        assert_eq!(process.users_group, Some(own), "{name}");
        let unit = Belonging {
            id: Some(format!("docker-{CONTAINER}.scope")),
            uid: Some(OTHER_UID),
            ..Belonging::new(BelongingKind::UserUnit, Proof::Cgroup)
        };
        assert_eq!(process.belongs_to, [unit, claimed_job()], "{name}");
    }
}

/// What the process's own control groups prove, held against what engines list.
#[test]
fn names_that_a_user_chose_are_containers_of_his_own_engine_alone() {
    if !is_root("control groups") {
        return;
    }
    let group = Group::of_user();
    let inner = "ab".repeat(32);
    let process = group.process_in(&format!("docker-{CONTAINER}.scope/docker-{inner}.scope"));
    let host = Host { name: "lab".to_owned(), boot_id: "boot".to_owned() };
    let (by_pid, users) = ([(process.pid, Ok(process.clone()))].into(), SeenUsers::default());
    let seen = SeenProcesses { host, by_pid, users, subordinate: Default::default() };
    let his: EngineName = format!("docker:{OTHER_UID}").parse().unwrap();
    for (engine, found) in [(&his, Some(CONTAINER)), (&EngineName::DOCKER, None), (&"docker:1".parse().unwrap(), None)]
    {
        let outermost = seen.outermost(&process, |_| Some(engine)).map(ContainerId::as_str);
        assert_eq!(outermost, found, "{engine}");
        assert_eq!(seen.runs_in(&process, &container(), engine), found.is_some(), "{engine}");
    }
    // Of those that are nested, the outermost that is listed.
    let listed = |id: &ContainerId| (id.as_str() == inner).then_some(&his);
    assert_eq!(seen.outermost(&process, listed).map(ContainerId::as_str), Some(inner.as_str()));
    // The same names elsewhere are no proof that it is below his slice.
    let elsewhere = Group::new("elsewhere");
    chown(&elsewhere.0, Some(OTHER_UID), Some(OTHER_UID)).unwrap();
    let process = elsewhere.process_in(&format!("docker-{CONTAINER}.scope"));
    assert_eq!(seen.outermost(&process, |_| Some(&his)), None);
}

/// A job's name and its partition, of which only the process knows: from a root made by hand.
#[test]
fn what_the_environment_says_of_another_job_is_left_out() {
    let root = Root::new();
    root.add(42, 100, 1000);
    root.write("42/cgroup", "0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0\n");
    let partition = || {
        let process = root.proc_fs().process(42).unwrap();
        assert_eq!(process.belongs_to[0].id.as_deref(), Some("42"));
        process.belongs_to[0].says.get("partition").cloned()
    };
    assert_eq!(partition(), None, "an environment that can't be read says nothing");
    root.write("42/environ", "SLURM_JOB_ID=42\0SLURM_JOB_PARTITION=gpu\0");
    assert_eq!(partition(), Some("gpu".to_owned()));
    root.write("42/environ", "SLURM_JOB_ID=43\0SLURM_JOB_PARTITION=gpu\0");
    assert_eq!(partition(), None);
    root.write("42/mountinfo", "9 8 0:50 /data/user-1000/pyxis_42.0 / rw - xfs /dev/md0 rw\n");
    let process = root.proc_fs().process(42).unwrap();
    assert_eq!(process.belongs_to[1].to_string(), "enroot pyxis_42.0?");
}

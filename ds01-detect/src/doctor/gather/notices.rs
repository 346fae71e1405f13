//! How people are told, and who would have to be: looked at, and nobody told. No terminal is opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ds01_core::{
    cli::places,
    deadline,
    detect::{Inventory, UNKNOWN_USER, inventory::ContainerEntry},
    model::{ContainerId, Reading},
    policy,
    source::{ProcessError, ProcessSource, proc::ProcFs, terminals},
};

use super::{
    super::{
        args::DoctorArgs,
        facts::{FileFacts, NoPolicy, NoticeFacts, Owner},
    },
    users,
};

/// All look-ups together may take so many times the deadline.
const PATIENCE: u32 = 2;

/// Where the package, and the install script, put examples of hooks.
const EXAMPLES: [&str; 2] =
    ["/usr/share/doc/ds01/examples/notify.d/mail", "/usr/local/share/doc/ds01/examples/notify.d/mail"];

pub(super) fn facts(args: &DoctorArgs, files: &FileFacts, processes: &Arc<ProcFs>, limit: Duration) -> NoticeFacts {
    let outbox = places::outbox(&args.config, &args.store.state_dir);
    let running = running(files.inventory.as_ref().ok());
    let examples = EXAMPLES.map(PathBuf::from);
    NoticeFacts {
        policy: policy(&args.config),
        config: args.config.clone(),
        hooks: outbox.hooks(),
        hooks_dir: outbox.hooks,
        example: examples.iter().find(|path| path.exists()).unwrap_or(&examples[0]).clone(),
        at_login: places::login(&args.store.state_dir).is_installed(),
        terminals: terminals::listed_of_host(&args.dev_root)
            .map_err(|error| format!("{}: {error}", args.dev_root.display())),
        ownerless: running.iter().filter(|entry| entry.user == UNKNOWN_USER).count(),
        owners: owners(&running, processes, (&args.sources.proc_root, &args.dev_root), limit),
    }
}

fn policy(config: &Path) -> Result<policy::Notify, NoPolicy> {
    if !config.try_exists().unwrap_or(true) {
        return Err(NoPolicy::Missing);
    }
    policy::load(config).map(|loaded| loaded.policy.notify).map_err(|bad| {
        let first = bad.found.into_iter().find(|one| one.severity == policy::Severity::Error);
        NoPolicy::Unsound(first.map(|one| one.message).unwrap_or_default())
    })
}

fn running(inventory: Option<&Inventory>) -> Vec<&ContainerEntry> {
    let up = |entry: &&ContainerEntry| entry.status.is_up() && entry.has_gpu == Some(true);
    inventory.into_iter().flat_map(|inventory| inventory.containers.values()).filter(up).collect()
}

fn owners(
    running: &[&ContainerEntry],
    processes: &Arc<ProcFs>,
    (proc, dev): (&Path, &Path),
    limit: Duration,
) -> Vec<Owner> {
    let end = Instant::now() + limit * PATIENCE;
    let names: BTreeSet<String> =
        running.iter().map(|entry| entry.user.clone()).filter(|name| name != UNKNOWN_USER).collect();
    let source = Arc::clone(processes);
    let mut ids = deadline::one_by_one("user ids", names.clone(), limit, end, move |name| source.user_id(name));
    let mut inside = inside(running, processes, (proc, dev), limit, end);
    let logged_in = users::logged_in(proc);
    let owner = |name: String| {
        // A user whom the name service does not know is named by his number.
        let known = |reading: Reading<u32>| reading.known().copied().or_else(|| name.parse().ok());
        let uid = match ids.remove(&name) {
            Some(Ok(reading)) => known(reading).ok_or_else(|| "this host knows no user of that name".to_owned()),
            Some(Err(error)) => Err(format!("the name service: {error}")),
            None => Err("the name service was not asked in time".to_owned()),
        };
        Owner {
            is_logged_in: uid.as_ref().is_ok_and(|uid| logged_in.contains(uid)),
            uid,
            inside: inside.remove(&name).unwrap_or_default(),
            name,
        }
    };
    names.into_iter().map(owner).collect()
}

/// How many terminals there are in the containers of each owner. A container's file system can be anything, so each is looked
/// into under the deadline.
fn inside(
    running: &[&ContainerEntry],
    processes: &Arc<ProcFs>,
    (proc, dev): (&Path, &Path),
    limit: Duration,
    end: Instant,
) -> BTreeMap<String, Vec<Result<usize, String>>> {
    let pids: BTreeSet<(u32, ContainerId)> =
        running.iter().filter_map(|entry| Some((entry.pid?, entry.full_id.clone()))).collect();
    let (source, proc, dev) = (Arc::clone(processes), proc.to_owned(), dev.to_owned());
    let mut answers =
        deadline::one_by_one("terminals", pids, limit, end, move |(pid, id)| count(&source, &proc, &dev, *pid, id));
    let mut of_owners: BTreeMap<String, Vec<Result<usize, String>>> = BTreeMap::new();
    for entry in running {
        let Some(pid) = entry.pid else { continue };
        let answer = match answers.remove(&(pid, entry.full_id.clone())) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => Err(error.to_string()),
            None => Err("there was no time left".to_owned()),
        };
        of_owners.entry(entry.user.clone()).or_default().push(answer);
    }
    of_owners
}

/// How many terminals the container has whose process this is. One that has ended since the last scan has none.
fn count(processes: &ProcFs, proc: &Path, dev: &Path, pid: u32, id: &ContainerId) -> Result<usize, String> {
    let process = match processes.process(pid) {
        Ok(process) => process,
        Err(ProcessError::Gone { .. }) => return Ok(0),
        Err(error) => return Err(error.to_string()),
    };
    match &process.containers {
        Reading::Known(ids) if ids.contains(id) => {}
        Reading::Known(_) => return Ok(0),
        Reading::Unknown(why) => return Err(why.to_string()),
    }
    let root = terminals::root_of(proc, pid);
    terminals::listed_of_container(&root, dev)
        .map(|found| found.len())
        .map_err(|error| format!("{}: {error}", root.display()))
}

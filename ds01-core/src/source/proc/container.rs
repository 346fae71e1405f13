//! One running container: what its counters say, and which processes it has.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use rustix::param::clock_ticks_per_second;

use super::{Folder, ProcFs, health_check, parse, terminals};
use crate::{
    model::{ContainerActivity, ContainerLife, Reading, RunningProcess, Unknown, UnknownKind},
    source::ProcessError,
    units::millis,
    usage::{Meter, Roots},
};

pub(super) fn activity(proc: &ProcFs, life: &ContainerLife) -> ContainerActivity {
    let meter = match meter(proc, life) {
        Reading::Known(meter) => meter,
        Reading::Unknown(why) => {
            let unknown = || why.clone();
            return ContainerActivity {
                cpu_time: unknown().into(),
                net_bytes: unknown().into(),
                processes: unknown().into(),
                terminals: unknown().into(),
            };
        }
    };
    let main = proc.folder(life.pid);
    ContainerActivity {
        cpu_time: meter.cpu_time(),
        net_bytes: net_bytes(&main),
        processes: match meter.pids() {
            Reading::Known(pids) => processes(proc, &pids, life),
            Reading::Unknown(why) => why.into(),
        },
        terminals: terminals::last_inputs(&main.path.join("root")),
    }
}

pub(super) fn cpu_time(proc: &ProcFs, life: &ContainerLife) -> Reading<Duration> {
    match meter(proc, life) {
        Reading::Known(meter) => meter.cpu_time(),
        Reading::Unknown(why) => why.into(),
    }
}

pub(super) fn disk_bytes(proc: &ProcFs, life: &ContainerLife) -> Reading<u64> {
    match meter(proc, life) {
        Reading::Known(meter) => meter.disk_bytes(),
        Reading::Unknown(why) => why.into(),
    }
}

/// Only a cgroup path that names the container proves that the pid is still its main process.
fn meter(proc: &ProcFs, life: &ContainerLife) -> Reading<Meter> {
    let roots = Roots { proc: proc.root.clone(), sys: proc.sys.clone() };
    Meter::container(&roots, life.pid, &life.id)
}

/// On the host's network the counters are everybody's. Which that is tells the host's process 1; where that may not be
/// looked at, this very process, which is on the host's network but for a unit that locks it out: bytes of everybody are then
/// taken for the container's, who seems to work, and is left alone.
fn net_bytes(main: &Folder<'_>) -> Reading<u64> {
    let (own, host, here) = (main.path.join("ns/net"), main.root.join("1/ns/net"), main.root.join("self/ns/net"));
    let namespace = |path: &Path| {
        fs::read_link(path).map_err(|error| Unknown::new(UnknownKind::Denied, format!("{}: {error}", path.display())))
    };
    let host = namespace(&host).or_else(|why| namespace(&here).map_err(|_| why));
    match namespace(&own).and_then(|own| Ok((own, host?))) {
        Err(why) => why.into(),
        Ok((own, host)) if own == host => Unknown::new(UnknownKind::NotSupported, "on the host's network").into(),
        Ok(_) => match main.text("net/dev") {
            Reading::Known(text) => {
                parse::net_bytes(text.as_bytes()).map_or_else(|| main.nonsense("net/dev", "no table"), Reading::Known)
            }
            Reading::Unknown(why) => why.into(),
        },
    }
}

/// Those that have not ended. One that ends while it is looked at is gone; one that can't be read hides what it is.
fn processes(proc: &ProcFs, pids: &BTreeSet<u32>, life: &ContainerLife) -> Reading<Vec<RunningProcess>> {
    let mut stats = Vec::new();
    for pid in pids {
        match proc.folder(*pid).required("stat", parse::stat) {
            Ok(stat) if stat.ended => {}
            Ok(stat) => stats.push((*pid, stat)),
            Err(ProcessError::Gone { .. }) => {}
            Err(error @ ProcessError::Unreadable { .. }) => {
                return Unknown::new(UnknownKind::Failed, error.to_string()).into();
            }
        }
    }
    let parents: Vec<(u32, u32)> = stats.iter().map(|(pid, stat)| (*pid, stat.parent)).collect();
    let checking = health_check::processes(&parents, life, |pid| {
        super::read(&proc.folder(pid).path.join("cmdline"), super::FILE_LIMIT)
            .map(|bytes| parse::arguments(&bytes))
            .ok()
    });
    let running = stats.into_iter().map(|(pid, stat)| RunningProcess {
        pid,
        started_boot_ms: end_of_tick_ms(stat.start_ticks),
        name: stat.comm,
        health_check: checking.contains(&pid),
    });
    Reading::Known(running.collect())
}

/// The end of a clock tick: a process that began in it did not begin later.
fn end_of_tick_ms(ticks: u64) -> u64 {
    let tick = Duration::from_secs(1) / u32::try_from(clock_ticks_per_second()).unwrap_or(100).max(1);
    let end = Duration::from_nanos(u64::try_from(tick.as_nanos()).unwrap_or(0).saturating_mul(ticks.saturating_add(1)));
    millis(end)
}

//! A host in memory: one policy, containers whose work a test sets, and clocks that it moves.

use ds01_core::model::EngineName;
use std::{collections::BTreeMap, time::Duration};

use ds01_core::{
    detect::{Origin, UserSource},
    idle::{
        Action, Check, Checked, ContainerFacts, Demand, EnergyCount, GpuFigure, GpuMeasure, IdleState, KeepAlive, Now,
        Observation, Plan, ProcessActivity,
    },
    model::{ContainerId, ContainerStatus, Reading, Unknown, UnknownKind},
    policy::{Document, Policy, PolicyFiles, parse},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Work {
    Gpu,
    Cpu,
    Nothing,
    /// The GPU can't be read; the rest is idle.
    GpuUnreadable,
    /// Nothing can be read.
    Unreadable,
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) facts: ContainerFacts,
    pub(crate) work: Work,
    pub(crate) started_boot_ms: u64,
    pub(crate) keep_alive: KeepAlive,
    cpu_us: u64,
    /// The energy counter of its GPU, where that has one.
    pub(crate) energy_mj: Option<u64>,
    pub(crate) watts: u64,
}

pub(crate) struct Host {
    pub(crate) policy: Policy,
    pub(crate) state: IdleState,
    pub(crate) containers: Vec<Container>,
    pub(crate) now: Now,
    pub(crate) demand: Option<Demand>,
    /// Since the last check.
    pub(crate) observations: Vec<Observation>,
    /// Writes the state down and reads it back before each check.
    pub(crate) restarts: bool,
}

pub(crate) fn policy(text: &str) -> Policy {
    parse(&PolicyFiles {
        policy: Document { path: "resource-limits.yaml".into(), bytes: text.into() },
        overrides: None,
        exemptions: None,
        members: BTreeMap::new(),
    })
    .unwrap()
    .policy
}

pub(crate) fn id(n: usize) -> ContainerId {
    format!("{n:064x}").parse().unwrap()
}

/// The id of the container of this name.
pub(crate) fn id_of(checked: &Checked, name: &str) -> ContainerId {
    checked.container(name).unwrap()
}

pub(crate) const HOUR: u64 = 3600;

impl Host {
    /// A host that booted ten hours ago, with one container of each name, all plain, started two hours ago and idle.
    pub(crate) fn new(policy_text: &str, names: &[&str]) -> Self {
        let at: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let now = Now { at, boot_id: "boot-1".to_owned(), boot_ms: 10 * HOUR * 1000 };
        let containers = names.iter().enumerate().map(|(n, name)| Container {
            facts: ContainerFacts {
                answered: true,
                engine: EngineName::DOCKER,
                id: id(n),
                name: (*name).to_owned(),
                labels: BTreeMap::new(),
                origin: Origin::RawDocker,
                image: "busybox:latest".to_owned(),
                user_source: UserSource::Unknown,
                user_uid: None,
                user: Some("alice".to_owned()),
                has_gpu: Some(true),
                problem: None,
                gpus: vec!["GPU-1".to_owned()],
                status: ContainerStatus::Running,
                started_at: Some(at - SignedDuration::from_hours(2)),
                running_for: Reading::Known(Duration::ZERO),
                stop_timeout: None,
                auto_remove: false,
            },
            work: Work::Nothing,
            started_boot_ms: 8 * HOUR * 1000,
            keep_alive: KeepAlive::Absent,
            cpu_us: 0,
            energy_mj: None,
            watts: 60,
        });
        Self {
            policy: policy(policy_text),
            state: IdleState::default(),
            containers: containers.collect(),
            now,
            demand: None,
            observations: Vec::new(),
            restarts: true,
        }
    }

    /// Both clocks move, and containers work.
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now.boot_ms += seconds * 1000;
        self.now.at += SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        for container in &mut self.containers {
            let busy = matches!(container.work, Work::Cpu | Work::Gpu);
            container.cpu_us += seconds * if busy { 800_000 } else { 2_000 };
            container.energy_mj = container.energy_mj.map(|mj| mj + seconds * 1000 * container.watts);
        }
    }

    pub(crate) fn observation(&self, container: &Container) -> Observation {
        let unknown = || Unknown::new(UnknownKind::Failed, "as the test says");
        let read = container.work != Work::Unreadable;
        let boot_ms = self.now.boot_ms;
        let energy = container.energy_mj.map(|mj| EnergyCount { mj, boot_ms });
        let figure = match container.work {
            Work::Gpu => GpuFigure::OwnProcesses { percent: 90.0 },
            Work::Cpu | Work::Nothing => GpuFigure::OwnProcesses { percent: 0.0 },
            Work::GpuUnreadable | Work::Unreadable => GpuFigure::Unknown { why: "lost".to_owned() },
        };
        Observation {
            at: self.now.at,
            boot_id: self.now.boot_id.clone(),
            boot_ms: self.now.boot_ms,
            container_id: container.facts.id.clone(),
            name: container.facts.name.clone(),
            started_at: container.facts.started_at.unwrap(),
            held_ms: None,
            gpus: vec![GpuMeasure {
                gpu: "GPU-1".to_owned(),
                figure,
                context: None,
                energy,
                shared_energy: None,
                covered_ms: None,
                used_ms: None,
            }],
            cpu_us: if read { Reading::Known(container.cpu_us) } else { unknown().into() },
            cpu_burst: None,
            net_bytes: if read { Reading::Known(1) } else { unknown().into() },
            activity: if read {
                Reading::Known(ProcessActivity { newest: None, terminals: BTreeMap::new() })
            } else {
                unknown().into()
            },
        }
    }

    /// What a detector's scan writes into the journal.
    pub(crate) fn scan(&mut self) {
        let up = self.containers.iter().filter(|container| container.facts.status.is_up());
        let seen: Vec<Observation> = up.map(|container| self.observation(container)).collect();
        self.observations.extend(seen);
    }

    /// A check, its own observations included, that carries out what it decides.
    pub(crate) fn check(&mut self) -> Plan {
        self.scan();
        if self.restarts {
            self.state = IdleState::from_json(&self.state.to_json().unwrap()).unwrap();
        }
        for container in &mut self.containers {
            let ran = self.now.boot_ms.saturating_sub(container.started_boot_ms);
            container.facts.running_for = Reading::Known(Duration::from_millis(ran));
        }
        let facts: Vec<ContainerFacts> = self.containers.iter().map(|container| container.facts.clone()).collect();
        let check = Check {
            now: self.now.clone(),
            zone: TimeZone::UTC,
            policy: &self.policy,
            containers: &facts,
            observations: &self.observations,
            demand: self.demand,
            asked: &[],
            only: None,
        };
        let files: BTreeMap<ContainerId, KeepAlive> =
            self.containers.iter().map(|one| (one.facts.id.clone(), one.keep_alive.clone())).collect();
        let plan = Plan::make(&mut self.state, &check, |_| files);
        self.observations.clear();
        for (id, decision) in &plan.decisions {
            self.state.record(id, decision, &self.now);
            let one = self.containers.iter_mut().find(|one| one.facts.id == *id).unwrap();
            match decision.action {
                Action::Stop { .. } => one.facts.status = ContainerStatus::Exited,
                Action::Remove(_) => one.facts.status = ContainerStatus::Removing,
                _ => {}
            }
        }
        plan
    }

    /// Scans every 30 s and a check at the end: the rhythm of the shipped timers.
    pub(crate) fn five_minutes(&mut self) -> Plan {
        for _ in 0..9 {
            self.pass(30);
            self.scan();
        }
        self.pass(30);
        self.check()
    }

    /// The check, by its number from 1, at which each action other than nothing came to the container `n`, within `most`
    /// checks.
    pub(crate) fn actions(&mut self, n: usize, most: u64) -> Vec<(u64, Action)> {
        let mut actions = Vec::new();
        for number in 1..=most {
            let action = self.five_minutes().decisions.remove(&id(n)).map(|decision| decision.action);
            if let Some(action) = action.filter(|action| *action != Action::Nothing) {
                actions.push((number, action));
            }
        }
        actions
    }
}

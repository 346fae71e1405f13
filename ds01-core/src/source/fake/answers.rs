//! A fake host's answers to the questions of the sources' traits.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    model::{
        ContainerActivity, ContainerDetails, ContainerId, ContainerLife, ContainerListing, ContainerStatus, Gpu,
        GpuProcess, GpuReading, GpuSnapshot, Host, Mig, MigInstance, Process, Reading, Unknown, UnknownKind,
        human_duration,
    },
    source::{
        Clock, ContainerSource, FailureKind, GpuSource, Inspection, ProcessError, ProcessSource, SourceError,
        SourceName,
    },
};

use super::{FakeContainer, FakeHost, GpuSpec, SourceMood, State};

impl ContainerSource for FakeHost {
    fn list(&self) -> Result<Vec<ContainerListing>, SourceError> {
        let state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        Ok(state.containers.iter().map(|container| container.listing(state.now)).collect())
    }

    fn inspect(&self, ids: &[ContainerId]) -> Result<Vec<Inspection>, SourceError> {
        let mut state = self.state();
        state.docker.answer(SourceName::DOCKER)?;
        state.inspected += ids.len();
        let inspection = |id: &ContainerId| match state.containers.iter().find(|container| container.id == *id) {
            Some(container) => Inspection::Details(Box::new(container.details())),
            None => Inspection::Gone,
        };
        Ok(ids.iter().map(inspection).collect())
    }
}

impl GpuSource for FakeHost {
    fn snapshot(&self) -> Result<GpuSnapshot, SourceError> {
        self.state().gpu_snapshot(None)
    }

    fn observe(&self, since: Timestamp) -> Result<GpuSnapshot, SourceError> {
        self.state().gpu_snapshot(Some(since))
    }
}

impl ProcessSource for FakeHost {
    fn host(&self) -> Result<Host, SourceError> {
        let state = self.state();
        state.proc.answer(SourceName::Proc)?;
        Ok(state.host.clone())
    }

    fn process(&self, pid: u32) -> Result<Process, ProcessError> {
        let state = self.state();
        state.processes.get(&pid).map(|fake| fake.process.clone()).ok_or(ProcessError::Gone { pid })
    }

    fn start_ticks(&self, pid: u32) -> Result<u64, ProcessError> {
        self.process(pid).map(|process| process.start_ticks)
    }

    fn container(&self, life: &ContainerLife) -> ContainerActivity {
        self.state().activity_of(life)
    }

    fn cpu_time(&self, life: &ContainerLife) -> Reading<Duration> {
        let main = self.state().main_of(life);
        self.container(&ContainerLife { pid: main.unwrap_or(life.pid), ..life.clone() }).cpu_time
    }

    fn disk_bytes(&self, life: &ContainerLife) -> Reading<u64> {
        self.state().disk_bytes_of(life)
    }

    fn host_path(&self, path: &str) -> Reading<bool> {
        Reading::Known(self.has_path(path))
    }

    fn directory_owner(&self, path: &str) -> Reading<Option<u32>> {
        let unknown = || Unknown::new(UnknownKind::Failed, format!("{path}: No such file or directory")).into();
        self.state().directories.get(path).map_or_else(unknown, |owner| Reading::Known(Some(*owner)))
    }

    fn user_name(&self, uid: u32) -> Reading<String> {
        let unknown = || Unknown::new(UnknownKind::Failed, format!("no user with uid {uid}")).into();
        self.state().users.get(&uid).cloned().map_or_else(unknown, Reading::Known)
    }

    fn user_id(&self, name: &str) -> Reading<u32> {
        let unknown = || Unknown::new(UnknownKind::Failed, format!("no user {name}")).into();
        let state = self.state();
        state.users.iter().find(|(_, other)| *other == name).map_or_else(unknown, |(uid, _)| Reading::Known(*uid))
    }
}

impl Clock for FakeHost {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn since_boot(&self) -> Duration {
        let state = self.state();
        state.now.duration_since(state.booted_at).unsigned_abs()
    }
}

impl SourceMood {
    pub(super) fn answer(self, source: SourceName) -> Result<(), SourceError> {
        let kind = match self {
            Self::Ok => return Ok(()),
            Self::Absent => return Err(SourceError::absent(source, "the scenario says so")),
            Self::Refused => FailureKind::Refused,
            Self::Denied => FailureKind::Denied,
            Self::Hangs => FailureKind::TimedOut,
            Self::Errs => FailureKind::Erred,
            Self::Nonsense => FailureKind::Nonsense,
        };
        Err(SourceError::failed(source, kind, "the scenario says so"))
    }
}

impl FakeContainer {
    fn listing(&self, now: Timestamp) -> ContainerListing {
        let since = |then: Option<Timestamp>| human_duration(now.duration_since(then.unwrap_or(now)).unsigned_abs());
        let status_text = match &self.status {
            ContainerStatus::Created => "Created".to_owned(),
            ContainerStatus::Running => format!("Up {}", since(self.started_at)),
            ContainerStatus::Paused => format!("Up {} (Paused)", since(self.started_at)),
            ContainerStatus::Restarting => format!("Restarting (1) {} ago", since(self.finished_at)),
            ContainerStatus::Exited => format!("Exited (0) {} ago", since(self.finished_at)),
            ContainerStatus::Removing => "Removal In Progress".to_owned(),
            ContainerStatus::Dead => "Dead".to_owned(),
            ContainerStatus::Other(word) => word.clone(),
        };
        ContainerListing {
            id: self.id.clone(),
            name: self.name.clone(),
            image: self.image.clone(),
            image_id: String::new(),
            labels: self.labels.clone(),
            status: self.status.clone(),
            status_text,
            created_at: self.created_at,
        }
    }

    fn details(&self) -> ContainerDetails {
        ContainerDetails {
            config: self.config.clone(),
            status: self.status.clone(),
            started_at: self.started_at,
            pid: self.pid,
        }
    }
}

impl State {
    fn gpu_snapshot(&self, activity_since: Option<Timestamp>) -> Result<GpuSnapshot, SourceError> {
        self.nvml.answer(SourceName::Nvml)?;
        let gpus = self.gpus.iter().map(|gpu| self.gpu_reading(gpu, activity_since)).collect();
        Ok(GpuSnapshot { driver_version: Some("550.54.15".to_owned()), gpus })
    }

    fn gpu_reading(&self, gpu: &GpuSpec, activity_since: Option<Timestamp>) -> GpuReading {
        let not_asked = || Unknown::new(UnknownKind::NotAsked, "utilization");
        if self.lost_gpus.contains(&gpu.index) {
            let why = Unknown::new(UnknownKind::Lost, "nvmlDeviceGetHandleByIndex: GPU is lost");
            return GpuReading { index: gpu.index, gpu: why.into() };
        }
        let mig = match &gpu.mig {
            None => Mig::Disabled,
            Some(instances) => Mig::Enabled(
                instances
                    .iter()
                    .map(|mig| MigInstance {
                        index: mig.index,
                        uuid: mig.uuid.clone(),
                        name: Reading::Known(format!("{} MIG {}", gpu.name, mig.profile).trim_end().to_owned()),
                        gpu_instance_id: Reading::Known(mig.gpu_instance),
                        compute_instance_id: Reading::Known(mig.compute_instance),
                        memory_total_mb: Reading::Known(mig.memory_mb),
                        memory_used_mb: Reading::Known(self.memory_on(&mig.uuid)),
                        processes: Reading::Known(self.processes_on(&mig.uuid)),
                        graphics_percent: if activity_since.is_some() {
                            self.graphics_percent(gpu, &mig.uuid)
                        } else {
                            not_asked().into()
                        },
                        // It has been so since the time that is asked about.
                        graphics_over: activity_since
                            .and_then(|since| self.now.duration_since(since).try_into().ok())
                            .unwrap_or_default(),
                    })
                    .collect(),
            ),
        };
        let gpu_read = Gpu {
            uuid: gpu.uuid.clone(),
            name: Reading::Known(gpu.name.clone()),
            minor_number: Reading::Known(gpu.index),
            pci_bus_id: Reading::Known(format!("00000000:{:02X}:00.0", gpu.index.wrapping_add(1))),
            memory_total_mb: Reading::Known(gpu.memory_mb),
            memory_used_mb: Reading::Known(gpu.memory_used_mb.unwrap_or_else(|| {
                let instances = gpu.mig.iter().flatten().map(|mig| self.memory_on(&mig.uuid));
                self.memory_on(&gpu.uuid) + instances.sum::<u64>()
            })),
            utilization: match &mig {
                Mig::Disabled => self.utilization_of(gpu, activity_since),
                Mig::Enabled(_) => {
                    Unknown::new(UnknownKind::NotSupported, "the utilization of a GPU in MIG mode").into()
                }
            },
            power_watts: gpu.power_watts.map_or_else(
                || Unknown::new(UnknownKind::NotSupported, "the fake measures no power of it").into(),
                Reading::Known,
            ),
            activity: match (activity_since, &mig) {
                (None, _) => not_asked().into(),
                (Some(since), Mig::Disabled) => Reading::Known(self.gpu_activity(gpu, since)),
                (Some(_), Mig::Enabled(_)) => {
                    Unknown::new(UnknownKind::NotSupported, "the utilization of a GPU in MIG mode").into()
                }
            },
            mig: Reading::Known(mig),
            processes: Reading::Known(self.processes_on(&gpu.uuid)),
        };
        GpuReading { index: gpu.index, gpu: Reading::Known(gpu_read) }
    }

    /// What is held on a GPU or MIG instance, in MiB: where a process does not say how much, the driver knows none of it either.
    fn memory_on(&self, uuid: &str) -> u64 {
        self.processes_on(uuid).iter().filter_map(|process| process.memory_mb.known()).sum()
    }

    fn processes_on(&self, uuid: &str) -> Vec<GpuProcess> {
        let held = self.processes.values().flat_map(|fake| {
            let here = fake.gpus.iter().filter(|(place, _)| self.gpu_uuid(place) == Some(uuid));
            here.map(|(_, memory)| GpuProcess {
                pid: fake.process.pid,
                memory_mb: match memory {
                    Some(memory) => Reading::Known(*memory),
                    None => Unknown::new(UnknownKind::NotSupported, "the driver does not say").into(),
                },
                mps: fake.mps,
            })
        });
        held.collect()
    }
}

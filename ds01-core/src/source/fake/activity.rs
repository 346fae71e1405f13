//! What a fake host's containers and GPUs do: counters that grow with time, figures that stand still.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::model::{
    ContainerActivity, ContainerLife, DeviceSample, DeviceUtilization, GpuActivity, ProcessSample, Reading,
    RunningProcess, Unknown, UnknownKind, UtilizationSource,
};

use super::{FakeProcess, GpuSpec, State};

impl State {
    /// Lets time pass: both clocks, and the counters of what runs.
    pub(super) fn pass(&mut self, time: Duration) {
        // A story can say anything: at the end of time, clocks and counters stand still.
        self.now = self.now.checked_add(time).unwrap_or(Timestamp::MAX);
        for container in self.containers.iter_mut().filter(|container| container.status.is_up()) {
            let cpu_seconds = time.as_secs_f64() * container.work.cpu_percent.max(0.0) / 100.0;
            let cpu_time = Duration::try_from_secs_f64(cpu_seconds).unwrap_or(Duration::MAX);
            container.cpu_time = container.cpu_time.saturating_add(cpu_time);
            let net_bytes = container.work.net_bytes_per_second.saturating_mul(time.as_secs());
            container.net_bytes = container.net_bytes.saturating_add(net_bytes);
            let disk_bytes = container.work.disk_bytes_per_second.saturating_mul(time.as_secs());
            container.disk_bytes = container.disk_bytes.saturating_add(disk_bytes);
        }
    }

    pub(super) fn activity_of(&self, life: &ContainerLife) -> ContainerActivity {
        let here = |container: &&super::FakeContainer| container.id == life.id && container.pid == Some(life.pid);
        let Some(container) = self.containers.iter().find(here) else {
            let gone = || Unknown::new(UnknownKind::Gone, format!("no process {} of {}", life.pid, life.id.short()));
            return ContainerActivity {
                cpu_time: gone().into(),
                net_bytes: gone().into(),
                processes: gone().into(),
                terminals: gone().into(),
            };
        };
        let own = |fake: &&FakeProcess| fake.process.containers.known().is_some_and(|ids| ids.contains(&life.id));
        let processes = self.processes.values().filter(own).map(|fake| RunningProcess {
            pid: fake.process.pid,
            started_boot_ms: fake.process.start_ticks * 10,
            name: fake.process.comm.clone(),
            health_check: false,
        });
        ContainerActivity {
            cpu_time: Reading::Known(container.cpu_time),
            net_bytes: Reading::Known(container.net_bytes),
            processes: Reading::Known(processes.collect()),
            terminals: Reading::Known(BTreeMap::new()),
        }
    }

    pub(super) fn disk_bytes_of(&self, life: &ContainerLife) -> Reading<u64> {
        let here = |container: &&super::FakeContainer| container.id == life.id && container.pid == Some(life.pid);
        match self.containers.iter().find(here) {
            Some(container) => Reading::Known(container.disk_bytes),
            None => Unknown::new(UnknownKind::Gone, format!("no process {} of {}", life.pid, life.id.short())).into(),
        }
    }

    /// The main process of the container that the process of `life` is in.
    pub(super) fn main_of(&self, life: &ContainerLife) -> Option<u32> {
        let fake = self.processes.get(&life.pid)?;
        fake.process.containers.known()?.contains(&life.id).then_some(())?;
        self.containers.iter().find(|container| container.id == life.id)?.pid
    }

    /// What a GPU that is not in MIG mode does at the moment, and did since `since`.
    pub(super) fn gpu_activity(&self, gpu: &GpuSpec, since: Timestamp) -> GpuActivity {
        let us = |time: Timestamp| u64::try_from(time.as_microsecond()).unwrap_or(0);
        let time_us = us(self.now);
        let (working, together) = (self.working_on(&gpu.uuid), self.percent_of(&gpu.uuid));
        let sample = |(pid, sm_percent): (u32, u32)| ProcessSample {
            pid,
            time_us,
            sm_percent,
            encoder_percent: 0,
            decoder_percent: 0,
            memory_percent: self.processes.get(&pid).map_or(0, |fake| fake.memory_traffic(sm_percent)),
        };
        GpuActivity {
            graphics_pids: Reading::Known(Vec::new()),
            energy_mj: Unknown::new(UnknownKind::NotSupported, "the fake counts no energy").into(),
            energy_after: Duration::ZERO,
            processes: Reading::Known(working.into_iter().map(sample).collect()),
            // It has been so since the time that is asked about.
            device: Reading::Known(
                [us(since).saturating_add(1), time_us]
                    .map(|time_us| DeviceSample { time_us, percent: together })
                    .into(),
            ),
            gpm_percent: Unknown::new(UnknownKind::NotSupported, "the fake has no GPM of whole GPUs").into(),
        }
    }

    /// How much a GPU that is not in MIG mode works: since `since`, or at the moment.
    pub(super) fn utilization_of(&self, gpu: &GpuSpec, since: Option<Timestamp>) -> Reading<DeviceUtilization> {
        let over = since.and_then(|since| Duration::try_from(self.now.duration_since(since)).ok());
        let source = if over.is_some() { UtilizationSource::Samples } else { UtilizationSource::Rates };
        DeviceUtilization::new(f64::from(self.percent_of(&gpu.uuid)), over, source).into()
    }

    /// What a MIG instance does at the moment.
    pub(super) fn graphics_percent(&self, gpu: &GpuSpec, instance_uuid: &str) -> Reading<f64> {
        if !gpu.gpm {
            return Unknown::new(UnknownKind::NotSupported, "this GPU has no GPM").into();
        }
        Reading::Known(f64::from(self.percent_of(instance_uuid)))
    }

    /// What is done on a GPU or MIG instance, in percent.
    fn percent_of(&self, uuid: &str) -> u32 {
        self.working_on(uuid).iter().map(|(_, percent)| percent).sum::<u32>().min(100)
    }

    /// Who does something on a GPU or MIG instance.
    fn working_on(&self, uuid: &str) -> Vec<(u32, u32)> {
        let here = |fake: &&FakeProcess| {
            fake.gpu_percent > 0 && fake.gpus.keys().any(|place| self.gpu_uuid(place) == Some(uuid))
        };
        self.processes.values().filter(here).map(|fake| (fake.process.pid, fake.gpu_percent)).collect()
    }
}

impl FakeProcess {
    /// For what share of the time it reads and writes the GPU's memory, in percent.
    fn memory_traffic(&self, sm_percent: u32) -> u32 {
        if self.no_memory_traffic { 0 } else { sm_percent.div_ceil(4) }
    }
}

//! What somebody waits for, and whether it is there.

use std::collections::BTreeSet;

use super::device::{GpuState, Occupancy};
use crate::model::{Vendor, Wanted};

/// The word for a MIG instance of any profile.
const ANY: &str = "any";

/// The GPUs and MIG instances that can be had: one with instances is its instances, also while it can't be read.
pub fn devices(gpus: &[GpuState]) -> impl Iterator<Item = &GpuState> {
    let partitioned: BTreeSet<&str> = gpus.iter().filter_map(|gpu| Some(gpu.gpu.split_once(':')?.0)).collect();
    gpus.iter().filter(move |gpu| gpu.state != Occupancy::Partitioned && !partitioned.contains(gpu.gpu.as_str()))
}

impl Wanted {
    /// The first that are free and will do, when there are enough of them.
    pub fn met<'a>(&self, gpus: &'a [GpuState]) -> Option<Vec<&'a GpuState>> {
        let wanted = usize::try_from(self.gpus).unwrap_or(usize::MAX);
        let enough = |gpu: &&GpuState| match self.memory_mb {
            None => true,
            Some(memory_mb) => gpu.memory_free_mb().is_some_and(|free| free >= memory_mb),
        };
        let free = gpus.iter().filter(|gpu| gpu.state == Occupancy::Free && self.is_kind(gpu)).filter(enough);
        let found: Vec<&GpuState> = free.take(wanted).collect();
        (found.len() == wanted).then_some(found)
    }

    /// Whether this host could ever have them: how many it has that would do while nobody uses them.
    pub fn at_most(&self, gpus: &[GpuState]) -> u64 {
        let enough = |gpu: &&GpuState| match (self.memory_mb, gpu.memory_total_mb) {
            (Some(wanted), Some(total)) => total >= wanted,
            _ => true,
        };
        let fitting = devices(gpus).filter(|gpu| self.is_kind(gpu)).filter(enough);
        u64::try_from(fitting.count()).unwrap_or(u64::MAX)
    }

    /// In words, for people.
    pub fn words(&self) -> String {
        let what = match (&self.mig, self.gpus) {
            (None, 1) => "GPU".to_owned(),
            (None, _) => "GPUs".to_owned(),
            (Some(profile), count) => {
                let profile = if profile == ANY { String::new() } else { format!(" {profile}") };
                format!("MIG instance{}{profile}", if count == 1 { "" } else { "s" })
            }
        };
        let memory = self.memory_mb.map_or_else(String::new, |mib| {
            format!(" with {} of free memory{}", crate::units::mib(mib), if self.gpus == 1 { "" } else { " each" })
        });
        let of = match self.vendor {
            Vendor::Nvidia => "",
            Vendor::Amd => " of AMD's",
        };
        format!("{} {what}{of}{memory}", self.gpus)
    }

    fn is_kind(&self, gpu: &GpuState) -> bool {
        gpu.vendor() == self.vendor
            && match &self.mig {
                None => !gpu.is_instance(),
                Some(profile) => {
                    gpu.is_instance()
                        && (profile == ANY || gpu.profile.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(profile)))
                }
            }
    }
}

/// Reads an amount of memory, in MiB, as GPUs are sold: `40G` and `40GB` are 40 000 000 000 bytes, which a 40 GB card has to
/// spare; `40GiB` and `40960MiB` are binary.
///
/// # Errors
///
/// What was expected, in words.
pub fn memory_mb(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u128); 10] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("TiB", 1 << 40),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("TB", 1_000_000_000_000),
        ("G", 1_000_000_000),
        ("M", 1_000_000),
        ("T", 1_000_000_000_000),
        ("g", 1_000_000_000),
    ];
    let expected = || format!("an amount of memory was expected, such as 40G or 20GiB, and not {text:?}");
    let (number, unit) =
        UNITS.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size))).ok_or_else(expected)?;
    // With three decimals at most, in whole numbers.
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || whole.len() > 6 || decimals.len() > 3 {
        return Err(expected());
    }
    let thousandths: u128 = format!("{whole}{decimals:0<3}").parse().map_err(|_| expected())?;
    u64::try_from((thousandths * unit / 1000) >> 20).ok().filter(|mib| *mib > 0).ok_or_else(expected)
}

#[cfg(test)]
#[path = "want_tests.rs"]
mod tests;

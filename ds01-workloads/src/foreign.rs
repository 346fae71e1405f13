//! What the program makes of bytes of others, for the fuzz targets (`fixtures/fuzz`): by the same steps as on the command line, and without
//! a process for each input.

use std::path::Path;

use ds01_core::{json, table::Medium};

use crate::{
    by_gpu,
    filter::Filter,
    fleet::{FleetArgs, Plan, Shown, not_here},
    host_gpus,
    load::LoadError,
    sort::sort,
    view::Layout,
};

/// What comes of one look.
#[derive(Debug)]
pub struct Printed {
    /// Tables of it.
    pub tables: Vec<String>,
    /// The document of `--json`.
    pub document: Vec<u8>,
    /// What is said beside it, before it is made safe as all that is said.
    pub said: Vec<String>,
}

/// A fleet, as `ds01-workloads --fleet` sees it.
#[derive(Debug)]
pub struct Fleet(Plan);

impl Fleet {
    /// That of a `fleet.yaml`.
    ///
    /// # Errors
    ///
    /// What is wrong with the file.
    pub fn new(config: &Path) -> Result<Self, String> {
        let args = FleetArgs {
            fleet: true,
            prometheus: None,
            hosts: None,
            fleet_config: config.to_owned(),
            ssh: "ssh".into(),
            fleet_memory: None,
        };
        Ok(Self(Plan::new(&args, false, true)?.0))
    }

    /// Looks: the table, the wide one, and those by user and by GPU.
    ///
    /// # Errors
    ///
    /// Why nothing is seen, before it is made safe.
    pub fn look(&self, medium: Medium) -> Result<Printed, String> {
        let seen = self.0.look().map_err(|failure| LoadError::from(failure).message())?;
        let filter = Filter::default();
        let said = [seen.said, not_here(&seen.hosts, &filter, seen.at)].concat();
        let shown = Shown::new(seen.hosts, &filter, seen.at);
        let mut rows = shown.rows();
        sort(&mut rows, None);
        let layout = Layout { fleet: true, ..Layout::default() };
        let layouts = [
            layout.clone(),
            Layout { wide: true, ..layout.clone() },
            Layout { by_user: true, ..layout.clone() },
            Layout { by_gpu: true, ..layout },
        ];
        let tables = layouts.iter().map(|layout| shown.draw(&rows, layout, medium)).collect();
        let document = json::pretty(&shown.document(seen.from)).map_err(|error| error.to_string())?;
        Ok(Printed { tables, document, said })
    }
}

/// The GPUs as everybody may see them, by the file in this directory: what `ds01-workloads --by-gpu` shows to whoever may not read the
/// inventory.
///
/// # Errors
///
/// Why they can't be seen, before it is made safe.
pub fn gpus(public_dir: &Path, medium: Medium) -> Result<Printed, String> {
    let seen = host_gpus::public(public_dir)
        .map_err(|error| error.map_or_else(|| "there is none".to_owned(), |error| error.message()))?;
    let tables = [true, false].map(|headers| by_gpu::draw(&seen, medium, headers)).into();
    let document = json::pretty(&seen.picture).map_err(|error| error.to_string())?;
    Ok(Printed { tables, document, said: seen.warnings() })
}

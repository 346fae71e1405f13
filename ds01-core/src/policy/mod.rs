//! What applies to whom, and why.
//!
//! A policy is made of `resource-limits.yaml` and the files beside it: `user-overrides.yaml`,
//! `lifecycle-exemptions.yaml` and `groups/NAME.members`. It is read whole and right, or not at all: [`load`] gives a
//! [`Policy`], or a [`BadPolicy`] with everything that is wrong, each with its line and what to write instead.
//!
//! [`Policy::resolve`] answers for a user and a [`ContainerType`] with every setting's value, and with the file, line
//! and [`Level`] that it came from. A key that is missing inherits; a key that is `null` is an answer: no limit.
//!
//! ```
//! use std::path::PathBuf;
//! use ds01_core::policy::{ContainerType, Document, PolicyFiles, parse};
//!
//! let text = "defaults: {idle_timeout: 0.5h, max_runtime: 24h}\nuser_overrides: {alice: {idle_timeout_h: null}}\n";
//! let files = PolicyFiles {
//!     policy: Document { path: PathBuf::from("limits.yaml"), bytes: text.into() },
//!     overrides: None,
//!     exemptions: None,
//!     members: Default::default(),
//! };
//! let policy = parse(&files)?.policy;
//! let idle = policy.resolve(Some("alice@uni.example"), ContainerType::Compose).limits.idle_timeout;
//! assert_eq!(idle.value, None);
//! assert_eq!(format!("{} at {}", idle.level, idle.place.unwrap()), "user override alice at limits.yaml:2");
//! # Ok::<(), ds01_core::policy::BadPolicy>(())
//! ```

mod build;
mod diagnostic;
mod exemptions;
mod files;
mod join;
mod level;
mod members;
mod monitoring;
mod names;
mod reader;
mod resolve;
mod schema;
mod settings;
mod source;
mod value;
mod yaml;

use std::collections::BTreeMap;

pub use crate::model::Enforcement;
pub use build::{Document, PolicyFiles, parse};
pub use diagnostic::{BadPolicy, Diagnostic, Excerpt, Position, Severity};
pub use exemptions::{Exemption, Expiry};
pub use files::{DEFAULT_PATH, load, system_processes};
pub use level::{ContainerType, Level, Place, Sourced};
pub use monitoring::Monitoring;
pub use names::short_form;
pub use resolve::Resolved;
pub use settings::{Limits, Row, Rules};
pub use value::{GpuUnknown, RemoveStopped, Shown};

/// A policy that was read whole.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `defaults`, with `policies` among its rules.
    defaults: reader::Said,
    groups: BTreeMap<String, (reader::Said, Place)>,
    types: BTreeMap<ContainerType, reader::Said>,
    /// `user-overrides.yaml`, which wins over the other.
    overrides_file: names::ByUser<(reader::Said, Place)>,
    /// `user_overrides` of the main file.
    overrides_inline: names::ByUser<(reader::Said, Place)>,
    /// The group of each user whom a file names.
    members: names::ByUser<(String, Place)>,
    default_group: Option<settings::Located<String>>,
    exemptions: Vec<Exemption>,
    /// Which containers and processes are the platform's own.
    pub monitoring: Monitoring,
}

/// A policy, and what its author should look at.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Warnings, in the order of files and lines.
    pub warnings: Vec<Diagnostic>,
}

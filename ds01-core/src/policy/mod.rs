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
mod document;
mod engines;
mod exemptions;
mod files;
mod join;
mod journal;
mod level;
mod members;
mod metrics;
mod monitoring;
mod names;
mod notify;
mod public_view;
mod reader;
mod resolve;
mod schema;
mod settings;
mod source;
mod sources;
mod user_name;
mod value;
mod way;
mod whole;
mod yaml;

pub use crate::model::Enforcement;
pub use build::parse;
pub use diagnostic::{BadPolicy, Diagnostic, Excerpt, Position, Severity};
pub use document::{Document, PolicyFiles};
pub use engines::Engines;
pub use exemptions::{Exemption, Expiry};
pub use files::{DEFAULT_PATH, installed, is_installed, load};
pub use journal::Retention;
pub use level::{ContainerType, Level, Place, Sourced};
pub use metrics::Metrics;
pub use monitoring::{DEVCONTAINER_LABELS, DEVCONTAINER_NAMES, Infrastructure, MONITORING_LABEL, Monitoring, Whose};
pub use names::short_form;
pub use notify::{Channels, Notify, Recipient, RequireDelivery};
pub use public_view::PublicView;
pub use resolve::Resolved;
pub use settings::{Limits, Row, Rules};
pub use value::{GpuUnknown, Identities, RemoveStopped, Shown};
pub use way::Way;
pub use whole::{Loaded, Policy};

//! What runs on a shared GPU server, whose it is and which GPUs it holds.

pub mod deadline;
pub mod detect;
pub mod event;
pub mod model;
pub mod source;
pub mod store;
pub mod table;
pub mod text;
pub mod units;
pub mod usage;

//! What runs on a shared GPU server, whose it is and which GPUs it holds.

pub mod detect;
pub mod model;
pub mod source;
pub mod table;
pub mod text;
pub mod units;
pub mod usage;

//! What runs on a shared GPU server, whose it is and which GPUs it holds.

pub mod duration;
pub mod model;
pub mod policy;
pub mod source;
pub mod text;

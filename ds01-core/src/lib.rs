//! What runs on a shared GPU server, whose it is and which GPUs it holds.

pub mod detect;
pub mod model;
pub mod source;
pub mod text;

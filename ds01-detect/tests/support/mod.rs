//! What the end-to-end tests share: the program as a user runs it, with a state directory of its own.

mod detector;
mod gpus;

pub(crate) use detector::{Detector, Run};
pub(crate) use gpus::Gpus;

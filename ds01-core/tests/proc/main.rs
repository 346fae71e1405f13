//! The door to `/proc`, on proc roots made by hand and on the real one.

#![allow(clippy::panic, clippy::unwrap_used, reason = "clippy knows #[test] functions, not their helpers")]

mod container;
mod container_rig;
mod groups;
mod hand_made;
mod hidden;
mod live;
mod support;

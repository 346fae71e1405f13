//! Telling people: the texts of notices (pure), and the way they take (machine).

mod broadcast;
mod text;

pub use broadcast::{Broadcast, Wall};
pub use text::{About, WIDTH, notice};

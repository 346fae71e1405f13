//! Telling people: the texts of notices (pure), and the way they take (machine).

mod broadcast;
mod host;
mod message;
mod text;

pub use broadcast::{Broadcast, Wall};
pub use host::{Others, People, UserId};
pub use message::{Channel, Delivery, Message, Reached, Severity};
pub use text::{About, WIDTH, notice};

//! Telling people: the texts of notices (pure), and the way they take (machine).

mod broadcast;
mod channels;
mod host;
mod login;
mod message;
mod text;

pub use broadcast::{Broadcast, Wall};
pub use channels::Channels;
pub use host::{Others, People, UserId};
pub use login::Login;
pub use message::{Channel, Delivery, Message, Reached, Severity};
pub use text::{About, WIDTH, notice};

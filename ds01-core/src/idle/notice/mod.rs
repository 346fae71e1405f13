//! Telling people: the texts of notices (pure), and the way they take (machine).

mod broadcast;
mod channels;
mod frame;
mod host;
mod login;
mod message;
mod text;
mod to_user;

pub use broadcast::{Broadcast, Wall};
pub use channels::Channels;
pub use frame::WIDTH;
pub use host::{Others, People, UserId, user_ids};
pub use login::Login;
pub use message::{Channel, Delivery, Message, Reached, Severity, recipient_of};
pub use text::{About, not_done, notice};
pub use to_user::{RefusedKeep, gpu_is_free, keep_refused, test_notice};

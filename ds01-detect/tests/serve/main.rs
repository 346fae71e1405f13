//! `ds01-detect serve-metrics`, the program itself, on a socket of loopback that it is handed as systemd would; and those who
//! would like to keep it from its work.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod answers;
mod attacks;
mod scraped;
mod server;

//! The Docker Engine API over a Unix socket, through `bollard`.

//! The text by which people name a Docker daemon: `DOCKER_HOST` and `--docker-host`.

use std::path::{Path, PathBuf};

/// Where Docker listens unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A Docker address that is not a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Docker is reached through a Unix socket; {0:?} does not name one: give unix:///path/to/docker.sock")]
pub struct InvalidDockerHost(pub String);

/// The socket's path in a Docker address of the form `unix:///path`.
///
/// ```
/// use std::path::Path;
///
/// use ds01_core::source::docker::parse_docker_host;
///
/// assert_eq!(parse_docker_host("unix:///run/docker.sock").unwrap(), Path::new("/run/docker.sock"));
/// assert!(parse_docker_host("tcp://10.0.0.7:2375").is_err());
/// ```
///
/// # Errors
///
/// Any other kind of address (`tcp:`, `ssh:`, a bare path), and a path that is not absolute.
pub fn parse_docker_host(text: &str) -> Result<PathBuf, InvalidDockerHost> {
    match text.strip_prefix("unix://").map(Path::new) {
        Some(path) if path.is_absolute() && path != Path::new("/") => Ok(path.to_owned()),
        _ => Err(InvalidDockerHost(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_address_gives_its_path() {
        assert_eq!(parse_docker_host("unix:///var/run/docker.sock").unwrap(), Path::new(DEFAULT_SOCKET));
    }

    #[test]
    fn anything_else_is_an_error_that_says_so() {
        for text in ["", "unix://", "unix:///", "unix://docker.sock", "/run/docker.sock", "tcp://h:2375", "ssh://me@h"]
        {
            let error = parse_docker_host(text).unwrap_err().to_string();
            assert!(error.starts_with("Docker is reached through a Unix socket; "), "{error}");
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}

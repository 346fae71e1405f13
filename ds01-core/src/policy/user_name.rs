//! What can be a user's name.

use super::value::Wrong;

/// The longest user name that is read, in bytes: what Linux and directory servers allow at most.
const LONGEST_NAME: usize = 256;

/// What keeps a text from being a user name.
pub(crate) fn fault(name: &str) -> Option<Wrong> {
    let message = if name.is_empty() {
        "an empty name is nobody's".to_owned()
    } else if name.chars().any(char::is_control) {
        format!("`{name}` has a control character in it")
    } else if name.len() > LONGEST_NAME {
        format!("this name has {} bytes", name.len())
    } else if name.starts_with(['"', '\'', '['])
        || name.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '/'))
    {
        format!("`{name}` is not one user name")
    } else {
        return None;
    };
    Some(Wrong::new(message, "write one user's name, as the host or the directory server knows it"))
}

//! How a container came to be: the first rule that matches its name and labels.

use std::collections::BTreeMap;

use crate::model::Origin;

/// The origin of a container whose details could be read: the first rule that matches.
///
/// ```
/// use std::collections::BTreeMap;
/// use ds01_core::detect::{Origin, classify};
///
/// assert_eq!(classify("vsc-thesis-4f1c", &BTreeMap::new()), Origin::DevContainer);
/// ```
pub fn classify(name: &str, labels: &BTreeMap<String, String>) -> Origin {
    if labels.get("ds01.managed").is_some_and(|value| value != "false") {
        Origin::Managed
    } else if labels.keys().any(|key| key.starts_with("devcontainer.")) {
        Origin::DevContainer
    } else if labels.contains_key("com.docker.compose.project") {
        Origin::Compose
    } else if name.starts_with("vsc-") {
        Origin::DevContainer
    } else {
        Origin::RawDocker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(name: &str, labels: &[(&str, &str)]) -> Origin {
        classify(name, &labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn each_rule_of_the_table_and_their_order() {
        let managed = ("ds01.managed", "true");
        let dev = ("devcontainer.config_file", "/x");
        let compose = ("com.docker.compose.project", "web");
        assert_eq!(origin("a", &[managed, dev, compose]), Origin::Managed);
        assert_eq!(origin("a", &[("ds01.managed", "")]), Origin::Managed);
        assert_eq!(origin("a", &[("ds01.managed", "false"), dev]), Origin::DevContainer);
        assert_eq!(origin("a", &[dev, compose]), Origin::DevContainer);
        assert_eq!(origin("vsc-x", &[compose]), Origin::Compose);
        assert_eq!(origin("vsc-x", &[]), Origin::DevContainer);
        assert_eq!(origin("my-vsc-x", &[]), Origin::RawDocker);
        assert_eq!(origin("a", &[("devcontainers.x", "1"), ("com.docker.compose.project.x", "1")]), Origin::RawDocker);
    }
}

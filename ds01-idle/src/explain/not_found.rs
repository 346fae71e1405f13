//! What to say of a name that no container has.

use ds01_core::detect::{Inventory, inventory::ProcessEntry};

/// That it is a process of the host, or how to find out which names there are.
pub(super) fn say(inventory: &Inventory, name: &str) -> String {
    let processes = inventory.host_processes.values().chain(inventory.pending_processes.values());
    match processes.into_iter().find(|process| is_meant(process, name)) {
        Some(process) => format!(
            "{name} is no container, but a process of the host: pid {} of {}\n\
             ds01-idle never touches those; ds01-workloads --type host-process shows them",
            process.pid, process.user
        ),
        None => format!(
            "there is no container {name}\n\
             ds01-idle lists the GPU containers by name, and docker ps -a lists all"
        ),
    }
}

/// By its pid, its program, or the beginning of its command line.
fn is_meant(process: &ProcessEntry, name: &str) -> bool {
    let begins = |line: &String| line.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    process.pid.to_string() == name || process.name == name || process.cmdline.as_ref().is_some_and(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::at_noon;

    #[test]
    fn a_process_of_the_host_is_told_from_nobody() {
        let checked = at_noon();
        let inventory = &checked.look.inventory;
        let process = inventory.host_processes.values().next().unwrap();
        let expected =
            format!("a process of the host: pid {} of {}\nds01-idle never touches", process.pid, process.user);
        for name in [process.pid.to_string(), process.cmdline.clone().unwrap()] {
            let said = say(inventory, &name);
            assert!(said.contains(&expected), "{said}");
        }
        let said = say(inventory, "nobody");
        assert!(said.starts_with("there is no container nobody\n") && said.contains("docker ps -a"), "{said}");
    }
}

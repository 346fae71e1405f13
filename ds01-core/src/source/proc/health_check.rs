//! Which processes of a container are Docker's health check: they run by themselves, and are nobody's work.

use std::collections::BTreeSet;

use crate::model::ContainerLife;

/// The pids of health checks and of what they started, among processes given with their parents.
///
/// A check is started from outside, so that its parent is no process of the container, and with the arguments that the
/// container was made with: those of `CMD`, or a shell that is given the one of `CMD-SHELL`, which some shells replace by
/// what it names. `arguments` reads the command line of a process.
pub(super) fn processes(
    parents: &[(u32, u32)],
    life: &ContainerLife,
    arguments: impl Fn(u32) -> Option<Vec<String>>,
) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    if life.health_check.is_empty() {
        return found;
    }
    let own: BTreeSet<u32> = parents.iter().map(|(pid, _)| *pid).collect();
    for (pid, parent) in parents {
        let from_outside = *pid != life.pid && !own.contains(parent);
        if from_outside && arguments(*pid).is_some_and(|arguments| is_check(&life.health_check, &arguments)) {
            found.insert(*pid);
        }
    }
    loop {
        let before = found.len();
        let children = parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid);
        let children: Vec<u32> = children.collect();
        found.extend(children);
        if found.len() == before {
            return found;
        }
    }
}

fn is_check(test: &[String], arguments: &[String]) -> bool {
    match test {
        [kind, command @ ..] if kind == "CMD" => command == arguments,
        [kind, command] if kind == "CMD-SHELL" => {
            let by_shell = arguments.len() > 1 && arguments.last() == Some(command);
            by_shell || arguments.join(" ") == command.trim()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(test: &[&str], processes: &[(u32, u32, &str)]) -> Vec<u32> {
        let life = ContainerLife {
            id: "ab".repeat(32).parse().unwrap(),
            pid: 10,
            health_check: test.iter().map(ToString::to_string).collect(),
        };
        let parents: Vec<(u32, u32)> = processes.iter().map(|(pid, parent, _)| (*pid, *parent)).collect();
        let arguments = |pid| {
            let line = processes.iter().find(|process| process.0 == pid)?.2;
            Some(line.split('|').map(ToOwned::to_owned).collect())
        };
        super::processes(&parents, &life, arguments).into_iter().collect()
    }

    #[test]
    fn a_check_and_its_children_are_found_by_their_arguments_and_their_parent() {
        let shell = [(10, 5, "python3"), (11, 5, "/bin/sh|-c|curl -f localhost"), (12, 11, "curl|-f|localhost")];
        assert_eq!(found(&["CMD-SHELL", "curl -f localhost"], &shell), [11, 12]);
        assert_eq!(found(&["CMD", "/bin/sh", "-c", "curl -f localhost"], &shell), [11, 12]);
        assert_eq!(found(&["CMD-SHELL", "curl -f localhost"], &[(10, 5, "x"), (12, 5, "curl|-f|localhost")]), [12]);
        assert_eq!(found(&[], &shell), [0; 0]);
        assert_eq!(found(&["NONE"], &shell), [0; 0]);
        assert_eq!(found(&["CMD-SHELL", "wget localhost"], &shell), [0; 0]);
    }

    /// Whoever names work like the check, or makes the check the main process, does not hide it.
    #[test]
    fn what_the_container_itself_runs_is_no_check() {
        assert_eq!(found(&["CMD", "train"], &[(10, 5, "train"), (11, 10, "train"), (12, 11, "train")]), [0; 0]);
    }

    /// What its user runs in it comes from outside too, by `docker exec`.
    #[test]
    fn work_that_began_beside_a_check_is_work() {
        let test = ["CMD-SHELL", "curl -f localhost; exit 1"];
        let processes = [
            (10, 5, "sleep|infinity"),
            (20, 5, "/bin/bash|-c|curl -f localhost; exit 1"),
            (21, 20, "curl|-f|localhost"),
            (22, 21, "resolver"),
            (30, 5, "python3|train.py"),
            (31, 30, "curl|-f|localhost"),
            (40, 10, "/bin/sh|-c|curl -f localhost; exit 1"),
        ];
        assert_eq!(found(&test, &processes), [20, 21, 22]);
        let slow = [(10, 5, "x"), (20, 5, "/bin/sh|-c|wait 9"), (21, 5, "/bin/sh|-c|wait 9")];
        assert_eq!(found(&["CMD-SHELL", "wait 9"], &slow), [20, 21], "two at once");
    }

    #[test]
    fn what_cannot_be_read_is_no_check() {
        let life = ContainerLife {
            id: "ab".repeat(32).parse().unwrap(),
            pid: 10,
            health_check: ["CMD", "curl"].map(str::to_owned).into(),
        };
        assert_eq!(super::processes(&[(10, 5), (11, 5)], &life, |_| None), BTreeSet::new());
    }
}

//! Container engines beside Docker: which are looked at, and whether each answers.

use super::{
    super::{
        facts::{EngineFacts, Facts},
        finding::Finding,
    },
    words,
};

/// All of them in one line: most hosts have none.
pub(super) fn others(facts: &Facts) -> Finding {
    const CHECK: &str = "engines";
    if facts.engines.is_empty() {
        return Finding::ok(CHECK, "no other than Docker is looked at");
    }
    let said: Vec<String> = facts.engines.iter().map(said).collect();
    let found = said.join("; ");
    let failing: Vec<&EngineFacts> = facts.engines.iter().filter(|engine| engine.api.is_err()).collect();
    let Some(first) = failing.first() else { return Finding::ok(CHECK, found) };
    // What a user's own daemon does is his affair, and fails no scan.
    match failing.iter().find(|engine| engine.name.owner().is_none()) {
        Some(engine) if engine.name.as_str() == "podman" => {
            Finding::failed(CHECK, found).mend("sudo systemctl status podman.socket podman.service")
        }
        Some(engine) => {
            Finding::failed(CHECK, found).mend(format!("sudo ls -l {}", super::super::finding::quoted(&engine.socket)))
        }
        None => {
            Finding::warning(CHECK, found).mend(format!("sudo ls -l {}", super::super::finding::quoted(&first.socket)))
        }
    }
}

fn said(engine: &EngineFacts) -> String {
    match &engine.api {
        Ok(versions) => {
            let own = versions.engine.as_deref().map(|engine| format!(" {engine}")).unwrap_or_default();
            format!("{}{own} speaks {}", engine.name, versions.spoken)
        }
        Err(error) => format!("{}: {}", engine.name, words(error)),
    }
}

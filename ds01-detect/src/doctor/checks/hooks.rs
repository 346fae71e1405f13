//! The admin's programs that tell people, and what runs them.

use super::{
    super::{
        facts::{Facts, NOTIFY_PATH, NOTIFY_SERVICE, NoticeFacts, Units},
        finding::{Finding, Verdict, quoted},
    },
    listed,
    unit::Watched,
};

const CHECK: &str = "hooks";

/// Whether those that are there get notices.
pub(super) fn hooks(facts: &Facts) -> Finding {
    let NoticeFacts { hooks, hooks_dir, .. } = &facts.notices;
    if !hooks.refused.is_empty() {
        let runs = if hooks.names.is_empty() { String::new() } else { format!("; run: {}", listed(&hooks.names)) };
        let found = format!("not run: {}{runs}", hooks.refused.join("; "));
        return Finding::warning(CHECK, found).mend(format!("ls -la {}", quoted(hooks_dir)));
    }
    if hooks.names.is_empty() {
        return Finding::skipped(CHECK, format!("no program in {}", hooks_dir.display()));
    }
    let names = listed(&hooks.names);
    if let Units::NoSystemd(why) = &facts.units {
        return Finding::warning(CHECK, format!("{why}: nothing hands notices to {names} by itself"))
            .mend("sudo ds01-idle deliver");
    }
    let path = Watched {
        check: CHECK,
        unit: NOTIFY_PATH,
        otherwise: format!("nothing hands notices to {names}"),
        missing: Verdict::Failed,
        stopped: Verdict::Failed,
    };
    let unit = match path.started(facts) {
        Ok(unit) => unit,
        Err(finding) => return Finding { found: format!("{NOTIFY_PATH}: {}", finding.found), ..finding },
    };
    let result = facts.units.get(NOTIFY_SERVICE).map_or("", |service| service.result.as_str());
    if !matches!(result, "" | "success") {
        return Finding::failed(CHECK, format!("{names}: the last run of {NOTIFY_SERVICE} ended badly ({result})"))
            .mend(format!("sudo journalctl -u {NOTIFY_SERVICE} -n 20"));
    }
    path.lasting(unit, names)
}

//! Whom a warning would reach now, on which ways.

use ds01_core::policy::{Notify, Way};

use super::{
    super::{
        facts::{Facts, NOTIFY_PATH, NoPolicy, NoticeFacts, Owner, Units, inventory},
        finding::{Finding, Verdict, quoted},
    },
    AS_ROOT, count, listed,
};

const CHECK: &str = "notices";

/// So many owners are told one by one, those first whom nothing reaches.
const MOST_TOLD: usize = 8;

/// How a warning reaches somebody, from the worst on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Not at all, or too late for somebody who is logged in.
    Nothing,
    /// Nobody knows.
    Unknown,
    /// When he logs in next.
    AtLogin,
    /// Now.
    Now,
}

/// Whether each owner of a running GPU container can be told.
pub(super) fn notices(facts: &Facts) -> Finding {
    if inventory(facts).is_none() {
        return Finding::skipped(CHECK, "no inventory to read");
    }
    let told = &facts.notices;
    let notify = match &told.policy {
        Ok(notify) => notify,
        Err(why) => return without_policy(facts, why),
    };
    let mut owners: Vec<(Reach, String)> = told.owners.iter().map(|owner| reach(facts, notify, owner)).collect();
    owners.sort();
    let worst = owners.first().map_or(Reach::Now, |(reach, _)| *reach);
    let more = owners.len().saturating_sub(MOST_TOLD);
    let mut parts: Vec<String> = owners.into_iter().take(MOST_TOLD).map(|(_, words)| words).collect();
    parts.extend((more > 0).then(|| format!("{} more", count(more, "owner"))));
    if told.ownerless > 0 {
        parts.push(format!("{} of an unknown owner", count(told.ownerless, "container")));
    }
    if parts.is_empty() {
        parts.push("no GPU container runs, so nobody has to be told".to_owned());
    }
    parts.extend(wall(notify, told));
    let found = parts.join("; ");
    match worst {
        Reach::Nothing => Finding::warning(CHECK, found).mend(mend(told, notify)),
        Reach::Unknown => Finding::warning(CHECK, found).mend_if((facts.uid != 0).then(|| AS_ROOT.to_owned())),
        Reach::AtLogin | Reach::Now => Finding::ok(CHECK, found),
    }
}

fn without_policy(facts: &Facts, why: &NoPolicy) -> Finding {
    let config = &facts.notices.config;
    match why {
        NoPolicy::Missing => Finding::skipped(CHECK, format!("no policy {}: nobody is warned", config.display())),
        NoPolicy::Unsound(error) => {
            let verdict = if facts.uid == 0 { Verdict::Failed } else { Verdict::Warning };
            let named = if config.as_path() == ds01_core::policy::DEFAULT_PATH {
                String::new()
            } else {
                format!(" --config {}", quoted(config))
            };
            Finding::new(CHECK, verdict, format!("{} is not sound, so there is no check: {error}", config.display()))
                .mend(format!("ds01-idle check-config{named}"))
        }
    }
}

/// How a warning reaches this owner, and that in words.
fn reach(facts: &Facts, notify: &Notify, owner: &Owner) -> (Reach, String) {
    let told = &facts.notices;
    let recipient = notify.recipient(&owner.name);
    let ways = &notify.channels.warning;
    let (mut now, mut unknown) = (Vec::new(), Vec::new());
    let mut refusing = 0;
    if ways.contains(&Way::Terminals) && !recipient.quiet {
        let mut takes = owner.inside.iter().flatten().sum::<usize>();
        match (&owner.uid, &told.terminals) {
            (Ok(uid), Ok(terminals)) => {
                let own = || terminals.iter().filter(|terminal| terminal.owner == *uid);
                let open = own().filter(|terminal| terminal.takes_messages || notify.despite_mesg).count();
                takes += open;
                refusing = own().count() - open;
            }
            (Err(why), _) | (_, Err(why)) => unknown.push(why.as_str()),
        }
        unknown.extend(owner.inside.iter().filter_map(|one| one.as_ref().err()).map(String::as_str));
        now.extend((takes > 0).then(|| count(takes, "terminal")));
    }
    let hooks: Vec<&String> = hooks(facts, notify).collect();
    if let (Units::Silent(why), false) = (&facts.units, hooks.is_empty()) {
        unknown.push(why);
    } else if !hooks.is_empty() {
        let address = recipient.address.map(|address| format!(" for {address}")).unwrap_or_default();
        now.push(format!("hook {}{address}", listed(hooks)));
    }
    let at_login = ways.contains(&Way::Login) && told.at_login && owner.uid.is_ok();
    let name = &owner.name;
    if !now.is_empty() {
        return (Reach::Now, format!("{name}: {}", now.join(", ")));
    }
    if let Some(why) = unknown.first() {
        return (Reach::Unknown, format!("{name}: not known ({why})"));
    }
    let here = owner.is_logged_in || refusing > 0;
    let why_not = if refusing > 0 { format!(", as {} no messages (mesg n)", takes(refusing)) } else { String::new() };
    match (here, at_login) {
        (true, _) => (Reach::Nothing, format!("{name} is logged in, and nothing reaches him now{why_not}")),
        (false, true) => (Reach::AtLogin, format!("{name}: at the next login")),
        (false, false) => (Reach::Nothing, format!("{name}: nothing reaches him")),
    }
}

fn takes(terminals: usize) -> String {
    format!("{} take{}", count(terminals, "terminal"), if terminals == 1 { "s" } else { "" })
}

/// The hooks that get warnings, unless it is known that nothing runs them.
fn hooks<'a>(facts: &'a Facts, notify: &'a Notify) -> impl Iterator<Item = &'a String> {
    let are_run = match &facts.units {
        Units::NoSystemd(_) => false,
        // Nobody knows.
        Units::Silent(_) => true,
        Units::Told(_) => facts.units.get(NOTIFY_PATH).is_some_and(|unit| unit.active == "active"),
    };
    let wanted = |hook: &&String| notify.channels.warning.iter().any(|way| way.takes_hook(hook));
    facts.notices.hooks.names.iter().filter(move |_| are_run).filter(wanted)
}

/// Whether everybody else is told, and where.
fn wall(notify: &Notify, told: &NoticeFacts) -> Option<String> {
    if !notify.wall || !notify.channels.warning.contains(&Way::Wall) {
        return None;
    }
    let terminals = match &told.terminals {
        Ok(terminals) => terminals,
        Err(why) => return Some(format!("wall: not known ({why})")),
    };
    let takes = terminals.iter().filter(|terminal| terminal.takes_messages || notify.despite_mesg).count();
    Some(match takes {
        0 => "wall: nobody is at a terminal".to_owned(),
        takes => format!("wall: {}", count(takes, "terminal")),
    })
}

/// A hook reaches people wherever they are.
fn mend(told: &NoticeFacts, notify: &Notify) -> String {
    if !notify.channels.warning.iter().any(|way| matches!(way, Way::Hooks | Way::Hook(_))) {
        return format!("sudoedit {}", quoted(&told.config));
    }
    if told.hooks.names.is_empty() {
        return format!("sudo cp {} {}", quoted(&told.example), quoted(&told.hooks_dir));
    }
    format!("systemctl status {NOTIFY_PATH}")
}

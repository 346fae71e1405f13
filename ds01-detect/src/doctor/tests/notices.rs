//! Whom a warning would reach.

use ds01_core::outbox::Hooks;

use super::{
    super::{
        facts::{Facts, NOTIFY_PATH, NOTIFY_SERVICE, NoPolicy, Owner, Units},
        finding::Verdict,
    },
    assert_finds,
    facts::{nothing_remembered, notify, terminal},
};

const COPY: Option<&str> = Some("sudo cp /usr/share/doc/ds01/examples/notify.d/mail /etc/ds01/notify.d");
const STATUS: Option<&str> = Some("systemctl status ds01-notify.path");

fn without_hooks(facts: &mut Facts) {
    facts.notices.hooks = Hooks::default();
}

/// Alice alone, without a terminal of hers.
fn without_terminals(facts: &mut Facts) {
    facts.notices.terminals = Ok(vec![terminal(1001, true)]);
    facts.notices.owners[0].inside.clear();
}

fn set_unit(facts: &mut Facts, unit: &str, active: &str, enabled: &str) {
    if let Units::Told(units) = &mut facts.units {
        let unit = units.get_mut(unit).unwrap();
        (unit.active, unit.enabled) = (active.to_owned(), enabled.to_owned());
    }
}

#[test]
fn each_owner_is_named_with_the_ways_to_him() {
    let all = "alice: 2 terminals, hook mail for alice@x.org; wall: 2 terminals";
    assert_finds("notices", Verdict::Ok, all, None, |_| {});
    assert_finds("notices", Verdict::Ok, "alice: 2 terminals; wall", None, without_hooks);
    assert_finds("notices", Verdict::Ok, "alice: hook mail for alice@x.org; wall: 1 terminal", None, without_terminals);
    assert_finds("notices", Verdict::Ok, "alice: hook mail; wall: 1 terminal", None, |facts| {
        without_terminals(facts);
        facts.notices.policy = Ok(notify(""));
    });
    assert_finds("notices", Verdict::Ok, "alice: hook mail", None, |facts| {
        facts.notices.policy = Ok(notify("wall: false, users: {alice: {quiet: true}}"));
    });
}

#[test]
fn who_is_logged_in_and_reached_by_nothing_is_told_of_first() {
    let nothing = "alice is logged in, and nothing reaches him now; wall: 1 terminal";
    assert_finds("notices", Verdict::Warning, nothing, COPY, |facts| {
        without_hooks(facts);
        without_terminals(facts);
    });
    let refuses =
        "nothing reaches him now, as 2 terminals take no messages (mesg n); zoe: 1 terminal; wall: 1 terminal";
    let refusing = |facts: &mut Facts| {
        without_hooks(facts);
        facts.notices.terminals = Ok(vec![terminal(1000, false), terminal(1000, false), terminal(1001, true)]);
        facts.notices.owners[0].inside = vec![Ok(0)];
        // Whose terminal it is is logged in.
        facts.notices.owners[0].is_logged_in = false;
        facts.notices.owners.push(Owner {
            name: "zoe".to_owned(),
            uid: Ok(1001),
            is_logged_in: true,
            inside: Vec::new(),
        });
    };
    assert_finds("notices", Verdict::Warning, refuses, COPY, refusing);
    assert_finds("notices", Verdict::Ok, "alice: 2 terminals; zoe: 1 terminal", None, |facts| {
        refusing(facts);
        facts.notices.policy = Ok(notify("despite_mesg: true"));
    });
    // What nothing runs reaches nobody.
    assert_finds("notices", Verdict::Warning, "nothing reaches him now", STATUS, |facts| {
        without_terminals(facts);
        set_unit(facts, NOTIFY_PATH, "inactive", "disabled");
    });
    let edit = Some("sudoedit /etc/ds01/resource-limits.yaml");
    assert_finds("notices", Verdict::Warning, "nothing reaches him now", edit, |facts| {
        facts.notices.policy = Ok(notify("channels: {warning: [login]}"));
    });
}

#[test]
fn who_is_away_finds_it_at_his_login_unless_that_is_off() {
    let away = |facts: &mut Facts| {
        without_hooks(facts);
        without_terminals(facts);
        facts.notices.owners[0].is_logged_in = false;
    };
    assert_finds("notices", Verdict::Ok, "alice: at the next login", None, away);
    assert_finds("notices", Verdict::Warning, "alice: nothing reaches him", COPY, |facts| {
        away(facts);
        facts.notices.at_login = false;
    });
    assert_finds("notices", Verdict::Warning, "alice: nothing reaches him", COPY, |facts| {
        away(facts);
        facts.notices.policy = Ok(notify("channels: {warning: [terminals, hooks]}"));
    });
}

#[test]
fn what_is_not_known_is_said_with_its_reason() {
    let unread = |facts: &mut Facts| {
        without_hooks(facts);
        facts.notices.terminals = Err("/dev: Permission denied".to_owned());
        facts.notices.owners[0].inside.clear();
    };
    assert_finds("notices", Verdict::Warning, "alice: not known (/dev: Permission denied)", None, unread);
    let as_root = Some("sudo ds01-detect doctor");
    assert_finds("notices", Verdict::Warning, "alice: not known (/proc/7/root: Permission denied)", as_root, |facts| {
        without_hooks(facts);
        without_terminals(facts);
        facts.uid = 1000;
        facts.notices.owners[0].inside = vec![Err("/proc/7/root: Permission denied".to_owned())];
    });
    assert_finds("notices", Verdict::Warning, "alice: not known (this host knows no user", None, |facts| {
        without_hooks(facts);
        without_terminals(facts);
        facts.notices.owners[0].uid = Err("this host knows no user of that name".to_owned());
    });
    assert_finds("notices", Verdict::Warning, "alice: not known (systemctl: no answer", None, |facts| {
        without_terminals(facts);
        facts.units = Units::Silent("systemctl: no answer within 5s".to_owned());
    });
    assert_finds("notices", Verdict::Skipped, "no inventory to read", None, nothing_remembered);
    assert_finds("notices", Verdict::Skipped, "no policy /etc/ds01/resource-limits.yaml", None, |facts| {
        facts.notices.policy = Err(NoPolicy::Missing);
    });
    let check = Some("ds01-idle check-config");
    assert_finds("notices", Verdict::Failed, "is not sound, so there is no check: no unit", check, |facts| {
        facts.notices.policy = Err(NoPolicy::Unsound("no unit".to_owned()));
    });
}

#[test]
fn many_owners_are_counted_and_so_are_containers_of_nobody() {
    assert_finds("notices", Verdict::Ok, "no GPU container runs, so nobody has to be told; wall", None, |facts| {
        facts.notices.owners.clear();
    });
    let says = "user7: 1 terminal; 12 owners more; 2 containers of an unknown owner; wall: nobody is at a terminal";
    assert_finds("notices", Verdict::Ok, says, None, |facts| {
        without_hooks(facts);
        facts.notices.terminals = Ok(Vec::new());
        let owner =
            |n: usize| Owner { name: format!("user{n}"), uid: Ok(1000), is_logged_in: true, inside: vec![Ok(1)] };
        facts.notices.owners = (0..20).map(owner).collect();
        facts.notices.owners.sort_by_key(|owner| owner.name.len());
        facts.notices.owners.truncate(20);
        facts.notices.owners.iter_mut().skip(8).for_each(|owner| owner.name = format!("zz{}", owner.name));
        facts.notices.ownerless = 2;
    });
}

#[test]
fn hooks_are_run_by_a_unit_that_has_to_be_there() {
    assert_finds("hooks", Verdict::Ok, "mail", None, |_| {});
    assert_finds("hooks", Verdict::Skipped, "no program in /etc/ds01/notify.d", None, without_hooks);
    let enable = Some("sudo systemctl enable --now --no-reload ds01-notify.path");
    let stopped = "ds01-notify.path: inactive, disabled: nothing hands notices to mail";
    assert_finds("hooks", Verdict::Failed, stopped, enable, |facts| {
        set_unit(facts, NOTIFY_PATH, "inactive", "disabled");
    });
    let start = Some("sudo systemctl start ds01-notify.path");
    assert_finds("hooks", Verdict::Failed, "inactive, enabled", start, |facts| {
        set_unit(facts, NOTIFY_PATH, "inactive", "enabled");
    });
    let boot = Some("sudo systemctl enable --no-reload ds01-notify.path");
    assert_finds("hooks", Verdict::Warning, "mail, and not enabled: gone with the next boot", boot, |facts| {
        set_unit(facts, NOTIFY_PATH, "active", "disabled");
    });
    assert_finds("hooks", Verdict::Failed, "ds01-notify.path: not installed: nothing hands", None, |facts| {
        if let Units::Told(units) = &mut facts.units {
            units.remove(NOTIFY_PATH);
        }
    });
    let journal = Some("sudo journalctl -u ds01-notify.service -n 20");
    assert_finds("hooks", Verdict::Failed, "ended badly (exit-code)", journal, |facts| {
        if let Units::Told(units) = &mut facts.units {
            units.get_mut(NOTIFY_SERVICE).unwrap().result = "exit-code".to_owned();
        }
    });
    let by_hand = Some("sudo ds01-idle deliver");
    assert_finds(
        "hooks",
        Verdict::Warning,
        "no systemctl: nothing hands notices to mail by itself",
        by_hand,
        |facts| {
            facts.units = Units::NoSystemd("no systemctl".to_owned());
        },
    );
    let list = Some("ls -la /etc/ds01/notify.d");
    assert_finds("hooks", Verdict::Warning, "not run: chat: it belongs to user id 5; run: mail", list, |facts| {
        facts.notices.hooks.refused = vec!["chat: it belongs to user id 5".to_owned()];
    });
}

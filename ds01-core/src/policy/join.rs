//! Who is in which group: the members that the main file names, and those of the members files.

use std::collections::BTreeSet;

use super::{
    diagnostic::{Findings, Severity},
    level::Place,
    members,
    names::ByUser,
    reader::Reader,
    schema,
    settings::Located,
    sources::Sources,
    whole::Policy,
};

/// Joins the members of both, and reports who is where twice, and which group has none.
pub(crate) fn join(policy: &mut Policy, sources: &Sources<'_>, found: &mut Findings) {
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    let mut joined: Vec<(String, Located<String>)> = Vec::new();
    for (group, (said, _)) in &policy.groups {
        joined.extend(said.members.iter().map(|member| (group.clone(), member.clone())));
    }
    for (group, source) in &sources.members {
        let mut reader = Reader::new(source, found);
        let names = members::members(&mut reader);
        if policy.groups.contains_key(*group) || policy.default_group() == *group {
            listed.insert(group);
            joined.extend(names.into_iter().map(|member| ((*group).to_owned(), member)));
        } else {
            let hint = schema::nearest(group, policy.groups.keys().map(String::as_str));
            let rename = hint.map(|name| format!(", or rename the file to `{name}.members`")).unwrap_or_default();
            let help = format!("write `{group}: {{}}` in `groups` to make it one{rename}");
            reader.about_file(Severity::Warning, format!("there is no group `{group}`: nobody reads this file"), help);
        }
    }
    for (group, Located { value: name, place }) in joined {
        match policy.members.get(&name) {
            Some((other, other_place)) if *other != group => {
                let message = format!("`{name}` is a member of `{other}` ({other_place}) and of `{group}`");
                let help = "keep one of the two: a user has one group's limits";
                sources.report(&place, &name, Severity::Error, message, help, found);
            }
            Some(_) => {}
            None => policy.members.insert(name, (group, place)),
        }
    }
    shared_names(&policy.members, sources, found);
    nobody_in(policy, &listed, sources, found);
}

/// Warns of people in different groups who look alike where their domains are not known.
fn shared_names(members: &ByUser<(String, Place)>, sources: &Sources<'_>, found: &mut Findings) {
    for (short, names) in members.shared_short_forms() {
        let entries: Vec<&(String, Place)> = names.iter().filter_map(|name| members.get(name)).collect();
        let groups: BTreeSet<&str> = entries.iter().map(|(group, _)| &**group).collect();
        if let (true, [(_, place), ..]) = (groups.len() > 1, &entries[..]) {
            let all = quoted(names);
            let message = format!("{all} are in different groups, and all are `{short}` without their domains");
            let help = match members.get(short) {
                Some((group, _)) => format!("a user only known as `{short}` is in `{group}`: is that who is meant?"),
                None => format!("a user only known as `{short}` is in the default group: list that name too"),
            };
            sources.report(place, &names[0], Severity::Warning, message, help, found);
        }
    }
}

/// Warns of groups that have no members, and of a default group that is none.
fn nobody_in(policy: &Policy, listed: &BTreeSet<&str>, sources: &Sources<'_>, found: &mut Findings) {
    let default = policy.default_group();
    for (group, (said, place)) in &policy.groups {
        if group != default && !said.lists_members && !listed.contains(group.as_str()) {
            let message = format!("nobody is in the group `{group}`: no `members`, and no groups/{group}.members");
            let help = format!("list its members in either place, or write `members: []` in `{group}`");
            sources.report(place, group, Severity::Warning, message, help, found);
        }
    }
    let Some((_, (_, first))) = policy.groups.first_key_value() else { return };
    if !policy.groups.contains_key(default) {
        let hint = schema::nearest(default, policy.groups.keys().map(String::as_str));
        let help = match hint {
            Some(name) => format!("write `default_group: {name}` if that is meant, else `{default}: {{}}` in `groups`"),
            None => format!("write `{default}: {{}}` in `groups`: its members then get what `defaults` says"),
        };
        let message = format!("the default group `{default}` is not in `groups`");
        let place = policy.default_group.as_ref().map_or(first, |group| &group.place);
        sources.report(place, default, Severity::Warning, message, help, found);
    }
}

/// Names in a sentence, the first few of them.
pub(crate) fn quoted(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 3 { " and others" } else { "" };
    format!("{}{more}", shown.join(" and "))
}

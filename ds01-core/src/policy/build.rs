//! From the files' bytes to a policy, or to everything that is wrong with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    BadPolicy, Loaded, Policy,
    diagnostic::{Diagnostic, Findings, Severity},
    exemptions,
    level::{ContainerType, Place},
    members,
    monitoring::{self, Monitoring},
    names::ByUser,
    reader::{Entry, Reader, Said, Spelled},
    schema::{self, Scope},
    settings::Located,
    yaml::Node,
};

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its path, as diagnostics and provenance name it.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files that make a policy, as bytes: so that anything that has bytes can ask what they would mean.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// `resource-limits.yaml`.
    pub policy: Document,
    /// `user-overrides.yaml` beside it.
    pub overrides: Option<Document>,
    /// `lifecycle-exemptions.yaml` beside it.
    pub exemptions: Option<Document>,
    /// `groups/NAME.members` beside it, by NAME.
    pub members: BTreeMap<String, Document>,
}

const SECTIONS: [&str; 7] =
    ["defaults", "default_group", "groups", "user_overrides", "container_types", "policies", "monitoring"];

/// The group of whom no file names in any, where no file says which.
const DEFAULT_GROUP: &str = "student";

/// Reads the files' bytes: a pure function of them.
///
/// # Errors
///
/// [`BadPolicy`] with everything that is wrong, and every warning, when there is at least one error.
pub fn parse(files: &PolicyFiles) -> Result<Loaded, BadPolicy> {
    build(files, Findings::default())
}

/// As [`parse`], for files of which some could not be read, which `found` says.
pub(crate) fn build(files: &PolicyFiles, mut found: Findings) -> Result<Loaded, BadPolicy> {
    let main = &files.policy;
    let mut policy = Policy::built_in();
    if let Some(mut reader) = Reader::new(&main.path, &main.bytes, &mut found) {
        main_file(&mut reader, &mut policy);
    }
    if let Some(document) = &files.overrides
        && let Some(mut reader) = Reader::new(&document.path, &document.bytes, &mut found)
        && let Some(root) = reader.document()
    {
        policy.overrides_file = overrides_file(&mut reader, &root);
    }
    if let Some(document) = &files.exemptions
        && let Some(mut reader) = Reader::new(&document.path, &document.bytes, &mut found)
    {
        policy.exemptions = exemptions::exemptions(&mut reader);
    }
    join_members(&mut policy, files, &mut found);
    for overrides in [&policy.overrides_file, &policy.overrides_inline] {
        for (short, names) in overrides.shared_short_forms() {
            let message = format!("the overrides of {} all speak of `{short}`", quoted(names.iter()));
            let help = format!("a container whose owner is only known as `{short}` gets none: add one for that name");
            if let Some((_, place)) = overrides.get(&names[0]) {
                report(files, place, &names[0], Severity::Warning, message, help, &mut found);
            }
        }
    }
    let bad = found.seen(Severity::Error) > 0;
    let found = found.finish(&main.path);
    if bad { Err(BadPolicy { found }) } else { Ok(Loaded { policy, warnings: found }) }
}

/// Reports what is said of a `name` at a place of one of the files.
fn report(
    files: &PolicyFiles,
    place: &Place,
    name: &str,
    severity: Severity,
    message: String,
    help: String,
    found: &mut Findings,
) {
    if found.full(severity) {
        found.count(severity);
        return;
    }
    let documents = [Some(&files.policy), files.overrides.as_ref()].into_iter().flatten().chain(files.members.values());
    let document = documents.into_iter().find(|document| *document.path == *place.file);
    if let Some(mut reader) = document.and_then(|document| Reader::new(&document.path, &document.bytes, found)) {
        reader.about_name(severity, place.line, name, message, help);
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

fn main_file(reader: &mut Reader<'_>, policy: &mut Policy) {
    let before = reader.errors();
    let Some(root) = reader.document() else {
        if reader.errors() == before {
            let help = "write a policy: `defaults` with `idle_timeout` and `max_runtime` is enough";
            reader.about_file(Severity::Error, "the file says nothing", help);
        }
        return;
    };
    // `policies` and `defaults.policies` both hold for everybody, so they are one place.
    let mut spelled = Spelled::new();
    let mut defaults_at = None;
    for entry in reader.entries(&root, "the file") {
        match entry.key {
            "defaults" => {
                defaults_at = Some(entry.at);
                reader.add(&mut policy.defaults, &mut spelled, entry.value, Scope::Defaults, "`defaults`");
            }
            "policies" => reader.add(&mut policy.defaults, &mut spelled, entry.value, Scope::Policies, "`policies`"),
            "default_group" => default_group(reader, entry, policy),
            "groups" => {
                for group in reader.entries(entry.value, "`groups`") {
                    if let Some(help) = bad_group_name(group.key) {
                        reader.error(group.at, format!("`{}` can't be a group's name", group.key), help);
                        continue;
                    }
                    let said = reader.said(group.value, Scope::Group, &format!("the group `{}`", group.key));
                    let place = Located::new((), &reader.file, group.at.line).place;
                    policy.groups.insert(group.key.to_owned(), (said, place));
                }
            }
            "user_overrides" => policy.overrides_inline = overrides(reader, entry.value, "`user_overrides`"),
            "container_types" => container_types(reader, entry.value, policy),
            "monitoring" => policy.monitoring = monitoring::read(reader, entry.value),
            key if schema::PLATFORM_SECTIONS.contains(&key) => {}
            key => reader.unknown_key(entry, "the file", || {
                if Scope::Defaults.key(key) != schema::Key::Unknown {
                    format!("`{key}` belongs in `defaults`")
                } else if Scope::Policies.key(key) != schema::Key::Unknown {
                    format!("`{key}` belongs in `policies`")
                } else {
                    schema::hint(key, SECTIONS.into_iter().chain(schema::PLATFORM_SECTIONS.iter().copied()))
                }
            }),
        }
    }
    // Where something is wrong, a limit may be missing only because it could not be read.
    if reader.errors() > before {
        return;
    }
    let limits = &policy.defaults.limits;
    for (name, missing, value) in
        [("idle_timeout", limits.idle_timeout.is_none(), "30m"), ("max_runtime", limits.max_runtime.is_none(), "24h")]
    {
        if missing {
            let message = format!("`defaults` has no `{name}`: the built-in {value} holds for whoever has no other");
            let help = format!("write `{name}: {value}` in `defaults`, or `{name}: null` for no limit");
            match defaults_at {
                Some(at) => reader.warn(at, message, help),
                None => reader.about_file(Severity::Warning, message, help),
            }
        }
    }
}

fn default_group(reader: &mut Reader<'_>, entry: Entry<'_>, policy: &mut Policy) {
    let Some(given) = reader.scalar(entry) else { return };
    if entry.value.is_null() || bad_group_name(given.text).is_some() {
        reader.error(entry.at, "`default_group` names no group", "write a group's name, such as `student`");
    } else {
        policy.default_group = Some(Located::new(given.text.to_owned(), &reader.file, entry.at.line));
    }
}

/// Group names are parts of file names, and are printed: plain ones only.
fn bad_group_name(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let sound = !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.chars().all(plain);
    (!sound).then_some("write letters, digits, `_`, `-` and `.`, at most 64, without a `.` at the start")
}

fn overrides(reader: &mut Reader<'_>, node: &Node, what: &str) -> ByUser<(Said, Place)> {
    let mut overrides = ByUser::default();
    for entry in reader.entries(node, what) {
        if let Some(wrong) = members::fault(entry.key) {
            reader.error(entry.at, wrong.message, wrong.help);
            continue;
        }
        let said = reader.said(entry.value, Scope::UserOverride, &format!("the override of `{}`", entry.key));
        overrides.insert(entry.key.to_owned(), (said, Located::new((), &reader.file, entry.at.line).place));
    }
    overrides
}

/// `user-overrides.yaml` has users at its top, or under the name that they have in the main file.
fn overrides_file(reader: &mut Reader<'_>, root: &Node) -> ByUser<(Said, Place)> {
    if let super::yaml::Kind::Map(pairs) = &root.kind
        && let [(key, value)] = &pairs[..]
        && matches!(&key.kind, super::yaml::Kind::Scalar { text, .. } if text == "user_overrides")
    {
        return overrides(reader, value, "`user_overrides`");
    }
    overrides(reader, root, "the file")
}

fn container_types(reader: &mut Reader<'_>, node: &Node, policy: &mut Policy) {
    let mut lines: BTreeMap<ContainerType, u32> = BTreeMap::new();
    for entry in reader.entries(node, "`container_types`") {
        match ContainerType::from_name(entry.key) {
            Some(ContainerType::Managed) => {
                let help = "write its values in `defaults` or in a group: those decide for managed containers";
                reader.error(entry.at, format!("`{}` is no container type of its own", entry.key), help);
            }
            Some(kind) => {
                if let Some(line) = lines.insert(kind, entry.at.line) {
                    let message = format!("`{}` stands twice in `container_types`, under two names", kind.as_str());
                    reader.error(entry.at, message, format!("keep one of the two: the other is on line {line}"));
                    continue;
                }
                let said =
                    reader.said(entry.value, Scope::ContainerType, &format!("the container type `{}`", entry.key));
                policy.types.insert(kind, said);
            }
            None => reader.unknown_key(entry, "`container_types`", || {
                schema::hint(entry.key, ContainerType::ALL[1..].iter().map(|kind| kind.as_str()))
            }),
        }
    }
}

/// Joins the members that the main file names with those of the members files, and says who is where twice.
fn join_members(policy: &mut Policy, files: &PolicyFiles, found: &mut Findings) {
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    let mut joined: Vec<(String, Located<String>)> = Vec::new();
    for (group, (said, _)) in &policy.groups {
        joined.extend(said.members.iter().map(|member| (group.clone(), member.clone())));
    }
    for (group, document) in &files.members {
        let Some(mut reader) = Reader::new(&document.path, &document.bytes, found) else { continue };
        let names = members::members(&mut reader);
        if policy.groups.contains_key(group) || policy.default_group() == group {
            listed.insert(group);
            joined.extend(names.into_iter().map(|member| (group.clone(), member)));
        } else {
            let hint = schema::nearest(group, policy.groups.keys().map(String::as_str));
            let rename = hint.map(|name| format!(", or rename the file to `{name}.members`")).unwrap_or_default();
            let help = format!("write `{group}: {{}}` in `groups` to make it one{rename}");
            reader.about_file(Severity::Warning, format!("there is no group `{group}`: nobody reads this file"), help);
        }
    }
    for (group, member) in joined {
        let Located { value: name, place } = member;
        match policy.members.get(&name) {
            Some((other, other_place)) if *other != group => {
                let message = format!("`{name}` is a member of `{other}` ({other_place}) and of `{group}`");
                let help = "keep one of the two: a user has one group's limits".to_owned();
                report(files, &place, &name, Severity::Error, message, help, found);
            }
            Some(_) => {}
            None => policy.members.insert(name, (group, place)),
        }
    }
    for (short, names) in policy.members.shared_short_forms() {
        let groups: BTreeSet<&str> =
            names.iter().filter_map(|name| policy.members.get(name)).map(|(group, _)| &**group).collect();
        if let (true, Some((_, place))) = (groups.len() > 1, policy.members.get(&names[0])) {
            let all = quoted(names.iter());
            let message = format!("{all} are in different groups, and all are `{short}` without their domains");
            let help = format!("a user only known as `{short}` is in the default group: list that name too");
            report(files, place, &names[0], Severity::Warning, message, help, found);
        }
    }
    nobody_in(policy, &listed, files, found);
}

/// Warns of groups that have no members, and of a default group that is none.
fn nobody_in(policy: &Policy, listed: &BTreeSet<&str>, files: &PolicyFiles, found: &mut Findings) {
    let default = policy.default_group();
    for (group, (said, place)) in &policy.groups {
        if group != default && !said.lists_members && !listed.contains(group.as_str()) {
            let message = format!("nobody is in the group `{group}`: no `members`, and no groups/{group}.members");
            let help = format!("list its members in either place, or write `members: []` in `{group}`");
            report(files, place, group, Severity::Warning, message, help, found);
        }
    }
    if !policy.groups.is_empty() && !policy.groups.contains_key(default) {
        let hint = schema::nearest(default, policy.groups.keys().map(String::as_str));
        let help = match hint {
            Some(name) => format!("write `default_group: {name}` if that is meant, else `{default}: {{}}` in `groups`"),
            None => format!("write `{default}: {{}}` in `groups`: its members then get what `defaults` says"),
        };
        let message = format!("the default group `{default}` is not in `groups`");
        match &policy.default_group {
            Some(group) => report(files, &group.place, default, Severity::Warning, message, help, found),
            None => found.push(Diagnostic::about_file(Severity::Warning, &files.policy.path, message, help)),
        }
    }
}

impl Policy {
    /// What holds where no file says anything.
    fn built_in() -> Self {
        Self {
            defaults: Said::default(),
            groups: BTreeMap::new(),
            types: BTreeMap::new(),
            overrides_file: ByUser::default(),
            overrides_inline: ByUser::default(),
            members: ByUser::default(),
            default_group: None,
            exemptions: Vec::new(),
            monitoring: Monitoring::default(),
        }
    }

    /// The group of whom no file names in any.
    pub fn default_group(&self) -> &str {
        self.default_group.as_ref().map_or(DEFAULT_GROUP, |group| &group.value)
    }
}

//! From the files' bytes to a policy, or to everything that is wrong with them.

use std::collections::BTreeMap;

use super::{
    diagnostic::{BadPolicy, Findings, Severity},
    document::PolicyFiles,
    engines, exemptions, join, journal,
    level::{ContainerType, Place},
    metrics, monitoring,
    names::ByUser,
    notify, public_view,
    reader::{Entry, Reader, Spelled},
    schema::{self, Scope},
    settings::{Located, Said},
    sources::Sources,
    user_name,
    whole::{Loaded, Policy},
    yaml::Node,
};

const SECTIONS: [&str; 12] = [
    "defaults",
    "default_group",
    "groups",
    "user_overrides",
    "container_types",
    "policies",
    "engines",
    "monitoring",
    "notify",
    "journal",
    "metrics",
    "public_view",
];

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
    let sources = Sources::decode(files, &mut found);
    let mut policy = Policy::built_in();
    if let Some(source) = &sources.policy {
        main_file(&mut Reader::new(source, &mut found), &mut policy);
    }
    if let Some(source) = &sources.overrides {
        let mut reader = Reader::new(source, &mut found);
        if let Some(root) = reader.document() {
            policy.overrides_file = overrides_file(&mut reader, &root);
        }
    }
    if let Some(source) = &sources.exemptions {
        policy.exemptions = exemptions::exemptions(&mut Reader::new(source, &mut found));
    }
    join::join(&mut policy, &sources, &mut found);
    let overrides = policy.overrides_file.iter().chain(policy.overrides_inline.iter());
    shared("overrides", overrides.map(|(name, (_, place))| (name, place)), &sources, &mut found);
    let exemptions = policy.exemptions.iter().map(|exemption| (exemption.username.as_str(), &exemption.place));
    shared("exemptions", exemptions, &sources, &mut found);
    let bad = found.seen(Severity::Error) > 0;
    let found = found.finish(&files.policy.path);
    if bad { Err(BadPolicy { found }) } else { Ok(Loaded { policy, warnings: found }) }
}

/// Warns of `what`, in one file or in several, for people who look alike where their domains are not known.
fn shared<'p>(
    what: &str,
    entries: impl Iterator<Item = (&'p str, &'p Place)>,
    sources: &Sources<'_>,
    found: &mut Findings,
) {
    let mut places = ByUser::default();
    for (name, place) in entries {
        places.insert(name.to_owned(), place);
    }
    // Where one of them is the short name itself, that is whose it is.
    for (short, names) in places.shared_short_forms().filter(|(short, _)| places.get(short).is_none()) {
        let message = format!("the {what} of {} all speak of `{short}`", join::quoted(names));
        let help = format!("a container whose owner is only known as `{short}` gets none: add one for that name");
        if let Some(place) = places.get(&names[0]) {
            sources.report(place, &names[0], Severity::Warning, message, help, found);
        }
    }
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
                    let place = reader.place(group.at.line);
                    policy.groups.insert(group.key.to_owned(), (said, place));
                }
            }
            "user_overrides" => policy.overrides_inline = overrides(reader, entry.value, "`user_overrides`"),
            "container_types" => container_types(reader, entry.value, policy),
            "engines" => policy.engines = engines::read(reader, entry.value),
            "monitoring" => policy.monitoring = monitoring::read(reader, entry.value),
            "notify" => policy.notify = notify::read(reader, entry.value),
            "journal" => policy.journal = journal::read(reader, entry.value),
            "metrics" => policy.metrics = metrics::read(reader, entry.value),
            "public_view" => policy.public_view = public_view::read(reader, entry),
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
        policy.default_group = Some(Located { value: given.text.to_owned(), place: reader.place(entry.at.line) });
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
        if let Some(wrong) = user_name::fault(entry.key) {
            reader.error(entry.at, wrong.message, wrong.help);
            continue;
        }
        let said = reader.said(entry.value, Scope::UserOverride, &format!("the override of `{}`", entry.key));
        overrides.insert(entry.key.to_owned(), (said, reader.place(entry.at.line)));
    }
    overrides
}

/// `user-overrides.yaml` has users at its top, or under the name that they have in the main file, but not both.
fn overrides_file(reader: &mut Reader<'_>, root: &Node) -> ByUser<(Said, Place)> {
    const SECTION: &str = "user_overrides";
    let Some(section) = root.entry(SECTION) else { return overrides(reader, root, "the file") };
    for other in reader.entries(root, "the file") {
        if other.key != SECTION {
            let message = format!("`{}` stands beside `{SECTION}`, not in it", other.key);
            reader.error(other.at, message, format!("indent the users under `{SECTION}`, or take that key away"));
        }
    }
    overrides(reader, section, "`user_overrides`")
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

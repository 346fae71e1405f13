//! Walking a document and collecting everything that is wrong with it.

use std::collections::BTreeMap;

use super::{
    diagnostic::{Diagnostic, Findings, Position, Severity},
    level::Place,
    schema::{Key, Scope},
    settings::{Located, Said},
    source::Source,
    user_name,
    value::{Given, Wrong},
    yaml::{self, Kind, Node},
};
use crate::duration::Unit;

/// A file, and where to put what is found in it.
pub(crate) struct Reader<'a> {
    source: &'a Source<'a>,
    found: &'a mut Findings,
}

/// One key of a mapping with its value.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'n> {
    pub(crate) key: &'n str,
    pub(crate) at: Position,
    pub(crate) value: &'n Node,
}

/// The settings that one place of a file gave so far, each with the key that it was spelled as, and the line.
pub(crate) type Spelled<'n> = BTreeMap<&'static str, (&'n str, u32)>;

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a Source<'a>, found: &'a mut Findings) -> Self {
        Self { source, found }
    }

    /// The document's root; `None` when it is empty, or is no YAML, which is then reported.
    pub(crate) fn document(&mut self) -> Option<Node> {
        match yaml::parse(self.source.text) {
            Ok(root) => root.filter(|root| !root.is_null()),
            Err(fault) => {
                self.error(fault.at, fault.message, fault.help);
                None
            }
        }
    }

    /// The lines of the file with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        self.source.lines()
    }

    /// A line of the file.
    pub(crate) fn place(&self, line: u32) -> Place {
        self.source.place(line)
    }

    /// How many errors were found so far.
    pub(crate) fn errors(&self) -> usize {
        self.found.seen(Severity::Error)
    }

    pub(crate) fn error(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.report(Severity::Error, at, message.into(), help.into());
    }

    pub(crate) fn warn(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.report(Severity::Warning, at, message.into(), help.into());
    }

    /// A finding about the whole file.
    pub(crate) fn about_file(&mut self, severity: Severity, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Diagnostic::about_file(severity, &*self.source.file, message, help));
    }

    fn report(&mut self, severity: Severity, at: Position, message: String, help: String) {
        if self.found.full(severity) {
            self.found.count(severity);
        } else {
            self.found.push(self.source.diagnostic(severity, at, message, help));
        }
    }

    /// Warns of a key that nobody knows. What to write is only looked for when somebody will read it.
    pub(crate) fn unknown_key(&mut self, entry: Entry<'_>, what: &str, hint: impl FnOnce() -> String) {
        if self.found.full(Severity::Warning) {
            self.found.count(Severity::Warning);
        } else {
            self.warn(entry.at, format!("nobody knows the key `{}` in {what}", entry.key), hint());
        }
    }

    /// The entries of a mapping. Null has none; anything else than a mapping, and each key that can't be used, is
    /// reported. `what` is the mapping's name.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Entry<'n>> {
        if self.tagged(node, what) {
            return Vec::new();
        }
        let Kind::Map(pairs) = &node.kind else {
            if !node.is_null() {
                let (message, help) =
                    self.misfit(node, what, "keys with values, such as `idle_timeout: 30m`, one a line");
                self.error(node.at, message, help);
            }
            return Vec::new();
        };
        let mut first_lines: BTreeMap<&str, u32> = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, value) in pairs {
            if self.tagged(key, &format!("a key of {what}")) {
                continue;
            }
            let Kind::Scalar { text, .. } = &key.kind else {
                self.error(key.at, format!("a key of {what} is {}", key.describe()), "write a name as the key");
                continue;
            };
            if text == "<<" {
                let help = "merge keys are not read here: write the keys out";
                self.error(key.at, format!("a merge key stands in {what}"), help);
            } else if let Some(line) = first_lines.get(text.as_str()) {
                let help = format!("keep one of the two: the other is on line {line}");
                self.error(key.at, format!("`{text}` stands twice in {what}"), help);
            } else {
                first_lines.insert(text, key.at.line);
                entries.push(Entry { key: text, at: key.at, value });
            }
        }
        entries
    }

    /// The single value of an entry; anything else is reported.
    pub(crate) fn scalar<'n>(&mut self, entry: Entry<'n>) -> Option<Given<'n>> {
        match &entry.value.kind {
            _ if self.tagged(entry.value, &format!("`{}`", entry.key)) => None,
            Kind::Scalar { text, plain } => Some(Given { text, plain: *plain, unit: None }),
            _ => {
                let (message, help) = self.misfit(entry.value, &format!("`{}`", entry.key), "a single value");
                self.error(entry.value.at, message, help);
                None
            }
        }
    }

    /// The texts of a list, each as it is written, so that a name like `007` stays a name.
    /// `true` or `false`.
    pub(crate) fn flag(&mut self, entry: Entry<'_>) -> Option<bool> {
        match self.scalar(entry)?.text.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.error(entry.at, format!("`{}` is neither on nor off", entry.key), "write `true` or `false`");
                None
            }
        }
    }

    pub(crate) fn names<'n>(&mut self, entry: Entry<'n>) -> Vec<(&'n str, Position)> {
        let what = format!("`{}`", entry.key);
        if self.tagged(entry.value, &what) {
            return Vec::new();
        }
        let Kind::List(items) = &entry.value.kind else {
            if !entry.value.is_null() {
                let (message, help) = self.misfit(entry.value, &what, "a list, such as `[one, two]`");
                self.error(entry.value.at, message, help);
            }
            return Vec::new();
        };
        let mut names = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Scalar { text, .. } if !item.is_null() && !item.tagged && !text.trim().is_empty() => {
                    names.push((text.as_str(), item.at));
                }
                _ => {
                    let message = format!("an entry of {what} is {}, not a name", item.describe());
                    self.error(
                        item.at,
                        message,
                        "write one name as each entry, in quotes if it looks like something else",
                    );
                }
            }
        }
        names
    }

    /// Whether a node has a tag, which is then reported: what it would make of the value is not known here.
    fn tagged(&mut self, node: &Node, what: &str) -> bool {
        if node.tagged {
            self.error(node.at, format!("{what} has a tag, and tags are not read"), "remove the tag");
        }
        node.tagged
    }

    fn misfit(&self, node: &Node, what: &str, wanted: &str) -> (String, String) {
        let help = match node.kind {
            Kind::Alias => "aliases are not followed: write the value out here".to_owned(),
            _ => format!("write {wanted}"),
        };
        (format!("{what} is {}", node.describe()), help)
    }

    /// Reads what one place of a file says.
    pub(crate) fn said(&mut self, node: &Node, scope: Scope, what: &str) -> Said {
        let mut said = Said::default();
        self.add(&mut said, &mut Spelled::new(), node, scope, what);
        said
    }

    /// Adds a mapping to what is `said`. `spelled` holds the settings that were met before, in this mapping or another
    /// that says the same, such as the `policies` within it.
    pub(crate) fn add<'n>(
        &mut self,
        said: &mut Said,
        spelled: &mut Spelled<'n>,
        node: &'n Node,
        scope: Scope,
        what: &str,
    ) {
        for entry in self.entries(node, what) {
            match scope.key(entry.key) {
                Key::Limit(name, unit) => {
                    if let Some(given) = self.setting(entry, name, unit, spelled, what) {
                        let read = said.limits.set(name, &given, self.place(entry.at.line));
                        self.outcome(entry, read);
                    }
                }
                Key::Rule(name, unit) => {
                    if let Some(given) = self.setting(entry, name, unit, spelled, what) {
                        let read = said.rules.set(name, &given, self.place(entry.at.line));
                        self.outcome(entry, read);
                    }
                }
                Key::Policies => {
                    self.add(said, spelled, entry.value, Scope::Policies, &format!("the policies of {what}"))
                }
                Key::Members => {
                    said.lists_members = true;
                    for (name, at) in self.names(entry) {
                        match user_name::fault(name) {
                            Some(wrong) => self.error(at, wrong.message, wrong.help),
                            None => said.members.push(Located { value: name.to_owned(), place: self.place(at.line) }),
                        }
                    }
                }
                Key::Platform => {}
                Key::Unknown => self.unknown_key(entry, what, || scope.hint(entry.key)),
            }
        }
    }

    /// The value of a setting that was not met before.
    fn setting<'n>(
        &mut self,
        entry: Entry<'n>,
        name: &'static str,
        unit: Option<Unit>,
        spelled: &mut Spelled<'n>,
        what: &str,
    ) -> Option<Given<'n>> {
        if let Some((other, line)) = spelled.insert(name, (entry.key, entry.at.line)) {
            let message = if other == entry.key {
                format!("`{other}` is said a second time for {what}")
            } else {
                format!("`{}` and `{other}` say the same, and both hold for {what}", entry.key)
            };
            self.error(entry.at, message, format!("keep one of the two: the other is on line {line}"));
            return None;
        }
        self.scalar(entry).map(|given| Given { unit, ..given })
    }

    fn outcome(&mut self, entry: Entry<'_>, read: Result<(), Wrong>) {
        let nothing = matches!(&entry.value.kind, Kind::Scalar { text, plain: true } if text.is_empty());
        match read {
            // The parser's place of a value that is not there is somewhere behind it.
            Err(wrong) => {
                self.error(if nothing { entry.at } else { entry.value.at }, wrong.message, wrong.help);
            }
            Ok(()) if nothing => {
                let help = "write `null` if no limit is meant, and remove the key if not";
                self.warn(entry.at, format!("`{}` has no value, which means null: no limit", entry.key), help);
            }
            Ok(()) => {}
        }
    }
}

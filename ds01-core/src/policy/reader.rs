//! Walking a document and collecting everything that is wrong with it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    diagnostic::{Diagnostic, Excerpt, Findings, Position, Severity},
    members,
    schema::{Key, Scope},
    settings::{LimitsLayer, Located, RulesLayer},
    value::{Given, Wrong},
    yaml::{self, Kind, Node},
};
use crate::duration::Unit;

/// One file, as text with lines, and where to put what is found in it.
pub(crate) struct Reader<'a> {
    pub(crate) file: Arc<Path>,
    text: &'a str,
    lines: Vec<&'a str>,
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

/// What `defaults`, a group, a user override or a container type says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) limits: LimitsLayer,
    pub(crate) rules: RulesLayer,
    pub(crate) members: Vec<Located<String>>,
    /// Whether the key `members` was there at all.
    pub(crate) lists_members: bool,
}

impl<'a> Reader<'a> {
    /// Decodes a file. `None`, with the reason reported, when it is no text.
    pub(crate) fn new(file: &Path, bytes: &'a [u8], found: &'a mut Findings) -> Option<Self> {
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let sound = match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= yaml::MAX_BYTES => {
                return Some(Self { file: Arc::from(file), text, lines: split_lines(text), found });
            }
            Ok(_) => None,
            Err(error) => Some(String::from_utf8_lossy(&bytes[..error.valid_up_to()])),
        };
        let mut diagnostic = match &sound {
            None => Diagnostic::about_file(
                Severity::Error,
                file,
                format!("the file has {} bytes, and {} is the most that is read", bytes.len(), yaml::MAX_BYTES),
                "this is not a policy file, or something wrote into it: restore it from a copy",
            ),
            Some(_) if utf16 => Diagnostic::about_file(Severity::Error, file, "the file is UTF-16", "save it as UTF-8"),
            Some(_) => {
                Diagnostic::about_file(Severity::Error, file, "a byte here is not UTF-8", "save the file as UTF-8")
            }
        };
        if let Some(sound) = sound.filter(|_| !utf16) {
            let lines = split_lines(&sound);
            let last = lines.last().copied().unwrap_or_default();
            let at = Position { line: count(lines.len()), column: count(last.chars().count() + 1) };
            diagnostic.at = Some(at);
            diagnostic.excerpt = Some(Excerpt::around(last, at.column));
        }
        found.push(diagnostic);
        None
    }

    /// The document's root; `None` when it is empty, or is no YAML, which is then reported.
    pub(crate) fn document(&mut self) -> Option<Node> {
        match yaml::parse(self.text) {
            Ok(root) => root.filter(|root| !root.is_null()),
            Err(fault) => {
                self.error(fault.at, fault.message, fault.help);
                None
            }
        }
    }

    /// A finding about a name in a line.
    pub(crate) fn about_name(&mut self, severity: Severity, line: u32, name: &str, message: String, help: String) {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        let text = self.lines.get(index).copied().unwrap_or_default();
        let before = text.find(name).map_or(0, |start| text[..start].chars().count());
        self.report(severity, Position { line, column: count(before + 1) }, message, help);
    }

    /// The lines of the file with their numbers.
    pub(crate) fn lines(&self) -> Vec<(u32, &'a str)> {
        self.lines.iter().enumerate().map(|(index, line)| (count(index + 1), *line)).collect()
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
        self.found.push(Diagnostic::about_file(severity, &*self.file, message, help));
    }

    fn report(&mut self, severity: Severity, at: Position, message: String, help: String) {
        if self.found.full(severity) {
            self.found.count(severity);
            return;
        }
        let index = usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1);
        let excerpt = self.lines.get(index).map(|line| Excerpt::around(line, at.column));
        let file = self.file.to_path_buf();
        self.found.push(Diagnostic { severity, file, at: Some(at), excerpt, message, help: Some(help) });
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
    /// reported. `what` is the mapping's name, and `at` a place for it when it is empty.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Entry<'n>> {
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
            _ if entry.value.tagged => {
                let help = format!("remove it, and write `{}: value`", entry.key);
                self.error(entry.value.at, "a tag stands here, and tags are not read", help);
                None
            }
            Kind::Scalar { text, plain } => Some(Given { text, plain: *plain, unit: None }),
            _ => {
                let (message, help) = self.misfit(entry.value, &format!("`{}`", entry.key), "a single value");
                self.error(entry.value.at, message, help);
                None
            }
        }
    }

    /// The texts of a list, each as it is written, so that a name like `007` stays a name.
    pub(crate) fn names<'n>(&mut self, entry: Entry<'n>) -> Vec<(&'n str, Position)> {
        let what = format!("`{}`", entry.key);
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
                        let read = said.limits.set(name, &given, &self.file, entry.at.line);
                        self.outcome(entry, read);
                    }
                }
                Key::Rule(name, unit) => {
                    if let Some(given) = self.setting(entry, name, unit, spelled, what) {
                        let read = said.rules.set(name, &given, &self.file, entry.at.line);
                        self.outcome(entry, read);
                    }
                }
                Key::Policies => {
                    self.add(said, spelled, entry.value, Scope::Policies, &format!("the policies of {what}"))
                }
                Key::Members => {
                    said.lists_members = true;
                    for (name, at) in self.names(entry) {
                        match members::fault(name) {
                            Some(wrong) => self.error(at, wrong.message, wrong.help),
                            None => said.members.push(Located::new(name.to_owned(), &self.file, at.line)),
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

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Lines as YAML has them: ended by LF, CR LF or CR.
fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        rest = rest[end..].strip_prefix("\r\n").unwrap_or(&rest[end + 1..]);
    }
    lines.push(rest);
    lines
}

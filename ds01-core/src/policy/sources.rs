//! The texts of all files of a policy.

use std::collections::BTreeMap;

use super::{
    diagnostic::{Findings, Severity},
    document::PolicyFiles,
    level::Place,
    source::Source,
};

/// The files that are text.
pub(crate) struct Sources<'a> {
    pub(crate) policy: Option<Source<'a>>,
    pub(crate) overrides: Option<Source<'a>>,
    pub(crate) exemptions: Option<Source<'a>>,
    pub(crate) members: BTreeMap<&'a str, Source<'a>>,
}

impl<'a> Sources<'a> {
    pub(crate) fn decode(files: &'a PolicyFiles, found: &mut Findings) -> Self {
        let mut decode = |document| Source::decode(document, found);
        Self {
            policy: decode(&files.policy),
            overrides: files.overrides.as_ref().and_then(&mut decode),
            exemptions: files.exemptions.as_ref().and_then(&mut decode),
            members: files.members.iter().filter_map(|(group, file)| Some((&**group, decode(file)?))).collect(),
        }
    }

    /// Reports what is said of a `name` at a place of one of the files.
    pub(crate) fn report(
        &self,
        place: &Place,
        name: &str,
        severity: Severity,
        message: String,
        help: impl Into<String>,
        found: &mut Findings,
    ) {
        if found.full(severity) {
            found.count(severity);
            return;
        }
        let all = [&self.policy, &self.overrides, &self.exemptions].into_iter().flatten().chain(self.members.values());
        if let Some(source) = all.into_iter().find(|source| source.file == place.file) {
            found.push(source.diagnostic(severity, source.find(name, place.line), message, help.into()));
        }
    }
}

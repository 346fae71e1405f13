//! A YAML document as a tree in which every node knows its place.
//!
//! The parsing is saphyr-parser's; what is added are bounds, so that hostile text costs little. Aliases are kept as
//! such and never followed: whoever needs the value behind one refuses it, so that no text can grow by them.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::diagnostic::Position;

/// The most bytes of one file. A policy for a thousand users has a tenth of it.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The most lists and mappings within each other. A policy needs five.
const MAX_DEPTH: usize = 64;
/// The most nodes of one file: text of the same size can cost very different time, and this is what costs.
const MAX_NODES: usize = 100_000;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
    /// It carries a tag such as `!!str`.
    pub(crate) tagged: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar {
        text: String,
        /// Without quotes: `null` is then null, and `30` a number.
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys and values in the order of the file, equal keys included.
    Map(Vec<(Node, Node)>),
    Alias,
}

impl Node {
    /// Whether it is YAML's null: `null`, `~`, or nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        !self.tagged && matches!(&self.kind, Kind::Scalar { text, plain: true } if is_null(text))
    }

    /// The value of a mapping's key.
    pub(crate) fn entry(&self, name: &str) -> Option<&Self> {
        let Kind::Map(pairs) = &self.kind else { return None };
        let named = |key: &Self| matches!(&key.kind, Kind::Scalar { text, .. } if text == name);
        pairs.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
    }

    /// What the node is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "null",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Alias => "an alias",
        }
    }
}

/// Whether plain text is YAML's null.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Why a text is not one YAML document that is read here.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: Position,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Reads the one document that `text` holds; `None` when it holds nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax_fault(text, &error))?;
        builder.take(event, span)?;
    }
    Ok(builder.root)
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
}

/// A list or mapping that has not ended yet.
struct Open {
    at: Position,
    tagged: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = position(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Fault {
                        at,
                        message: "a second document begins here".to_owned(),
                        help: "keep one document in the file: remove this `---`".to_owned(),
                    });
                }
            }
            Event::Scalar(text, style, _, tag) => {
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(Node { at, kind, tagged: tag.is_some() })?;
            }
            Event::Alias(_) => self.add(Node { at, kind: Kind::Alias, tagged: false })?,
            Event::SequenceStart(_, tag) => self.open(at, tag.is_some(), Content::List(Vec::new()))?,
            Event::MappingStart(_, tag) => self.open(at, tag.is_some(), Content::Map(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { at, tagged, content }) = self.open.pop() {
                    let kind = match content {
                        Content::List(items) => Kind::List(items),
                        Content::Map(entries, _) => Kind::Map(entries),
                    };
                    self.place(Node { at, kind, tagged });
                }
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
        }
        Ok(())
    }

    fn open(&mut self, at: Position, tagged: bool, content: Content) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.count(at)?;
        self.open.push(Open { at, tagged, content });
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<(), Fault> {
        self.count(node.at)?;
        self.place(node);
        Ok(())
    }

    fn count(&mut self, at: Position) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Fault {
            at,
            message: format!("the file has more than {MAX_NODES} values"),
            help: "this is not a policy file, or something wrote into it: restore it from a copy".to_owned(),
        })
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }
}

fn too_deep(at: Position) -> Fault {
    Fault {
        at,
        message: format!("more than {MAX_DEPTH} lists and mappings stand within each other here"),
        help: "a policy needs five: look for a bracket or an indentation too many".to_owned(),
    }
}

/// The parser counts lines from 1 and columns from 0.
fn position(line: usize, column: usize) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(line).max(1), column: number(column).saturating_add(1) }
}

/// Puts the parser's error into words that say what to do.
fn syntax_fault(text: &str, error: &ScanError) -> Fault {
    let info = error.info();
    let mut at = within(text, position(error.marker().line(), error.marker().col()));
    let help = if info.contains("unknown anchor") {
        "anchors and aliases (`&name`, `*name`, `<<`) are not read here: write the value out"
    } else if info.contains("unprintable") {
        "remove the control character"
    } else if info.contains(" tab") || info.starts_with("tab") {
        at = first_tab(text, at).unwrap_or(at);
        "indent with spaces: YAML has no tabs there"
    } else if info.contains("mapping values are not allowed") {
        "check this line's indentation, and put quotes around text that has `: ` in it"
    } else if info.contains("unexpected character") {
        "put quotes around text that begins with this character"
    } else if info.contains("quoted scalar") || info.contains("unexpected end of stream") {
        "close the quote or bracket that begins here"
    } else if info.contains("recursion limit") {
        return too_deep(at);
    } else {
        "check the brackets, the quotes and the indentation of this line and the one before"
    };
    Fault { at, message: format!("not YAML: {info}"), help: help.to_owned() }
}

/// The place, or the end of the text: the parser is a line further where the last line does not end.
fn within(text: &str, at: Position) -> Position {
    let mut lines = text.split('\n');
    let last = lines.next_back().unwrap_or_default();
    let count = lines.count() + 1;
    if usize::try_from(at.line).is_ok_and(|line| line > count) { position(count, last.chars().count()) } else { at }
}

/// The first tab that indents a line, at or after the line of `from`: the parser names the value before it.
fn first_tab(text: &str, from: Position) -> Option<Position> {
    let skipped = usize::try_from(from.line).ok()?.checked_sub(1)?;
    text.lines().enumerate().skip(skipped).find_map(|(index, line)| {
        let indentation = line.len() - line.trim_start().len();
        line[..indentation].find('\t').map(|column| position(index + 1, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        parse(text).unwrap_err()
    }

    #[test]
    fn nodes_know_their_places() {
        let root = parse("a: 1\nключ: [x, \"null\"]\n").unwrap().unwrap();
        let Kind::Map(entries) = &root.kind else { panic!("{root:?}") };
        let Kind::List(items) = &entries[1].1.kind else { panic!("{root:?}") };
        assert_eq!(entries[1].0.at, Position { line: 2, column: 1 });
        assert_eq!(items[1].at, Position { line: 2, column: 11 });
        assert!(!items[1].is_null());
    }

    #[test]
    fn nothing_and_null_differ_from_text() {
        assert!(parse("").unwrap().is_none());
        assert!(parse("# only a comment\n").unwrap().is_none());
        for null in ["~", "null", "Null", "NULL", "---\n"] {
            assert!(parse(null).unwrap().unwrap().is_null(), "{null:?}");
        }
        for text in ["'null'", "none", "nil", "0", "[]"] {
            assert!(!parse(text).unwrap().unwrap().is_null(), "{text:?}");
        }
    }

    #[test]
    fn depth_and_number_of_nodes_are_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert!(fault(&deep(MAX_DEPTH + 1)).message.contains("within each other"));
        assert!(fault(&"- ".repeat(100_000)).message.contains("within each other"));
        assert!(fault(&"[".repeat(MAX_BYTES)).message.starts_with("more than 64"));
        assert!(fault(&format!("[{}]", "a,".repeat(MAX_NODES))).message.contains("values"));
    }

    #[test]
    fn a_tab_is_named_where_it_stands() {
        assert_eq!(fault("a: 1\n\tb: 2\n").at, Position { line: 2, column: 1 });
        assert_eq!(fault("a: 1\nb:\n\tc: 2\n").at, Position { line: 3, column: 1 });
    }

    #[test]
    fn what_ends_too_early_ends_in_the_last_line() {
        assert_eq!(fault("a: {b:").at, Position { line: 1, column: 7 });
        assert_eq!(fault("a: 1\nb: [").at, Position { line: 2, column: 5 });
    }

    #[test]
    fn aliases_stay_aliases() {
        let root = parse("a: &x [1]\nb: *x\n").unwrap().unwrap();
        let Kind::Map(entries) = &root.kind else { panic!("{root:?}") };
        assert!(matches!(entries[1].1.kind, Kind::Alias));
        assert!(fault("b: *x\n").help.contains("anchors"));
    }
}

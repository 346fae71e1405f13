//! `--json`: the inventory after filters, in the form that its types document.

use std::{collections::HashSet, io};

use ds01_core::{detect::Inventory, text::sanitize};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::row::{Key, Row, process_key};

/// Leaves only what `rows` are the rows of. GPUs and sources stay: they are what the entries refer to.
pub(crate) fn retain(inventory: &mut Inventory, rows: &[Row]) {
    let shown: HashSet<&Key> = rows.iter().map(|row| &row.key).collect();
    inventory.containers.retain(|_, entry| shown.contains(&Key::Container(entry.id.clone())));
    inventory.host_processes.retain(|_, entry| shown.contains(&process_key(entry)));
    inventory.pending_processes.retain(|_, entry| shown.contains(&process_key(entry)));
}

/// The inventory as JSON that is safe on a terminal: whatever [`sanitize`] would not print as it is stands as `\uXXXX`,
/// which means the same to every reader of JSON.
pub(crate) fn to_json(inventory: &Inventory) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    inventory.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping(PrettyFormatter::new())))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// The usual layout, with more characters escaped.
struct Escaping<'a>(PrettyFormatter<'a>);

impl Formatter for Escaping<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut buffer = [0; 4];
        if sanitize(fragment) == fragment {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let text: &str = c.encode_utf8(&mut buffer);
            if sanitize(text) == text {
                writer.write_all(text.as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

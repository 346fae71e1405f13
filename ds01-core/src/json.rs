//! JSON that is safe on a terminal.
//!
//! JSON itself asks for few escapes, and lets through what moves a cursor or turns text around. Whatever
//! [`sanitize`] would not print as it is stands here as `\uXXXX`, which means the same to every reader of JSON.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::text::sanitize;

/// A value on lines of its own, one for each leaf, with a last line's end.
///
/// # Errors
///
/// When the value has no form in JSON: a map whose keys are neither text nor numbers.
pub fn pretty<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = written(value, PrettyFormatter::new())?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A value on one line, without that line's end.
///
/// # Errors
///
/// As [`pretty`].
pub fn line<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    written(value, CompactFormatter)
}

fn written<T: Serialize + ?Sized>(value: &T, layout: impl Formatter) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping(layout)))?;
    Ok(bytes)
}

/// A layout, with more characters escaped.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
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
mod tests {
    use super::*;

    #[test]
    fn nothing_else_is_escaped() {
        let text = String::from_utf8(line("ünï训 a\u{202e}b\u{e0041}c\u{7f}\u{9b}").unwrap()).unwrap();
        assert_eq!(text, r#""ünï训 a\u202eb\udb40\udc41c\u007f\u009b""#);
        assert_eq!(pretty(&["a"]).unwrap(), b"[\n  \"a\"\n]\n");
    }

    #[test]
    fn what_could_act_on_a_terminal_is_escaped_and_means_the_same() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\u{1f600}\"";
        for bytes in [pretty(hostile).unwrap(), line(hostile).unwrap()] {
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(sanitize(text.trim_end()), text.trim_end());
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
        }
    }
}

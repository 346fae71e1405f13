//! The registry of events, for people.

use std::fmt::Write;

use ds01_core::event::EVENT_TYPES;

/// Every event type with its fields, one field a line.
pub(crate) fn table() -> String {
    let width = EVENT_TYPES.iter().flat_map(|event_type| event_type.fields).map(|field| field.name.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for event_type in EVENT_TYPES {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}\n  {}", event_type.name, event_type.about);
        for field in event_type.fields {
            let _ = writeln!(text, "    {:width$}  {}", field.name, field.about);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len() + 1);
    text
}

//! Families of series, and their text.

use std::{collections::BTreeMap, fmt::Write};

/// What a family's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What goes up and down.
    Gauge,
    /// What only goes up, or begins anew.
    Counter,
}

/// All series of one name. No set of labels stands in it twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// One line that says what it is.
    pub help: &'static str,
    /// What its values are.
    pub kind: Kind,
    labels: &'static [&'static str],
    series: BTreeMap<Vec<String>, f64>,
}

impl Family {
    /// One without series yet, whose series have these labels.
    pub(super) fn new(kind: Kind, name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, kind, labels, series: BTreeMap::new() }
    }

    /// A gauge.
    pub(super) fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self::new(Kind::Gauge, name, help, labels)
    }

    /// A counter.
    pub(super) fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self::new(Kind::Counter, name, help, labels)
    }

    /// Sets the value of a series. One that is no number is unknown, and so is its series.
    pub(super) fn set(&mut self, labels: &[&str], value: f64) {
        if value.is_finite() {
            self.series.insert(owned(labels), value);
        }
    }

    /// Adds to the value of a series: what was told apart by names that are left out, or cut, is one.
    pub(super) fn add(&mut self, labels: &[&str], value: f64) {
        if value.is_finite() {
            *self.series.entry(owned(labels)).or_insert(0.0) += value;
        }
    }

    /// How many series it has.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether nothing of it is known.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    fn write(&self, text: &mut String) {
        let kind = match self.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let name = self.name;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", self.help);
        for (values, value) in &self.series {
            text.push_str(name);
            for (n, (label, value)) in self.labels.iter().zip(values).enumerate() {
                text.push(if n == 0 { '{' } else { ',' });
                text.push_str(label);
                text.push_str("=\"");
                escape(value, text);
                text.push('"');
            }
            if !values.is_empty() {
                text.push('}');
            }
            let _ = writeln!(text, " {value}");
        }
    }
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

/// The three characters that end a label's value, or begin an escape in it.
fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

/// Families in Prometheus' text format 0.0.4, those without series left out.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    families.iter().filter(|family| !family.is_empty()).for_each(|family| family.write(&mut text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sorted_escaped_and_knows_no_unknown() {
        let mut info = Family::gauge("ds01_x", "X.", &["a", "b"]);
        info.set(&["z", "1"], 1.0);
        info.set(&["a", "q\"\\\n"], 0.5);
        info.set(&["a", "q\"\\\n"], 2.5);
        info.set(&["nan", ""], f64::NAN);
        let mut sum = Family::counter("ds01_y_total", "Y.", &[]);
        sum.add(&[], 1.0);
        sum.add(&[], 1_772_452_800.0);
        let none = Family::gauge("ds01_z", "Z.", &[]);
        let expected = "# HELP ds01_x X.\n# TYPE ds01_x gauge\nds01_x{a=\"a\",b=\"q\\\"\\\\\\n\"} 2.5\nds01_x{a=\"z\",b=\"1\"} 1\n\
                        # HELP ds01_y_total Y.\n# TYPE ds01_y_total counter\nds01_y_total 1772452801\n";
        assert_eq!(text(&[info, sum, none]), expected);
    }
}

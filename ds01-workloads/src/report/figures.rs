//! The figures of the report: what each one is called, and how it is come by.

use ds01_core::table::Shrink;
use serde::{Serialize, Serializer};

use super::sums::Sums;

/// Milliseconds of an hour.
const HOUR: f64 = 3_600_000.0;

/// Millijoules of a kilowatt-hour.
const KWH: f64 = 3_600_000_000.0;

/// One column of figures.
#[derive(Debug)]
pub(crate) struct Figure {
    /// In tables.
    pub(crate) heading: &'static str,
    /// In CSV and JSON, with its unit.
    pub(crate) machine: &'static str,
    /// How it gives way on a narrow terminal.
    pub(crate) shrink: Shrink,
    /// What it is of some rows; the second is the time for which anybody held anything. `None` is unknown.
    pub(crate) value: fn(&Sums, u64) -> Option<Value>,
}

/// A figure with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// Given in milliseconds.
    Hours(u64),
    /// Of something.
    Percent(f64),
    /// As [`Percent`](Self::Percent), where tenths matter.
    Share(f64),
    /// How often.
    Count(u64),
    /// Given in millijoules.
    KilowattHours(u64),
}

/// All of them, from left to right.
pub(crate) static FIGURES: [Figure; 11] = [
    Figure {
        heading: "HELD",
        machine: "held_hours",
        shrink: Shrink::Never,
        value: |sums, _| hours(sums.spent.held_ms()),
    },
    Figure {
        heading: "SHARE",
        machine: "share_percent",
        shrink: Shrink::Optional(1),
        value: |sums, whole_ms| percent(sums.share_ms, whole_ms).map(Value::Share),
    },
    Figure {
        heading: "USED",
        machine: "used_hours",
        shrink: Shrink::Never,
        // Nothing was measured: that is not the same as nothing.
        value: |sums, _| hours(sums.spent.used_ms).filter(|_| sums.spent.covered_ms > 0),
    },
    Figure {
        heading: "EFFIC.",
        machine: "efficiency_percent",
        shrink: Shrink::Optional(2),
        value: |sums, _| percent(sums.spent.used_ms, sums.spent.covered_ms).map(Value::Percent),
    },
    Figure {
        heading: "WORK",
        machine: "work_hours",
        shrink: Shrink::Optional(6),
        value: |sums, _| hours(sums.spent.work_ms),
    },
    Figure {
        heading: "IDLE",
        machine: "idle_hours",
        shrink: Shrink::Never,
        value: |sums, _| hours(sums.spent.idle_ms),
    },
    Figure {
        heading: "UNKNOWN",
        machine: "unknown_hours",
        shrink: Shrink::Optional(3),
        value: |sums, _| hours(sums.spent.unknown_ms),
    },
    Figure {
        heading: "UNSEEN",
        machine: "unobserved_hours",
        shrink: Shrink::Optional(4),
        value: |sums, _| hours(sums.spent.unobserved_ms),
    },
    Figure {
        heading: "GIVEN BACK",
        machine: "given_back_hours",
        shrink: Shrink::Optional(5),
        value: |sums, _| hours(sums.given_back_ms),
    },
    Figure {
        heading: "STOPS",
        machine: "stops",
        shrink: Shrink::Optional(8),
        value: |sums, _| Some(Value::Count(sums.stops)),
    },
    Figure {
        heading: "ENERGY",
        machine: "energy_kwh",
        shrink: Shrink::Optional(7),
        // Of a GPU that is shared, nobody knows whose it is.
        value: |sums, _| Some(Value::KilowattHours(sums.spent.energy_mj)).filter(|_| sums.spent.energy_mj > 0),
    },
];

fn hours(ms: u64) -> Option<Value> {
    Some(Value::Hours(ms))
}

#[expect(clippy::cast_precision_loss, reason = "a share, to a few digits")]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

impl Value {
    /// In its unit.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of thousands of years")]
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::Hours(ms) => ms as f64 / HOUR,
            Self::Percent(percent) | Self::Share(percent) => percent,
            Self::Count(count) => count as f64,
            Self::KilowattHours(mj) => mj as f64 / KWH,
        }
    }

    /// For people: rounded, and never to nothing.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Hours(_) => tenths(self.number()),
            Self::Percent(percent) => match percent {
                little if little > 0.0 && little < 0.5 => "<1%".to_owned(),
                percent => format!("{percent:.0}%"),
            },
            Self::Share(percent) => tenths(percent) + "%",
            Self::Count(count) => count.to_string(),
            Self::KilowattHours(_) => tenths(self.number()) + "kWh",
        }
    }

    /// For programs: to a millionth, which is less than a hundredth of a second of an hour.
    pub(crate) fn exact(self) -> f64 {
        const DIGITS: f64 = 1_000_000.0;
        (self.number() * DIGITS).round() / DIGITS
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            value => serializer.serialize_f64(value.exact()),
        }
    }
}

fn tenths(number: f64) -> String {
    if number > 0.0 && number < 0.05 { "<0.1".to_owned() } else { format!("{number:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_rounded_to_nothing_and_what_is_unknown_is_no_figure() {
        for (value, text) in [
            (Value::Hours(0), "0.0"),
            (Value::Hours(60_000), "<0.1"),
            (Value::Hours(180_000), "0.1"),
            (Value::Hours(4_444 * 3_600_000), "4444.0"),
            (Value::Percent(0.0), "0%"),
            (Value::Percent(0.2), "<1%"),
            (Value::Percent(99.6), "100%"),
            (Value::Share(12.34), "12.3%"),
            (Value::Share(0.01), "<0.1%"),
            (Value::Count(3), "3"),
            (Value::KilowattHours(1_800_000_000), "0.5kWh"),
        ] {
            assert_eq!(value.text(), text);
        }
        let nothing = Sums::default();
        let unknown: Vec<&str> =
            FIGURES.iter().filter(|figure| (figure.value)(&nothing, 0).is_none()).map(|one| one.machine).collect();
        assert_eq!(unknown, ["share_percent", "used_hours", "efficiency_percent", "energy_kwh"]);
        assert_eq!(Value::Hours(1).exact(), 0.0);
        assert_eq!(Value::Hours(1_200_000).exact(), 0.333_333);
    }
}

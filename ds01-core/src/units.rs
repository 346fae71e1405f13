//! How lengths of time and amounts of memory are written: one word each, so that `awk` and `sort` can take them.

use std::time::Duration;

/// A length of time in its two largest units, the second one only where the first is below ten: `45s`, `3m20s`, `12m`,
/// `1d4h`, `200d`. Less than a second is `0s`.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(ds01_core::units::duration(Duration::from_secs(3 * 3600 + 20 * 60)), "3h20m");
/// ```
pub fn duration(length: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = length.as_secs();
    let largest = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[largest];
    let count = seconds / size;
    match UNITS.get(largest + 1) {
        Some((smaller, rest_unit)) if count < 10 && seconds % size >= *smaller => {
            format!("{count}{unit}{}{rest_unit}", seconds % size / smaller)
        }
        _ => format!("{count}{unit}"),
    }
}

/// A length of time in milliseconds, as files and the boot clock count them; the most that fits for a longer one.
pub fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// An amount of memory in the largest binary unit that it reaches, with one decimal from GiB on: `640KiB`, `12MiB`,
/// `4.2GiB`, `640GiB`.
///
/// ```
/// assert_eq!(ds01_core::units::bytes(80 * 1024 * 1024 * 1024), "80.0GiB");
/// ```
pub fn bytes(amount: u64) -> String {
    // From GiB on, a tenth of the unit is worth a column.
    scaled(amount, 3)
}

fn scaled(amount: u64, first_with_decimal: usize) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    // In tenths, and in whole numbers: no float can lose a byte.
    let (mut tenths, mut unit) = (u128::from(amount) * 10, 0);
    // A value that would round to 1024 belongs to the next unit.
    while unit + 1 < UNITS.len() && tenths >= if unit < first_with_decimal { 10_235 } else { 10_239 } {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    if unit < first_with_decimal || tenths >= 1000 {
        format!("{}{}", (tenths + 5) / 10, UNITS[unit])
    } else {
        format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// An amount of data in the largest binary unit that it reaches, with one decimal from KiB on: `640B`, `1.0MiB`. For figures
/// that are held against a limit, which a rounded one could contradict.
///
/// ```
/// assert_eq!(ds01_core::units::traffic(1_153_434), "1.1MiB");
/// ```
pub fn traffic(amount: u64) -> String {
    scaled(amount, 1)
}

/// An amount of memory given in MiB, written as [`bytes`] writes it.
pub fn mib(amount: u64) -> String {
    bytes(amount.saturating_mul(1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_while_the_first_is_below_ten() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m1s"),
            (599, "9m59s"),
            (600, "10m"),
            (659, "10m"),
            (3600, "1h"),
            (3659, "1h"),
            (3660, "1h1m"),
            (36_000, "10h"),
            (86_399, "23h"),
            (86_400 + 4 * 3600, "1d4h"),
            (10 * 86_400, "10d"),
            (u64::MAX, "213503982334601d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn memory_changes_unit_before_it_would_read_1024() {
        for (amount, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1KiB"),
            (1024 * 1024 - 1, "1MiB"),
            (512 * 1024 * 1024, "512MiB"),
            (1024 * 1024 * 1024 - 1, "1.0GiB"),
            (4_509_715_660, "4.2GiB"),
            (640 << 30, "640GiB"),
            ((1 << 40) - 1, "1.0TiB"),
            (u64::MAX, "16384PiB"),
        ] {
            assert_eq!(bytes(amount), text);
        }
        assert_eq!(mib(81_559), "79.6GiB");
        assert_eq!(mib(u64::MAX), "16384PiB");
    }
}

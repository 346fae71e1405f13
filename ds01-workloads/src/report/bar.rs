//! Hours as bars: bright for work, dim for idle time.

use anstyle::{AnsiColor, Style};
use ds01_core::{ledger::Spent, table::width};

/// What stands above the bars, and where that does not fit.
const HEADINGS: [&str; 2] = ["█ work  ▒ idle  ░ not known", "█ work ▒ idle"];

/// Narrower than its heading, there is no bar.
pub(super) const LEAST: usize = 13;

/// Wider ones tell no more.
pub(super) const MOST: usize = 60;

/// What stands above bars of so many cells at most.
pub(super) fn heading(cells: usize) -> &'static str {
    if width(HEADINGS[0]) <= cells { HEADINGS[0] } else { HEADINGS[1] }
}

/// The bar of this time, where the longest is `longest_ms` and takes so many cells.
pub(super) fn bar(spent: &Spent, longest_ms: u64, cells: usize, color: bool) -> String {
    let parts = [spent.work_ms, spent.idle_ms, spent.unknown_ms + spent.unobserved_ms];
    let style = |style: Style| if color { style } else { Style::new() };
    let looks = [
        ('█', style(AnsiColor::Cyan.on_default())),
        ('▒', style(AnsiColor::Cyan.on_default().dimmed())),
        ('░', style(Style::new().dimmed())),
    ];
    let mut out = String::new();
    let (mut passed_ms, mut drawn) = (0_u64, 0);
    for (ms, (glyph, style)) in parts.into_iter().zip(looks) {
        passed_ms += ms;
        let mut end = rounded(passed_ms, longest_ms, cells);
        // What is there at all is seen.
        if ms > 0 && end == 0 && passed_ms == spent.held_ms() {
            end = 1;
        }
        if end > drawn {
            let glyphs: String = std::iter::repeat_n(glyph, end - drawn).collect();
            out.push_str(&format!("{style}{glyphs}{style:#}"));
            drawn = end;
        }
    }
    out
}

fn rounded(ms: u64, longest_ms: u64, cells: usize) -> usize {
    let cells = cells as u128;
    let whole = u128::from(longest_ms.max(1));
    usize::try_from((u128::from(ms) * cells + whole / 2) / whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_hours_and_none_vanishes() {
        let bar = |work_ms, idle_ms, unknown_ms, color| {
            let spent = Spent { work_ms, idle_ms, unknown_ms, ..Spent::default() };
            bar(&spent, 100, 10, color)
        };
        assert_eq!(bar(50, 30, 20, false), "█████▒▒▒░░");
        assert_eq!(bar(14, 14, 0, false), "█▒▒");
        assert_eq!(bar(1, 1, 1, false), "░");
        assert_eq!(bar(1, 0, 0, false), "█");
        assert_eq!(bar(0, 0, 0, false), "");
        assert_eq!(bar(10, 10, 0, true), "\x1b[36m█\x1b[0m\x1b[2m\x1b[36m▒\x1b[0m");
    }
}

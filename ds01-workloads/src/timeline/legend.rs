//! What glyphs, letters and colours mean.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    idle::journal::What,
    table::{Medium, width},
    text::sanitize,
};

use super::{
    cast::{Cast, OTHERS, Player},
    grid::State,
};

/// So many users are named below a picture.
const MOST: usize = 24;

/// Between two entries.
const GAP: usize = 2;

/// Between two keys, whose texts have blanks in them.
const KEY_GAP: usize = 3;

const HOUR_MS: u64 = 3_600_000;

/// The terminal's own colours, but for white and black, and red and yellow last: these mark stops and warnings.
const COLORS: [AnsiColor; 12] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Green,
    AnsiColor::Blue,
    AnsiColor::BrightYellow,
    AnsiColor::BrightRed,
    AnsiColor::BrightCyan,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightGreen,
    AnsiColor::BrightBlue,
    AnsiColor::Yellow,
    AnsiColor::Red,
];

/// The colour of a user by place; none for whoever is unknown.
pub(super) fn color(player: &Player, place: usize) -> Style {
    if player.user.is_none() { Style::new() } else { COLORS[place % COLORS.len()].on_default() }
}

/// What a cell shows: with colours how high it stands, without them a letter, large for work.
pub(super) fn glyph(state: State, player: &Player, colored: bool) -> char {
    match (state, colored) {
        (State::Work, true) => '▆',
        (State::Idle, true) => '▂',
        (State::NotKnown, true) => '┄',
        (State::Work, false) => player.letter,
        (State::Idle, false) => player.letter.to_ascii_lowercase(),
        (State::NotKnown, false) => '?',
    }
}

/// The mark of what the reaper did, and its style.
pub(super) fn mark(what: What) -> (char, Style) {
    match what {
        What::WarnedIdle | What::WarnedRuntime | What::WarnedRemoval => ('!', AnsiColor::Yellow.on_default().bold()),
        What::StoppedIdle | What::StoppedRuntime | What::Removed => ('×', AnsiColor::Red.on_default().bold()),
    }
}

/// What is shown of time of which nothing was written down.
pub(super) fn not_recorded(colored: bool) -> char {
    if colored { '░' } else { ':' }
}

/// The lines below a picture.
pub(super) fn lines(cast: &Cast, marks: &[What], not_recorded_too: bool, medium: Medium) -> Vec<String> {
    let most = medium.width.unwrap_or(usize::MAX);
    let mut lines = rows(&cast.users, most, medium.color);
    if cast.users.len() > MOST {
        let rest = cast.users.len() - MOST;
        let letter = if medium.color { ' ' } else { OTHERS };
        lines.push(format!("{letter} and {rest} more: ds01-workloads report has their hours"));
    }
    let plain = |text: &str| (text.to_owned(), Style::new());
    let mut keys = if medium.color {
        vec![plain("▆ at work"), plain("▂ held and idle"), plain("┄ not known")]
    } else {
        vec![plain("ABC at work"), plain("abc held and idle"), plain("? not known")]
    };
    if not_recorded_too {
        keys.push(plain(&format!("{} not recorded", not_recorded(medium.color))));
    }
    for (wanted, text) in [('!', "! warned"), ('×', "× stopped")] {
        if let Some((_, style)) = marks.iter().map(|what| mark(*what)).find(|(glyph, _)| *glyph == wanted) {
            keys.push((text.to_owned(), style));
        }
    }
    lines.extend(flowed(&keys, most, medium.color));
    lines
}

/// The users, side by side in columns of one width.
fn rows(users: &[Player], most: usize, color: bool) -> Vec<String> {
    let tenths = |ms: u64| format!("{:.1}h", whole_tenths(ms));
    let entries: Vec<(String, Style)> = users
        .iter()
        .enumerate()
        .take(MOST)
        .map(|(place, player)| {
            let idle = player.spent.idle_ms;
            let idle = if idle > 0 { format!(", idle {}", tenths(idle)) } else { String::new() };
            let text =
                format!("{} {} {}{idle}", player.letter, sanitize(player.name()), tenths(player.spent.held_ms()));
            (text, self::color(player, place))
        })
        .collect();
    let widest = entries.iter().map(|(text, _)| width(text)).max().unwrap_or(0);
    let columns = (most.saturating_add(GAP) / (widest + GAP)).max(1);
    // Column by column would be shorter to search; row by row, the first are those with the most hours.
    entries
        .chunks(columns)
        .map(|row| {
            let mut line = String::new();
            for (at, (text, style)) in row.iter().enumerate() {
                let style = if color { style.bold() } else { Style::new() };
                let cut = cut(text, most);
                let mut letter_and_rest = cut.chars();
                let letter = letter_and_rest.next().map(String::from).unwrap_or_default();
                line.push_str(&format!("{style}{letter}{style:#}{}", letter_and_rest.as_str()));
                if at + 1 < row.len() {
                    line.push_str(&" ".repeat(widest - width(text) + GAP));
                }
            }
            line
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "hours, to a tenth")]
fn whole_tenths(ms: u64) -> f64 {
    ms as f64 / HOUR_MS as f64
}

fn flowed(keys: &[(String, Style)], most: usize, color: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (text, style) in keys {
        let style = if color { *style } else { Style::new() };
        if used > 0 && used + KEY_GAP + width(text) > most {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push_str(&" ".repeat(KEY_GAP));
                used += KEY_GAP;
            }
            line.push_str(&format!("{style}{text}{style:#}"));
            used += width(text);
        }
    }
    lines
}

/// The beginning of a text that takes so many cells at most, with a mark where it was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out) + 1 > most {
            out.pop();
            break;
        }
    }
    out.push('…');
    out
}

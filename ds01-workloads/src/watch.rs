//! `--watch`: the table again and again, with marks at what changed.

use std::{
    collections::HashSet,
    io,
    time::{Duration, Instant},
};

use ds01_core::{
    cli::console::terminal_size,
    table::{self, Cell, Medium, wrapped},
    text::sanitize,
    units,
};

use crate::{
    CONSOLE,
    cli::Options,
    columns::Column,
    picture::{Picture, picture},
    row::{Change, Key, Row},
    sort::sort,
    terminal::{Event, Screen, Signals},
};

/// Why watching ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The admin left, or whoever read the output did.
    Quit,
    /// This signal asked for it, and has still to take its usual effect.
    Signal(i32),
}

/// Draws in place until the admin leaves. `interval` counts from one draw to the next.
pub(crate) fn on_terminal(options: &mut Options, interval: Duration, color: bool) -> io::Result<End> {
    let signals = Signals::new()?;
    let screen = Screen::enter()?;
    let stdin = io::stdin();
    let mut last = None;
    loop {
        let due = Instant::now() + interval;
        let frame = Frame::next(options, last.take());
        loop {
            let (width, height) = terminal_size();
            let text = frame.text(options, interval, Medium { width: Some(width), color });
            screen.draw(&cut(&text, height))?;
            match signals.wait(Some(&stdin), due)? {
                Event::Due => break,
                Event::Resized => {}
                Event::Quit => return Ok(End::Quit),
                Event::Signal(signal) => return Ok(End::Signal(signal)),
            }
        }
        last = Some(frame);
    }
}

/// Prints one table after another, a blank line between them, until the reader leaves. Like a single table they are alone
/// on standard output: what is wrong is said on standard error.
pub(crate) fn on_pipe(
    options: &mut Options,
    interval: Duration,
    color: bool,
    mut print: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<End> {
    let signals = Signals::new()?;
    let mut last = None;
    loop {
        let due = Instant::now() + interval;
        let frame = Frame::next(options, last.take());
        match &frame.picture {
            Ok(picture) => {
                picture.warnings.iter().for_each(|warning| CONSOLE.warn(warning));
                print(&(picture.table(options, Medium { width: None, color }) + "\n"))?;
            }
            Err(error) => CONSOLE.say(error),
        }
        loop {
            match signals.wait(None, due)? {
                Event::Due => break,
                Event::Resized => {}
                Event::Quit => return Ok(End::Quit),
                Event::Signal(signal) => return Ok(End::Signal(signal)),
            }
        }
        last = Some(frame);
    }
}

/// One look at the host, with what changed since the last one.
#[derive(Debug)]
struct Frame {
    /// What was seen, or why nothing was.
    picture: Result<Picture, String>,
    /// The rows to compare the next look with: those of the last look that saw any.
    seen: Option<Vec<Row>>,
}

impl Frame {
    /// Looks, and compares with the last look.
    fn next(options: &mut Options, last: Option<Self>) -> Self {
        let picture = picture(options).map_err(|error| error.message());
        Self::of(picture, last, options.sort)
    }

    fn of(picture: Result<Picture, String>, last: Option<Self>, column: Option<&Column>) -> Self {
        let before = last.and_then(|frame| frame.seen);
        let Ok(mut picture) = picture else { return Self { picture, seen: before } };
        let seen = picture.rows.clone();
        if let Some(before) = before {
            mark(&mut picture.rows, before);
            sort(&mut picture.rows, column);
        }
        Self { picture: Ok(picture), seen: Some(seen) }
    }

    fn text(&self, options: &Options, interval: Duration, medium: Medium) -> String {
        let every = units::duration(interval);
        let every = if interval < Duration::from_secs(1) { format!("{}s", interval.as_secs_f64()) } else { every };
        format!("Every {every}; q quits.\n{}", self.plain(options, medium))
    }

    fn plain(&self, options: &Options, medium: Medium) -> String {
        match &self.picture {
            Ok(picture) => {
                let warnings: String =
                    picture.warnings.iter().map(|warning| message("warning: ", warning, medium)).collect();
                warnings + &picture.table(options, medium)
            }
            Err(error) => error.lines().map(|line| message("", line, medium)).collect(),
        }
    }
}

/// A message made safe and broken into lines: the end of it says what to do.
fn message(lead: &str, text: &str, medium: Medium) -> String {
    let mut out = String::new();
    for line in wrapped(lead, &sanitize(text), medium.width.unwrap_or(usize::MAX)).lines() {
        table::push_span(&mut out, &Cell::new(line), medium);
    }
    out
}

/// Marks the rows that are not among `before`, and adds those that left.
fn mark(rows: &mut Vec<Row>, before: Vec<Row>) {
    let name = |row: &Row| (row.host.clone(), row.key.clone());
    let known: HashSet<(String, Key)> = before.iter().map(name).collect();
    let here: HashSet<(String, Key)> = rows.iter().map(name).collect();
    for row in rows.iter_mut().filter(|row| !known.contains(&name(row))) {
        row.change = Change::Appeared;
    }
    let left = before.into_iter().filter(|row| !here.contains(&name(row)));
    rows.extend(left.map(|row| Row { change: Change::Left, ..row }));
}

/// The lines that fit: the beginning, how many are missing, and the last line with its sums.
fn cut(text: &str, height: usize) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    // The cursor rests on a line of its own below.
    let room = height.saturating_sub(1).max(1);
    if lines.len() > room {
        let last = lines.pop();
        lines.truncate(room.saturating_sub(2));
        lines.extend((room > 1).then_some("..."));
        lines.extend(last);
    }
    lines
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;

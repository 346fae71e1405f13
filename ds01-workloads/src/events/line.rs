//! One event as a line.

use anstyle::{AnsiColor, Style};
use ds01_core::{
    event::{Kind, Logged},
    text::sanitize,
};
use jiff::tz::TimeZone;

/// How lines are printed.
pub(super) struct Printer {
    /// As they are in the log.
    pub(super) json: bool,
    pub(super) color: bool,
    pub(super) zone: TimeZone,
}

impl Printer {
    /// The line of `event`, which `raw` is in the log, with its line feed.
    pub(super) fn line(&self, event: &Logged, raw: &[u8]) -> String {
        if self.json {
            return format!("{}\n", String::from_utf8_lossy(raw).trim_end());
        }
        let time = event.timestamp.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
        let style = if self.color { style(event.kind()) } else { Style::new() };
        let about = match (event.user.as_deref(), event.container()) {
            (Some(user), Some(container)) => format!("{} of {}", sanitize(container), sanitize(user)),
            (None, Some(container)) => sanitize(container).into_owned(),
            (Some(user), None) => sanitize(user).into_owned(),
            (None, None) => "host".to_owned(),
        };
        format!("{time}  {style}{about}: {}{style:#}\n", event.said())
    }
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Good => AnsiColor::Green.on_default(),
        Kind::Warning => AnsiColor::Yellow.on_default(),
        Kind::Bad => AnsiColor::Red.on_default(),
        Kind::Plain => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_whom_and_what_and_nothing_of_users_text_acts() {
        let raw = r#"{"timestamp":"2026-03-02T12:00:00Z","event_type":"maintenance.idle_warning","user":"al\u001b[2J","details":{"container":"train","idle_seconds":1440,"evidence":"GPU 0 %","stop_in_seconds":360}}"#;
        let event = Logged::from_line(raw.as_bytes()).unwrap();
        let printer = |json, color| Printer { json, color, zone: TimeZone::UTC };
        assert_eq!(
            printer(false, false).line(&event, raw.as_bytes()),
            "2026-03-02 12:00:00  train of al\\x1b[2J: warned: idle for 24m (GPU 0 %), stop in 6m\n"
        );
        assert!(printer(false, true).line(&event, raw.as_bytes()).contains("  \x1b[33mtrain of "));
        assert_eq!(printer(true, true).line(&event, raw.as_bytes()), format!("{raw}\n"));
    }
}

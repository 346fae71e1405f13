//! Users' text on a terminal emulator: whatever stands in a notice, its state stays as it is.

use std::{collections::BTreeMap, time::Duration};

use docker_rig::namespace::inside;
use ds01_core::{
    idle::{
        Action, Broadcast, ContainerFacts, Message, Others, StopCause,
        notice::{About, RefusedKeep, keep_refused, notice, test_notice},
    },
    model::Enforcement,
};
use vt100::Parser;

use crate::{
    ALICE,
    dev::{Dev, as_root},
    facts, people,
};

const ROWS: u16 = 60;
const COLUMNS: u16 = 100;

/// What an emulator was asked for beside showing characters.
#[derive(Default)]
struct Asked(Vec<String>);

impl Asked {
    fn note(&mut self, what: impl std::fmt::Debug) {
        self.0.push(format!("{what:?}"));
    }
}

impl vt100::Callbacks for Asked {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.note("bell");
    }
    fn visual_bell(&mut self, _: &mut vt100::Screen) {
        self.note("visual bell");
    }
    fn resize(&mut self, _: &mut vt100::Screen, size: (u16, u16)) {
        self.note(size);
    }
    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.note(name);
    }
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.note(title);
    }
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.note(data);
    }
    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, from: &[u8]) {
        self.note(from);
    }
    fn unhandled_char(&mut self, _: &mut vt100::Screen, c: char) {
        self.note(c);
    }
    fn unhandled_control(&mut self, _: &mut vt100::Screen, byte: u8) {
        self.note(byte);
    }
    fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, byte: u8) {
        self.note(("escape", byte));
    }
    fn unhandled_csi(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, parameters: &[&[u16]], c: char) {
        self.note((parameters, c));
    }
    fn unhandled_osc(&mut self, _: &mut vt100::Screen, parameters: &[&[u8]]) {
        self.note(parameters);
    }
}

/// An emulator in the state in which a user's program may have it, and the same after `bytes`.
fn shown(bytes: &[u8]) -> Parser<Asked> {
    let size = |cells: u16| cells.try_into().unwrap();
    let mut parser = Parser::new_with_callbacks(size(ROWS), size(COLUMNS), 0, Asked::default());
    // A prompt; application cursor keys, bracketed paste and the mouse, as an editor sets them.
    parser.process(b"\x1b[?1h\x1b[?2004h\x1b[?1000h$ ");
    parser.process(bytes);
    parser
}

/// Whatever a container, its labels and a request to keep it can bring along.
fn hostile() -> Vec<String> {
    let bytes: [&[u8]; 14] = [
        b"\x1b[2J\x1b[H\x1b[31;5mred",
        b"\x1b]0;title\x07\x1b]2;title\x1b\\",
        b"\x1b]52;c;cm0gLXJmIH4=\x07",
        b"\x1b[?1049h\x1b[?25l\x1b[?1l\x1b[?2004l\x1b[?1000l\x1b=",
        b"\x1bc\x1b(0\x0e\x0f",
        b"\x1b[8;1;1t\x1b[6n\x1bP$qm\x1b\\",
        "\u{9b}31m\u{9d}0;title\u{9c}\u{90}x\u{9c}\u{85}".as_bytes(),
        "a\u{202e}b\u{2066}c\u{200f}d\u{feff}\u{e0001}".as_bytes(),
        b"one\n+----+\n| all GPUs are free |\r\n\rtwo\x0b\x0c\t",
        b"a\x08\x08\x7f\x7f\x07\x00\x1a\x18",
        b"\xff\xfe\x9b31m\xc3\x28\xf0\x9f",
        "e\u{301}\u{301}\u{1f4a5}\u{8a13}\u{7df4}".as_bytes(),
        b"\x1b",
        b"",
    ];
    let mut texts: Vec<String> = bytes.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    texts.push(texts.concat().repeat(40));
    texts
}

/// Each notice that there is, with this text wherever a user's can be.
fn notices(text: &str) -> Vec<String> {
    let facts = ContainerFacts {
        name: text.to_owned(),
        labels: BTreeMap::from([(text.to_owned(), text.to_owned())]),
        auto_remove: true,
        ..facts(Some(text))
    };
    let about = About {
        facts: &facts,
        gpu_unknown: true,
        removed_after: Some(Duration::from_secs(60)),
        idle: Duration::from_secs(60),
        idle_limit: Some(Duration::from_secs(60)),
        ran_for: Duration::from_secs(60),
        keepalive_path: text,
        keep_most: None,
        keepalive_longest: None,
    };
    let left = Duration::from_secs(300);
    let actions = [
        Action::Warn { left, keep_alive_refused: None },
        Action::Stop { cause: StopCause::Idle, grace: left },
        Action::TellExempt(Enforcement::IdleTimeout),
    ];
    let refused = [RefusedKeep { container: Some(text), reason: text }, RefusedKeep { container: None, reason: text }];
    let mut notices: Vec<String> = actions.iter().filter_map(|action| notice(&about, action)).collect();
    notices.extend([keep_refused(&refused), test_notice(text, text)]);
    notices
}

#[test]
fn no_hostile_text_changes_the_state_of_a_terminal() {
    if !inside("emulator::no_hostile_text_changes_the_state_of_a_terminal", as_root) {
        return;
    }
    let dev = Dev::new();
    let none = tempfile::tempdir().unwrap();
    let people = people(&dev, none.path(), Others::Silent);
    for text in hostile().iter().flat_map(|text| notices(text)) {
        let screen = dev.terminal(ALICE, 0o620);
        let message = Message::to("alice", &text, jiff::Timestamp::UNIX_EPOCH);
        assert!(people.tell(&message)[0].is_delivered(), "{text}");
        let (before, after) = (shown(b""), shown(&screen.given()));
        assert_eq!(after.callbacks().0, [""; 0], "{text}");
        let (before, after) = (before.screen(), after.screen());
        assert_eq!(after.input_mode_formatted(), before.input_mode_formatted(), "{text}");
        assert_eq!(after.attributes_formatted(), before.attributes_formatted(), "{text}");
        assert_eq!((after.alternate_screen(), after.hide_cursor()), (false, false), "{text}");
        let lines = u16::try_from(text.lines().count()).unwrap();
        assert_eq!(after.cursor_position(), (lines + 1, 0), "on the line below it: {text}");
        assert_eq!(after.contents(), format!("$ \n{}", text.trim_end()), "line by line, and nothing moved");
        for (row, column) in (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column))) {
            let cell = after.cell(row, column).unwrap();
            let plain = cell.fgcolor() == vt100::Color::Default && cell.bgcolor() == vt100::Color::Default;
            assert!(plain && !cell.bold() && !cell.inverse() && !cell.underline(), "{row}, {column}: {text}");
            assert!(cell.contents().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{row}, {column}: {text}");
        }
    }
}

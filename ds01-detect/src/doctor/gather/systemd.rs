//! `systemctl show`, the one program that is run.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use ds01_core::deadline::{DeadlineError, Pending};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::super::facts::{
    DETECTOR_SERVICE, DETECTOR_TIMER, DOCKER_SERVICE, IDLE_SERVICE, IDLE_TIMER, LEDGER_SERVICE, LEDGER_TIMER,
    NOTIFY_PATH, NOTIFY_SERVICE, PERSISTENCED_SERVICE, SAMPLER_SERVICE, Unit, Units,
};

const UNITS: [&str; 11] = [
    DETECTOR_TIMER,
    DETECTOR_SERVICE,
    SAMPLER_SERVICE,
    IDLE_TIMER,
    IDLE_SERVICE,
    LEDGER_TIMER,
    LEDGER_SERVICE,
    NOTIFY_PATH,
    NOTIFY_SERVICE,
    DOCKER_SERVICE,
    PERSISTENCED_SERVICE,
];
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,UnitFileState,Result,ExecMainStatus,\
                          ExecMainExitTimestamp,LastTriggerUSec";
/// How systemd writes times in the time zone and language that it is given here.
const TIME: &str = "%a %Y-%m-%d %H:%M:%S UTC";
/// What systemctl says where something else is process 1.
const NOT_BOOTED: &str = "not been booted with systemd";
/// No answer about so few units is longer.
const MOST_BYTES: u64 = 64 * 1024;

/// The question, under way.
pub(super) enum Asked {
    NotRun(io::Error),
    Running(Child, Result<Pending<(String, String)>, DeadlineError>),
}

impl Asked {
    /// Asks, and does not wait.
    pub(super) fn start(systemctl: &Path) -> Self {
        let mut command = Command::new(systemctl);
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("LC_ALL", "C").env("TZ", "UTC");
        command.arg("show").arg(PROPERTIES).args(UNITS);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn() {
            Err(error) => Self::NotRun(error),
            Ok(mut child) => {
                let (out, err) = (child.stdout.take(), child.stderr.take());
                Self::Running(child, Pending::start("systemctl", move || (text(out), text(err))))
            }
        }
    }

    /// Waits for the answer; a program that does not end is ended.
    pub(super) fn answer(self, limit: Duration) -> Units {
        let (mut child, output) = match self {
            Self::NotRun(error) if error.kind() == io::ErrorKind::NotFound => {
                return Units::NoSystemd("no systemctl".to_owned());
            }
            Self::NotRun(error) => return Units::Silent(format!("can't run systemctl: {error}")),
            Self::Running(child, output) => (child, output),
        };
        let output = output.and_then(|output| output.wait(limit));
        if output.is_err() {
            // It fails only for one that has ended.
            let _ = child.kill();
        }
        let ended = child.wait();
        match (output, ended) {
            (Err(error), _) => Units::Silent(format!("systemctl: {error}")),
            (_, Err(error)) => Units::Silent(format!("systemctl: {error}")),
            (Ok((out, err)), Ok(status)) => understand(status, &out, &err),
        }
    }
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What came before an error is what there is.
    let _ = pipe.map(|pipe| pipe.take(MOST_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn understand(status: ExitStatus, out: &str, err: &str) -> Units {
    if err.contains(NOT_BOOTED) {
        return Units::NoSystemd("systemd is not process 1".to_owned());
    }
    if !status.success() {
        let words = err.lines().next().unwrap_or("it said nothing");
        return Units::Silent(format!("systemctl: {status}: {words}"));
    }
    let units = units(out);
    if units.is_empty() { Units::Silent("systemctl told of no unit".to_owned()) } else { Units::Told(units) }
}

/// Blocks of `Name=value`, one block for each unit, apart by an empty line. Their order is systemd's own.
fn units(out: &str) -> BTreeMap<String, Unit> {
    let named = |block: &str| {
        let fields: BTreeMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
        let text = |name: &str| fields.get(name).copied().unwrap_or_default().to_owned();
        let time = |name: &str| fields.get(name).and_then(|text| time(text));
        let unit = Unit {
            load: text("LoadState"),
            active: text("ActiveState"),
            enabled: text("UnitFileState"),
            result: text("Result"),
            exit_status: text("ExecMainStatus"),
            ended: time("ExecMainExitTimestamp"),
            triggered: time("LastTriggerUSec"),
        };
        fields.get("Id").map(|id| ((*id).to_owned(), unit))
    };
    out.split("\n\n").filter_map(named).collect()
}

/// A time; `None` for one that never was, which is an empty text or `n/a`.
fn time(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(TIME, text).ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURED: &str = include_str!("../../../../fixtures/captured/systemd/show-fresh.txt");

    #[test]
    fn what_systemd_told() {
        let units = units(CAPTURED);
        assert_eq!(units.len(), 6, "it was captured before there was a sampler");
        let triggered = Some("2026-11-25T02:29:56Z".parse().unwrap());
        let timer = Unit {
            load: "loaded".to_owned(),
            active: "active".to_owned(),
            enabled: "enabled".to_owned(),
            result: "success".to_owned(),
            triggered,
            ..Unit::default()
        };
        assert_eq!(units[DETECTOR_TIMER], timer);
        let service = &units[IDLE_SERVICE];
        assert_eq!((service.result.as_str(), service.exit_status.as_str()), ("exit-code", "1"));
        assert_eq!((service.active.as_str(), service.ended), ("failed", triggered));
        assert_eq!(units[DOCKER_SERVICE].load, "not-found");
        assert_eq!(units[DOCKER_SERVICE].ended, None);
    }

    #[test]
    fn a_time_that_never_was() {
        for text in ["", "n/a", "0", "Wed 2026-11-25 02:29:56 CET"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}

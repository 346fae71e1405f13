//! `ds01-idle explain NAME`: the whole reasoning about one container.

use std::{fmt::Write, path::Path, process::ExitCode, time::Duration};

use anstyle::Style;
use ds01_core::{
    cli::console,
    idle::{
        Case, Checked, Decision, GpuEvidence, KeepAlive, Rule, Signal, Wall, evidence::Between,
        evidence::ContainerFacts, evidence::ProcessNews, rules::Keeping, rules::Step, rules::Waits, state::Track,
        trail,
    },
    policy::{Level, Row, Rules, Shown, Sourced},
    text::sanitize,
    units,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    check::{self, Host},
    cli::ExplainRequest,
    demo,
    failure::{Failure, exit},
    words,
};

pub(crate) fn run(request: &ExplainRequest) -> Result<ExitCode, Failure> {
    let (checked, host) = match &request.host {
        Some(host) => {
            let host = Host::new(host, Path::new(Wall::DEFAULT_PATH), Vec::new())?;
            (host.preview()?, Some(host))
        }
        None => (demo::checked()?, None),
    };
    let failed = check::say_problems(&checked);
    if checked.blind().is_some() {
        return Ok(ExitCode::from(exit::FAILED));
    }
    let id = checked.container(&request.name)?;
    let mut explanation = Explanation::new(&checked, &id, console::colored(request.color));
    // A check looks it up only when it could make a difference; whoever asks wants to know in any case.
    explanation.keep_alive = explanation.case.zip(host).map(|(case, host)| {
        let path = &case.policy.resolved.rules.keepalive_path.value;
        let binds = checked.look.bind_sources(&id);
        KeepAlive::look_up(&host.sources.processes, &*host.hands.control, &id, path, binds)
    });
    let text = explanation.text();
    console::print(text.as_bytes())?;
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

struct Explanation<'a> {
    checked: &'a Checked,
    facts: Option<&'a ContainerFacts>,
    decision: Option<&'a Decision>,
    case: Option<Case<'a>>,
    keep_alive: Option<KeepAlive>,
    zone: TimeZone,
    color: bool,
    out: String,
}

impl<'a> Explanation<'a> {
    fn new(checked: &'a Checked, id: &ds01_core::model::ContainerId, color: bool) -> Self {
        Self {
            checked,
            facts: checked.look.containers.iter().find(|facts| facts.id == *id),
            decision: checked.plan.decisions.get(id),
            case: checked.cases().remove(id),
            keep_alive: None,
            zone: TimeZone::system(),
            color,
            out: String::new(),
        }
    }

    fn text(mut self) -> String {
        let Some(facts) = self.facts else { return self.out };
        let owner =
            facts.user.as_deref().map_or_else(|| "an unknown owner".to_owned(), |user| sanitize(user).into_owned());
        let kind = facts.container_type();
        self.head(&format!(
            "{} ({}), {kind} container of {owner}, {}",
            sanitize(&facts.name),
            facts.id.short(),
            facts.status
        ));
        if facts.auto_remove {
            self.line("made with --rm: when it stops, Docker removes it with its unnamed volumes");
        }
        match self.case {
            Some(case) => self.running(&case),
            None => {
                self.line("It does not run: only its removal could come.");
                let standing = self.checked.state.standing.get(&facts.id);
                if let Some(warning) = standing.and_then(|standing| standing.warning.as_ref()) {
                    let at = self.time(warning.at);
                    self.line(&format!("warned of its removal at {at}, in check {}", warning.check));
                }
            }
        }
        if let Some(decision) = self.decision {
            let next = words::next(self.case.as_ref(), decision, self.checked.look.now.at, &self.zone);
            self.out.push('\n');
            self.head(&format!("Next: {next}"));
            if let Some(waits) = &decision.waits {
                self.line(&format!("It waits: {}", in_words(waits)));
            }
        }
        self.out
    }

    fn running(&mut self, case: &Case<'_>) {
        self.line(&format!("runs for {}", units::duration(case.ran_for())));
        self.out.push('\n');
        match case.track {
            Some(track) => self.seen(case, track),
            None => self.head("Nothing was seen of it: it is left alone"),
        }
        if let Some(file) = self.keep_alive.take() {
            let rules = &case.policy.resolved.rules;
            let keeping = file.keeping(case.now.at, rules.keepalive_max_duration.value);
            let path = sanitize(&rules.keepalive_path.value).into_owned();
            let words = match keeping {
                Keeping::Holds(Some(until)) => format!("holds until {}", self.time(until)),
                Keeping::Holds(None) => "holds".to_owned(),
                Keeping::CannotTell(why) => format!("can't be looked up, so it is waited: {}", sanitize(&why)),
                Keeping::Refused(why) => format!("does not count: {why}"),
                Keeping::None => "there is none".to_owned(),
            };
            self.line(&format!("keep-alive file {path}: {words}"));
        }
        self.out.push('\n');
        self.head("The rules, in their order: the first that matches decides");
        for (number, step) in trail(case).into_iter().enumerate() {
            self.step(number + 1, &step);
        }
    }

    fn seen(&mut self, case: &Case<'_>, track: &Track) {
        let rules = &case.policy.resolved.rules;
        let age = units::duration(case.now.since(track.last.boot_ms));
        match &track.interval {
            None => self.head(&format!("Seen once, {age} ago: what it does shows at the next look")),
            Some(interval) => {
                let length = units::duration(Duration::from_millis(interval.length_ms));
                self.head(&format!("What was seen, over {length}, up to {age} ago"));
                self.signals(interval, track, rules);
                self.line(&format!("together: {}", interval.says()));
            }
        }
        self.out.push('\n');
        let since = self.time(track.active_at);
        let what =
            if track.active_boot_ms == track.first_boot_ms { "it was first seen" } else { "it was last seen at work" };
        self.head(&format!("Idle for {} of observed time, since {what} at {since}", units::duration(track.idle())));
        self.line("Time that nobody observed does not count: neither as idle nor as work.");
        self.line(&format!("idle checks in a row: {}", track.idle_checks));
        if let Some(warning) = &track.warning {
            let at = self.time(warning.at);
            self.line(&format!("warned at {at}, in check {}", warning.check));
        }
        if let Some(warning) = &track.runtime_warning {
            let at = self.time(warning.at);
            self.line(&format!("warned of its run time at {at}, in check {}", warning.check));
        }
    }

    fn signals(&mut self, interval: &ds01_core::idle::state::Interval, track: &Track, rules: &Rules) {
        let signals = &interval.signals;
        let (gpu, state) = match &signals.gpu {
            GpuEvidence::Active(percent) => (format!("{percent:.0} %"), "active"),
            GpuEvidence::Worked { percent, watts } => {
                (Between { percent: *percent, watts: *watts }.to_string(), "active")
            }
            GpuEvidence::Idle(percent) => (format!("{percent:.0} %"), "idle"),
            GpuEvidence::Unknown(why) => (sanitize(why).into_owned(), "unknown"),
        };
        self.signal("GPU", &gpu, state, &threshold(&rules.gpu_idle_threshold, " %"));
        for measure in &track.last.gpus {
            self.line(&format!("    {}: {} [NVML]", sanitize(&measure.gpu), measure.figure));
        }
        let (figure, state) = parts(&signals.cpu, |percent| format!("{percent:.1} % of one core"));
        self.signal("CPU", &figure, state, &threshold(&rules.cpu_idle_threshold, " %"));
        let (figure, state) = parts(&signals.network, |bytes| format!("{} since the last check", units::bytes(*bytes)));
        let bytes = Sourced {
            value: units::bytes(rules.network_idle_threshold.value),
            level: rules.network_idle_threshold.level.clone(),
            place: rules.network_idle_threshold.place.clone(),
        };
        self.signal("network", &figure, state, &threshold(&bytes, ""));
        let (figure, state) = parts(&signals.processes, |news: &ProcessNews| match &news.started {
            Some(name) => format!("started {}", sanitize(name)),
            None if news.input => "input at a terminal".to_owned(),
            None => "nothing started, no input".to_owned(),
        });
        self.signal("processes", &figure, state, "");
        self.line("CPU from its control group, network and processes from /proc");
    }

    fn signal(&mut self, name: &str, figure: &str, state: &str, threshold: &str) {
        let line = format!("{name:<9}  {state:<7}  {figure}{threshold}");
        self.line(line.trim_end());
    }

    fn step(&mut self, number: usize, step: &Step) {
        let mark = match (&step.finding, step.matched) {
            (_, true) => "matches",
            (Some(_), false) => "no",
            (None, false) => "-",
        };
        let finding = step.finding.as_deref().unwrap_or("not looked at: an earlier rule decides");
        let line = format!("{number} {:<15}  {mark:<7}  {finding}", label(step.rule));
        if step.matched {
            self.strong(&format!("  {line}"))
        } else {
            self.line(&line)
        }
        for row in &step.settings {
            self.line(&format!("    {}", setting(row)));
        }
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %H:%M:%S").to_string()
    }

    fn head(&mut self, text: &str) {
        self.strong(text);
    }

    fn strong(&mut self, text: &str) {
        let bold = if self.color { Style::new().bold() } else { Style::new() };
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{bold}{text}{bold:#}");
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "  {text}");
    }
}

fn label(rule: Rule) -> &'static str {
    match rule {
        Rule::NoGpu => "no GPU",
        Rule::OriginUnknown => "origin unknown",
        Rule::Infrastructure => "infrastructure",
        Rule::MaxRuntime => "max_runtime",
        Rule::IdleExempt => "no idle limit",
        Rule::Grace => "grace period",
        Rule::NotIdle => "not idle",
        Rule::Idle => "idle",
    }
}

fn parts<T>(signal: &Signal<T>, figure: impl Fn(&T) -> String) -> (String, &'static str) {
    match signal {
        Signal::Active(value) => (figure(value), "active"),
        Signal::Idle(value) => (figure(value), "idle"),
        Signal::Unknown(why) => (sanitize(why).into_owned(), "unknown"),
    }
}

fn threshold<T: std::fmt::Display>(setting: &Sourced<T>, unit: &str) -> String {
    let place = setting.place.as_ref().map_or_else(|| "built in".to_owned(), ToString::to_string);
    format!(" (idle below {}{unit}, {place})", setting.value)
}

fn setting(row: &Row) -> String {
    let value = match &row.value {
        Shown::Null => "none".to_owned(),
        value => sanitize(&value.to_string()).into_owned(),
    };
    let place = match (&row.level, &row.place) {
        (Level::BuiltIn, _) | (_, None) => "built in".to_owned(),
        (level, Some(place)) => format!("{level}, {place}"),
    };
    format!("{} = {value} ({place})", row.name)
}

fn in_words(waits: &Waits) -> String {
    match waits {
        Waits::Kept => "a keep-alive file holds off the stop".to_owned(),
        Waits::KeepAliveUnreadable(why) => {
            format!("whether there is a keep-alive file can't be told: {}", sanitize(why))
        }
        Waits::Announced => "the time that its warning announced is not over".to_owned(),
        Waits::Window(seen, wanted) => format!("{seen} idle checks in a row, of {wanted} that are needed"),
        Waits::Cap => "this run stops no more: max_stops_per_run".to_owned(),
    }
}

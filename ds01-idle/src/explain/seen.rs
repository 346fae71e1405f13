//! What was seen of a running container: figures with their length, age and source, and its idle time.

use std::time::Duration;

use ds01_core::{
    idle::{
        Case, Checked, GpuEvidence, GpuFigure, KeepAlive, Signal, Track, Verdict,
        evidence::{Between, ProcessNews},
        rules::Keeping,
        state::Interval,
    },
    policy::{Rules, Sourced},
    text::sanitize,
    units,
};
use jiff::tz::TimeZone;

use super::{answer::named, gpus::GpuNames, page::Page, time};

pub(super) fn write(page: &mut Page, checked: &Checked, case: &Case<'_>, zone: &TimeZone) {
    let Some(track) = case.track else {
        page.head("Nothing was seen of it, so it is left alone");
        return;
    };
    let age = case.now.since(track.last.boot_ms);
    let until = if age.as_secs() == 0 { "now".to_owned() } else { format!("{} ago", units::duration(age)) };
    match &track.interval {
        None => page.head(&format!("It was seen once, {until}: what it does shows at the next look")),
        Some(interval) => {
            let length = units::duration(Duration::from_millis(interval.length_ms));
            page.head(&format!("What was seen, over {length}, up to {until}"));
            let names = GpuNames::new(&checked.look.inventory.gpus);
            signals(page, interval, track, &case.policy.resolved.rules, &names);
            let entry = checked.look.inventory.container(&case.facts.id);
            let has_check =
                entry.and_then(|entry| entry.config.as_ref()).is_some_and(|config| !config.health_check.is_empty());
            if has_check && matches!(interval.signals.cpu, Signal::Active(_)) {
                page.line("It has a health check, and what that takes is in its CPU: nothing tells the two apart.");
            }
            if interval.observed_ms() < interval.length_ms {
                let observed = units::duration(Duration::from_millis(interval.observed_ms()));
                page.line(&format!("Of that time, {observed} were observed on its GPUs."));
            }
            page.line(&format!("Together: {}.", together(interval, case)));
        }
    }
    if let Some(sign) = track.soon.work.as_ref().and_then(|interval| interval.signals.work()) {
        page.line(&format!("Since then it was seen at work ({sign})."));
    }
    page.gap();
    idle_time(page, checked, track, zone);
}

/// The verdict, and by what it was reached where the GPU told nothing.
fn together(interval: &Interval, case: &Case<'_>) -> String {
    let verdict = interval.says();
    match interval.signals.gpu {
        GpuEvidence::Unknown(_) if verdict == Verdict::Idle => format!(
            "{verdict}, judged without the GPU, because {}; with `never` it would wait",
            named(case.policy, "gpu_unknown")
        ),
        _ => verdict.to_string(),
    }
}

fn idle_time(page: &mut Page, checked: &Checked, track: &Track, zone: &TimeZone) {
    let since = time(track.active_at, zone);
    let what =
        if track.active_boot_ms == track.first_boot_ms { "it was first seen" } else { "it was last seen at work" };
    page.head(&format!("Idle for {} of observed time, since {what}, {since}", units::duration(track.idle())));
    if track.unobserved_ms >= 1000 {
        let unobserved = units::duration(Duration::from_millis(track.unobserved_ms));
        let percent = track.observed_percent().unwrap_or(0);
        page.line(&format!(
            "For {unobserved} more nobody could see what it did on its GPUs: {percent} % of the time was observed. \
             ds01-gpu-sampler.service sees the rest."
        ));
    }
    page.line("Time that nobody observed counts neither as idle nor as work.");
    if let Some(cut_at) = checked.journal_cut_at.filter(|cut_at| track.active_at <= *cut_at) {
        page.line(&format!(
            "The journal was read back to {} and no further: it may have been idle for longer.",
            time(cut_at, zone)
        ));
    }
    page.line(&format!("Idle checks in a row: {}.", track.idle_checks));
    if let Some(warning) = &track.warning {
        page.line(&format!("Its user was warned at {}, in check {}.", time(warning.at, zone), warning.check));
    }
    if let Some(warning) = &track.runtime_warning {
        let at = time(warning.at, zone);
        page.line(&format!("Its user was warned of its run time at {at}, in check {}.", warning.check));
    }
}

pub(super) fn write_keep_alive(page: &mut Page, case: &Case<'_>, file: &KeepAlive, zone: &TimeZone) {
    let rules = &case.policy.resolved.rules;
    let path = sanitize(&rules.keepalive_path.value).into_owned();
    let words = match file.keeping(case.now.at, rules.keepalive_max_duration.value) {
        Keeping::Holds(Some(until)) => format!("there is one, and it holds until {}", time(until, zone)),
        Keeping::Holds(None) => "there is one, and it holds".to_owned(),
        Keeping::CannotTell(why) => format!("unknown, so nothing is stopped for idleness: {}", sanitize(&why)),
        Keeping::Refused(why) => format!("there is one, and it does not count: {why}"),
        Keeping::None => "there is none".to_owned(),
    };
    page.line(&format!("Keep-alive file {path}: {words}."));
}

fn signals(page: &mut Page, interval: &Interval, track: &Track, rules: &Rules, names: &GpuNames) {
    let signals = &interval.signals;
    gpu_signal(page, interval, track, rules, names);
    let of_cpu = threshold(&rules.cpu_idle_threshold, " %");
    let (figure, state) = parts(&signals.cpu, |percent| format!("{percent:.1} % of one core{of_cpu}"));
    match signals.cpu_burst {
        Some(burst) => signal(page, "CPU", "active", &format!("{burst:.1} % in its busiest seconds; {figure}")),
        None => signal(page, "CPU", state, &figure),
    }
    let bytes = Sourced {
        value: units::traffic(rules.network_idle_threshold.value),
        level: rules.network_idle_threshold.level.clone(),
        place: rules.network_idle_threshold.place.clone(),
    };
    let of_network = threshold(&bytes, "");
    let (figure, state) =
        parts(&signals.network, |bytes| format!("{} since the last check{of_network}", units::traffic(*bytes)));
    signal(page, "network", state, &figure);
    let (figure, state) = parts(&signals.processes, |news: &ProcessNews| match &news.started {
        Some(name) => format!("started {}", sanitize(name)),
        None if news.input => "input at a terminal".to_owned(),
        None => "nothing started, no input".to_owned(),
    });
    signal(page, "processes", state, &figure);
    page.line("Sources: NVML for the GPU, the control group for CPU, /proc for network and processes.");
}

/// What its GPUs did: together, and each. What could not be told is said once, and measured against nothing.
fn gpu_signal(page: &mut Page, interval: &Interval, track: &Track, rules: &Rules, names: &GpuNames) {
    let (gpu, state) = match &interval.signals.gpu {
        GpuEvidence::Active(percent) => (format!("{percent:.0} %"), "active"),
        GpuEvidence::Worked { percent, watts } => (Between { percent: *percent, watts: *watts }.to_string(), "active"),
        GpuEvidence::Idle(percent) => (format!("{percent:.0} %"), "idle"),
        GpuEvidence::Unknown(why) => {
            let told = track.last.gpus.iter().find(|measure| why.starts_with(&measure.gpu)).map(|one| one.gpu.as_str());
            let rest = told.and_then(|uuid| why.strip_prefix(uuid));
            let why = match (told, rest) {
                (Some(uuid), Some(rest)) => format!("{}{rest}", names.named(uuid)),
                _ => why.clone(),
            };
            signal(page, "GPU", "unknown", &sanitize(&why));
            each_gpu(page, track, names, told);
            return;
        }
    };
    // One's own processes have a threshold of their own.
    let by_processes = track.last.gpus.iter().all(|measure| matches!(measure.figure, GpuFigure::OwnProcesses { .. }));
    let threshold_of_gpu = if by_processes {
        let own = &rules.gpu_process_threshold;
        format!(" (work above {} %: {})", own.value, place(own))
    } else {
        threshold(&rules.gpu_idle_threshold, " %")
    };
    signal(page, "GPU", state, &format!("{gpu}{threshold_of_gpu}"));
    each_gpu(page, track, names, None);
}

/// A line for each of its GPUs but the one that was `told` of already.
fn each_gpu(page: &mut Page, track: &Track, names: &GpuNames, told: Option<&str>) {
    for measure in track.last.gpus.iter().filter(|measure| told != Some(measure.gpu.as_str())) {
        page.item("                    ", &format!("{}: {}", sanitize(&names.named(&measure.gpu)), measure.figure));
    }
    let speaks_of_gpm = |figure: &GpuFigure| figure.to_string().contains("GPM");
    if track.last.gpus.iter().any(|measure| speaks_of_gpm(&measure.figure)) {
        page.item("                    ", "GPM: GPU performance monitoring, the driver's figures of a MIG instance");
    }
}

fn signal(page: &mut Page, name: &str, state: &str, text: &str) {
    page.item(&format!("{name:<9}  {state:<7}  "), text);
}

fn parts<T>(signal: &Signal<T>, figure: impl Fn(&T) -> String) -> (String, &'static str) {
    match signal {
        Signal::Active(value) => (figure(value), "active"),
        Signal::Idle(value) => (figure(value), "idle"),
        Signal::Unknown(why) => (sanitize(why).into_owned(), "unknown"),
    }
}

fn threshold<T: std::fmt::Display>(setting: &Sourced<T>, unit: &str) -> String {
    format!(" (idle below {}{unit}: {})", setting.value, place(setting))
}

fn place<T>(setting: &Sourced<T>) -> String {
    setting.place.as_ref().map_or_else(|| "built in".to_owned(), ToString::to_string)
}

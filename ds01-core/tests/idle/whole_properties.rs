//! What holds for every history, with detector and reaper as they ship: on files, with sources that fail and clocks that are
//! set.

use std::time::Duration;

use ds01_core::{
    event::Counts,
    idle::{Action, Check, Checked, Habits, IdleState, Journal, Observation, Outcome, Plan, StopCause},
    source::fake::{Change, SourceMood, Step as Happens, Work},
    store::Store,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::{
    host::{id_of, policy},
    whole::{PID, Whole},
};

const POLICY: &str = "defaults: {idle_timeout: 30m, max_runtime: null}\n\
                      policies: {grace_period: 0s, idle_detection_window: 2, high_demand_threshold: null}\n";
const TIMEOUT: u64 = 30 * 60;
const GAP: u64 = 600;

#[derive(Debug, Clone, Copy)]
enum Source {
    Docker,
    Nvml,
    Proc,
}

/// Something that happens on the host.
#[derive(Debug, Clone)]
enum Step {
    /// From now on it uses so many percent of the GPU, and of a core.
    Do(u32, u32),
    /// So many seconds pass, and something looks.
    Scan(u64),
    Check(u64),
    /// So many seconds pass unobserved.
    Gap(u64),
    /// The wall clock is set by so many minutes.
    Clock(i64),
    /// A source answers so from now on.
    Mood(Source, SourceMood),
    /// The GPU falls off the bus, or comes back.
    Lost(bool),
    Restart,
    Reboot,
}

fn step() -> impl Strategy<Value = Step> {
    let sources = vec![Source::Docker, Source::Nvml, Source::Proc];
    let failing = vec![SourceMood::Refused, SourceMood::Hangs, SourceMood::Errs, SourceMood::Nonsense];
    let mood = |moods: Vec<SourceMood>| {
        (prop::sample::select(sources.clone()), prop::sample::select(moods)).prop_map(|(who, how)| Step::Mood(who, how))
    };
    prop_oneof![
        2 => prop::sample::select(vec![(80, 0), (0, 80), (80, 80)]).prop_map(|(gpu, cpu)| Step::Do(gpu, cpu)),
        4 => Just(Step::Do(0, 0)),
        20 => (1..700_u64).prop_map(Step::Scan),
        20 => (60..400_u64).prop_map(Step::Check),
        1 => (600..100_000_u64).prop_map(Step::Gap),
        2 => (-3000..3000_i64).prop_map(Step::Clock),
        2 => mood(failing),
        4 => mood(vec![SourceMood::Ok]),
        1 => any::<bool>().prop_map(Step::Lost),
        1 => Just(Step::Restart),
        1 => Just(Step::Reboot),
    ]
}

/// What a bystander knows who sees what is done, and when somebody looks.
struct Bystander {
    gpu: bool,
    cpu: bool,
    moods: [SourceMood; 3],
    lost: bool,
    /// Whether the wall clock was set back, and detector and reaper have not both looked since: they may then ask the GPU about
    /// a time to come.
    scans_ahead: bool,
    checks_ahead: bool,
    /// Seconds since the last look of this life, and of CPU time used in them.
    since_look: Option<u64>,
    cpu_used: u64,
    /// Seconds observed to be idle since the last observed work.
    idle: u64,
    /// Seconds since that, observed or not.
    since_work: u64,
    /// Whether a check before has warned in this spell.
    warned: bool,
}

impl Bystander {
    fn new() -> Self {
        let mut new = Self {
            gpu: false,
            cpu: false,
            moods: [SourceMood::Ok; 3],
            lost: false,
            scans_ahead: false,
            checks_ahead: false,
            since_look: None,
            cpu_used: 0,
            idle: 0,
            since_work: 0,
            warned: false,
        };
        new.another_life();
        new
    }

    fn another_life(&mut self) {
        (self.gpu, self.cpu, self.since_look, self.cpu_used) = (false, false, None, 0);
        (self.idle, self.since_work, self.warned) = (0, 0, false);
    }

    fn pass(&mut self, seconds: u64) {
        self.since_look = self.since_look.map(|before| before + seconds);
        self.since_work += seconds;
        self.cpu_used += if self.cpu { seconds } else { 0 };
    }

    /// Something looks.
    fn look(&mut self, ahead: bool) {
        if self.moods.iter().any(|mood| *mood != SourceMood::Ok) {
            return;
        }
        let length = self.since_look.replace(0);
        // Twice what is a sign of life, as looks that are near each other are one.
        let cpu = length.is_some_and(|length| self.cpu_used * 80 >= length.max(20) * 4);
        self.cpu_used = 0;
        if cpu || (self.gpu && !self.lost && !ahead) {
            (self.idle, self.since_work, self.warned) = (0, 0, false);
        } else {
            self.idle += length.filter(|length| *length <= GAP).unwrap_or(0);
        }
    }
}

/// Remembers everything in memory, where the reaper reads it back from its files.
struct Twin(IdleState);

impl Twin {
    /// Does what `checked` did, after the same observations.
    fn check(&mut self, whole: &Whole, checked: &Checked) -> Result<(), TestCaseError> {
        if checked.blind().is_some() {
            return Ok(());
        }
        let now = &checked.look.now;
        let mut observations = journal(whole);
        observations.retain(|seen| seen.boot_id == now.boot_id);
        // What the last check has not taken in is looked back to, and all of a boot that had no check.
        let last_check = self.0.last_check.as_ref().filter(|mark| mark.boot_id == now.boot_id);
        let tracks = self.0.tracks.values().filter(|track| track.last.boot_id == now.boot_id);
        let oldest = tracks.map(|track| track.last.boot_ms).chain(last_check.map(|mark| mark.boot_ms)).min();
        observations.retain(|seen| seen.boot_ms >= oldest.unwrap_or(0));
        let check = Check {
            now: now.clone(),
            zone: TimeZone::UTC,
            policy: &policy(POLICY),
            containers: &checked.look.containers,
            observations: &observations,
            demand: checked.demand,
            asked: &[],
            only: None,
        };
        let plan = Plan::make(&mut self.0, &check, |asked| {
            asked.iter().map(|(id, _)| ((*id).clone(), ds01_core::idle::KeepAlive::Absent)).collect()
        });
        prop_assert_eq!(&plan, &checked.plan);
        for (id, decision) in &plan.decisions {
            if decision.action == Action::Nothing || checked.outcomes.get(id) == Some(&Outcome::Done) {
                self.0.record(id, decision, now);
            }
            // Its owner is at a terminal on this host.
            if matches!(decision.action, Action::Warn { .. }) {
                self.0.told(id, "terminals");
            }
        }
        // This model counts nothing and remembers no habits, and decides the same: no rule asks them.
        let decided_by = IdleState { counts: Counts::default(), habits: Habits::default(), ..checked.state.clone() };
        prop_assert_eq!(&self.0, &decided_by);
        Ok(())
    }
}

fn journal(whole: &Whole) -> Vec<Observation> {
    let mut all = Vec::new();
    let journal = Journal::open(&Store::open(whole.state_dir()).unwrap()).unwrap();
    journal.for_each(Timestamp::MIN, Timestamp::MAX, |seen| all.push(seen)).unwrap();
    all
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let whole = Whole::new(POLICY);
    let (mut bystander, mut twin) = (Bystander::new(), Twin(IdleState::default()));
    for step in steps {
        match step {
            Step::Do(gpu, cpu) => {
                (bystander.gpu, bystander.cpu) = (*gpu > 0, *cpu > 0);
                whole.change(does(*gpu, *cpu));
            }
            Step::Gap(seconds) => pass(&whole, &mut bystander, *seconds),
            Step::Scan(seconds) => {
                pass(&whole, &mut bystander, *seconds);
                // One that sees only a part of the host looks at nobody.
                let ahead = std::mem::take(&mut bystander.scans_ahead);
                bystander.look(ahead);
                whole.scan();
            }
            Step::Check(seconds) => {
                pass(&whole, &mut bystander, *seconds);
                if check(&whole, &mut bystander, &mut twin)? {
                    return Ok(());
                }
            }
            Step::Clock(minutes) => {
                whole.host.set_wall_clock(SignedDuration::from_mins(*minutes));
                if *minutes < 0 {
                    (bystander.scans_ahead, bystander.checks_ahead) = (true, true);
                }
            }
            Step::Mood(who, how) => {
                bystander.moods[*who as usize] = *how;
                set_moods(&whole, bystander.moods);
            }
            Step::Lost(lost) => {
                bystander.lost = *lost;
                lose(&whole, *lost);
            }
            Step::Restart => {
                whole.restart();
                bystander.another_life();
            }
            Step::Reboot => {
                whole.reboot();
                bystander.another_life();
            }
        }
    }
    // Observed to be idle from here on, it goes in the end.
    bystander.moods = [SourceMood::Ok; 3];
    (bystander.gpu, bystander.cpu) = (false, false);
    set_moods(&whole, bystander.moods);
    whole.change(does(0, 0));
    for _ in 0..12 {
        pass(&whole, &mut bystander, 300);
        if check(&whole, &mut bystander, &mut twin)? {
            return Ok(());
        }
    }
    prop_assert!(false, "idle for an hour, and still there");
    Ok(())
}

/// One check. Whether it stopped the container.
fn check(whole: &Whole, bystander: &mut Bystander, twin: &mut Twin) -> Result<bool, TestCaseError> {
    let ahead = bystander.checks_ahead || bystander.scans_ahead;
    bystander.look(ahead);
    let blind = bystander.moods.iter().any(|mood| *mood != SourceMood::Ok);
    bystander.checks_ahead &= blind;
    let before = whole.notices("WILL BE STOPPED");
    let checked = whole.check();
    twin.check(whole, &checked)?;
    prop_assert_eq!(checked.blind().is_some(), blind);
    if blind {
        prop_assert!(checked.plan.decisions.is_empty() && !whole.is_stopped());
        return Ok(false);
    }
    let decision = &checked.plan.decisions[&id_of(&checked, "one")];
    let idle = Duration::from_secs(bystander.idle);
    prop_assert!(decision.idle <= idle, "{:?} counted, {idle:?} observed", decision.idle);
    let stops = matches!(decision.action, Action::Stop { cause: StopCause::Idle, .. });
    prop_assert_eq!(whole.is_stopped(), stops);
    if stops {
        prop_assert!(bystander.idle >= TIMEOUT && bystander.since_work >= TIMEOUT);
        prop_assert!(bystander.warned, "not warned before");
        let log = std::fs::read_to_string(whole.state_dir().join("events.jsonl")).unwrap();
        prop_assert_eq!(log.matches("maintenance.idle_kill").count(), 1);
    }
    bystander.warned |= whole.notices("WILL BE STOPPED") > before;
    Ok(stops)
}

fn pass(whole: &Whole, bystander: &mut Bystander, seconds: u64) {
    whole.host.advance(Duration::from_secs(seconds));
    bystander.pass(seconds);
}

fn does(gpu: u32, cpu: u32) -> Change {
    let work = Some(Work { cpu_percent: f64::from(cpu), ..Work::default() });
    Change { work, gpu_percent: [(PID, gpu)].into(), ..Change::default() }
}

fn set_moods(whole: &Whole, [docker, nvml, proc]: [SourceMood; 3]) {
    whole.happens(Happens { docker: Some(docker), nvml: Some(nvml), proc: Some(proc), ..Happens::default() });
}

fn lose(whole: &Whole, lost: bool) {
    let lost_gpus = Some(if lost { vec![0] } else { Vec::new() });
    whole.happens(Happens { lost_gpus, ..Happens::default() });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Never stopped within the timeout of observed work; never without a warning at an earlier check; always stopped in the
    /// end; and what is read back from the files is what was known.
    #[test]
    fn nobody_is_stopped_who_was_not_observed_idle(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps)?;
    }
}

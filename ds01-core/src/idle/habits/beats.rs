//! Short work at even intervals.
//!
//! A look tells that work was done since the look before, and not when. So each beat gives a span in which it fell, and the first
//! and every later one give bounds for the time from one beat to the next. A beat that no time within the bounds of all the
//! beats before it explains is none of a clock's, and the run begins anew with it. After n beats the bounds are as narrow as
//! twice the time between two looks, divided by n: after an hour of a beat a minute, with looks 30 seconds apart, one second.

use serde::{Deserialize, Serialize};

use super::{Range, Since, step::Step};

/// By so much a beat may have used more than another, in percent and in milliseconds: the driver tells of whole percents of
/// seconds.
const UNEVEN_PERCENT: u64 = 50;
const UNEVEN_MS: u64 = 300;

/// Beats that go on for longer are work, in milliseconds.
const LONGEST_BEAT_MS: u64 = 300_000;

/// An unbroken run of even beats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beats {
    /// The end of the step in which the first one fell.
    pub first: Since,
    /// The beginning of that step, on the boot clock.
    first_from_ms: u64,
    /// The end of the step in which the last one began, on the boot clock, in milliseconds.
    pub last_ms: u64,
    /// So many beats.
    pub count: u64,
    /// What the time from one beat to the next can be, in milliseconds. `None` until there were two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<Range>,
    /// For how long each used the GPU, in milliseconds.
    pub used_ms: Range,
    /// CPU time of each, in milliseconds.
    pub cpu_ms: Range,
    /// Bytes received and sent in steps with a beat: all of them, and the number of steps.
    beat_bytes: (u64, u64),
    /// The same in steps without.
    quiet_bytes: (u64, u64),
    /// The one that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    now: Option<Beat>,
}

/// One beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Beat {
    from_ms: u64,
    first_until: Since,
    used_ms: u64,
    cpu_ms: u64,
}

impl Beats {
    /// What is remembered after `step`, in which there was a beat or none. `None` where there is no run.
    pub fn after(before: Option<Self>, step: &Step<'_>, is_beat: bool) -> Option<Self> {
        let net = step.net_bytes?;
        let beat = Beat {
            from_ms: step.from_ms,
            first_until: step.until,
            used_ms: step.used_ms?,
            cpu_ms: step.cpu_us? / 1000,
        };
        let Some(mut beats) = before else { return is_beat.then(|| Self::new(beat, net)) };
        let bytes = if is_beat { &mut beats.beat_bytes } else { &mut beats.quiet_bytes };
        *bytes = (bytes.0.saturating_add(net), bytes.1.saturating_add(1));
        beats.now = match (beats.now, is_beat) {
            (None, false) => None,
            (None, true) => Some(beat),
            (Some(now), true) => Some(Beat {
                used_ms: now.used_ms.saturating_add(beat.used_ms),
                cpu_ms: now.cpu_ms.saturating_add(beat.cpu_ms),
                ..now
            }),
            (Some(now), false) => return beats.end(now, net),
        };
        let lasts = |now: Beat| step.until.boot_ms.saturating_sub(now.from_ms) > LONGEST_BEAT_MS;
        if beats.now.is_some_and(lasts) { None } else { Some(beats) }
    }

    fn new(beat: Beat, net: u64) -> Self {
        Self {
            first: beat.first_until,
            first_from_ms: beat.from_ms,
            last_ms: beat.first_until.boot_ms,
            count: 0,
            every_ms: None,
            used_ms: Range::of(beat.used_ms),
            cpu_ms: Range::of(beat.cpu_ms),
            beat_bytes: (net, 1),
            quiet_bytes: (0, 0),
            now: Some(beat),
        }
    }

    /// Takes in a beat that has ended: into this run, or as the first of another.
    fn end(mut self, beat: Beat, net: u64) -> Option<Self> {
        let anew = || Self { count: 1, now: None, ..Self::new(beat, net) };
        self.now = None;
        let each = |until_ms: u64, from_ms: u64| until_ms.saturating_sub(from_ms).checked_div(self.count);
        let told = each(beat.from_ms, self.first.boot_ms).zip(each(beat.first_until.boot_ms, self.first_from_ms));
        if let Some((least, most)) = told {
            let told = Range { least, most };
            let both = self
                .every_ms
                .map_or(told, |every| Range { least: every.least.max(told.least), most: every.most.min(told.most) });
            if both.least > both.most {
                return Some(anew());
            }
            self.every_ms = Some(both);
            self.used_ms = self.used_ms.with(beat.used_ms);
            self.cpu_ms = self.cpu_ms.with(beat.cpu_ms);
        } else {
            (self.used_ms, self.cpu_ms) = (Range::of(beat.used_ms), Range::of(beat.cpu_ms));
        }
        let on_gpu = self.used_ms.most > 0;
        let even = if on_gpu { self.used_ms } else { self.cpu_ms };
        if (on_gpu && self.used_ms.least == 0) || !even.is_even(UNEVEN_PERCENT, UNEVEN_MS) {
            return Some(anew());
        }
        self.count = self.count.saturating_add(1);
        self.last_ms = beat.first_until.boot_ms;
        Some(self)
    }

    /// From the first to the last, in milliseconds.
    pub fn span_ms(&self) -> u64 {
        self.last_ms.saturating_sub(self.first.boot_ms)
    }

    /// How many bytes more were received and sent in a step with a beat than in one without, in the mean.
    pub fn bytes_of_a_beat(&self) -> u64 {
        let mean = |(bytes, steps): (u64, u64)| bytes.checked_div(steps).unwrap_or(0);
        mean(self.beat_bytes).saturating_sub(mean(self.quiet_bytes))
    }

    /// For what share of the time it worked at most, in percent.
    pub fn duty_percent(&self) -> u64 {
        let each = self.used_ms.most.max(self.cpu_ms.most);
        each.saturating_mul(self.count.saturating_sub(1)).saturating_mul(100).checked_div(self.span_ms()).unwrap_or(100)
    }
}

//! The rules, in their order, with what each found and the settings that it reads.

use ds01_core::idle::{
    Case, Checked, Decision, Kept, Rule,
    rules::{Next, Waits},
    trail,
};
use jiff::tz::TimeZone;

use super::{gpus::GpuNames, page::Page, setting};
use crate::words::{kept as kept_by, time_of};

pub(super) fn write(page: &mut Page, checked: &Checked, case: &Case<'_>, decision: &Decision, zone: &TimeZone) {
    let names = GpuNames::new(&checked.look.inventory.gpus);
    page.head("The rules, in their order: the first that matches decides");
    for (number, step) in trail(case).into_iter().enumerate() {
        let mark = match (&step.finding, step.matched) {
            (_, true) => "matches",
            (Some(_), false) => "no",
            (None, false) => "-",
        };
        let mut finding = match &step.finding {
            Some(finding) => names.in_text(finding),
            None => "not looked at: an earlier rule decides".to_owned(),
        };
        if step.matched && decision.waits == Some(Waits::Asked) {
            let until = case.kept.and_then(Kept::until);
            finding.push_str(&format!("; {}", kept_by(Some(case), until, case.now.at, zone)));
        }
        if step.matched && decision.waits == Some(Waits::Kept) {
            finding.push_str(&kept(decision.next, case, zone));
        }
        let lead = format!("{:>2} {:<15}  {mark:<7}  ", number + 1, label(step.rule));
        if step.matched {
            page.strong_item(&lead, &finding);
        } else {
            page.item(&lead, &finding);
        }
        for row in &step.settings {
            page.item("    ", &setting(row));
        }
    }
}

/// What stands against a stop that the rule would bring.
fn kept(next: Next, case: &Case<'_>, zone: &TimeZone) -> String {
    match next {
        Next::KeptUntil(Some(until)) => {
            format!("; its keep-alive file keeps it until {}", time_of(until, case.now.at, zone))
        }
        _ => "; its keep-alive file keeps it".to_owned(),
    }
}

fn label(rule: Rule) -> &'static str {
    match rule {
        Rule::NotTold => "engine silent",
        Rule::NoGpu => "no GPU",
        Rule::OriginUnknown => "unknown type",
        Rule::Infrastructure => "infrastructure",
        Rule::Engine => "engine",
        Rule::MaxRuntime => "max_runtime",
        Rule::IdleExempt => "no idle limit",
        Rule::Grace => "grace period",
        Rule::NotIdle => "not idle",
        Rule::Idle => "idle",
    }
}

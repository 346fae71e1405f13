//! The rules, in their order, with what each found and the settings that it reads.

use ds01_core::idle::{Case, Rule, trail};

use super::{page::Page, setting};

pub(super) fn write(page: &mut Page, case: &Case<'_>) {
    page.head("The rules, in their order: the first that matches decides");
    for (number, step) in trail(case).into_iter().enumerate() {
        let mark = match (&step.finding, step.matched) {
            (_, true) => "matches",
            (Some(_), false) => "no",
            (None, false) => "-",
        };
        let finding = step.finding.as_deref().unwrap_or("not looked at: an earlier rule decides");
        let lead = format!("{} {:<15}  {mark:<7}  ", number + 1, label(step.rule));
        if step.matched {
            page.strong_item(&lead, finding);
        } else {
            page.item(&lead, finding);
        }
        for row in &step.settings {
            page.item("    ", &setting(row));
        }
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

//! The fleet through Prometheus: three instant queries, side by side, for however many hosts.

use std::sync::{Mutex, PoisonError};

use ds01_core::duration;
use jiff::Timestamp;

use super::{
    gather::{Gather, PREFIX, Question, SERIES},
    plan::Prometheus,
    seen::{Failure, Seen},
};

/// What the seconds of the last scan are called.
const SCAN: &str = "ds01_scan_timestamp_seconds";

impl Prometheus {
    /// Asks.
    pub(super) fn look(&self) -> Result<Seen, Failure> {
        let gather = Mutex::new(Gather::new(&self.host_label));
        let ask = |question: Question| {
            self.api.ask(&self.query(question), |sample| {
                gather.lock().unwrap_or_else(PoisonError::into_inner).take(question, &sample);
            })
        };
        let (now, scraped, last) = std::thread::scope(|scope| {
            let scraped = scope.spawn(|| ask(Question::Scraped));
            let last = scope.spawn(|| ask(Question::Last));
            let now = ask(Question::Now);
            let crashed = || Err("a question to Prometheus was not asked to its end".to_owned());
            (now, scraped.join().unwrap_or_else(|_| crashed()), last.join().unwrap_or_else(|_| crashed()))
        });
        let mut said: Vec<String> = Vec::new();
        for answer in [now.map_err(Failure::Unreachable)?, scraped.map_err(Failure::Unreachable)?] {
            said.extend(answer.warnings);
        }
        let last = last.map(|answer| said.extend(answer.warnings));
        said.iter_mut().for_each(|warning| *warning = format!("Prometheus says: {warning}"));
        said.sort_unstable();
        said.dedup();
        if let Err(error) = last {
            // The table is worth something without it, and must not look whole.
            said.push(format!("hosts that fell silent before today may be missing: {error}"));
        }
        let at = Timestamp::now();
        let (hosts, notes) = gather.into_inner().unwrap_or_else(PoisonError::into_inner).hosts(&self.expected, at);
        said.extend(notes);
        if hosts.is_empty() {
            return Err(Failure::NoHost(format!(
                "{} answers, and knows no host of ds01's: none has told it {SCAN} within {}.\n\
                 Let it scrape the hosts: see docs/fleet.md.",
                self.api.url(),
                duration::display(self.known_for)
            )));
        }
        Ok(Seen { at, hosts, from: "prometheus", said })
    }

    fn query(&self, question: Question) -> String {
        match question {
            Question::Now => format!("{{__name__=~\"{PREFIX}({})\"}}", SERIES.join("|")),
            // `or` keeps those of the right side that the left side has not: targets of ds01's own without its series.
            Question::Scraped => format!("timestamp({SCAN}) or up{{job=\"ds01\"}}"),
            Question::Last => format!("last_over_time({SCAN}[{}s])", self.known_for.as_secs()),
        }
    }
}

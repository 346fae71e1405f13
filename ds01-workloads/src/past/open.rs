//! The past, opened.

use std::collections::BTreeMap;

use ds01_core::{
    idle::{
        Journal,
        journal::{self, Record, day_of},
    },
    ledger::{DayIs, Happened, History, Roll, Row, Usage, history},
    policy::{self, Policy},
    store::{Store, StoreError},
};
use jiff::{Timestamp, ToSpan, civil::Date};

use super::{args::PastArgs, devices::Devices, failure::NoPast, sample};
use crate::load::load;

/// Who had what, and when.
pub(crate) struct Past {
    /// The present.
    pub(crate) now: Timestamp,
    /// The name of the host, where the inventory has it.
    pub(crate) host: Option<String>,
    /// The GPUs of the host, as the inventory knows them.
    pub(crate) devices: Devices,
    /// What to say before anything is believed.
    pub(crate) warnings: Vec<String>,
    lines: Lines,
    policy: Policy,
    has_policy: bool,
}

/// Where the lines are.
enum Lines {
    Kept(Store),
    Invented(Vec<Record>),
}

/// What was used from one day to another.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// By day.
    pub(crate) rows: Vec<Row>,
    /// What is known of each day.
    pub(crate) days: BTreeMap<Date, DayIs>,
}

impl Past {
    /// Opens it. That nothing is recorded of a day is no failure.
    pub(crate) fn open(args: &PastArgs) -> Result<Self, NoPast> {
        let now = args.now.unwrap_or_else(Timestamp::now);
        if args.demo {
            let (inventory, records, policy) = sample::host(now)?;
            return Ok(Self {
                now,
                host: inventory.host.map(|host| host.name),
                devices: Devices::new(&inventory.gpus),
                warnings: Vec::new(),
                lines: Lines::Invented(records),
                policy,
                has_policy: true,
            });
        }
        let store = Store::open_existing(&args.state_dir)?;
        let mut warnings = Vec::new();
        let policy = match (policy::installed(args.config.as_deref()), &args.config) {
            (Ok(policy), _) => policy,
            (Err(wrong), Some(_)) => return Err(NoPast::Policy(wrong)),
            (Err(_), None) => {
                warnings.push(format!(
                    "{} is not sound: groups are unknown, and idle time of the last days is told by what ships; see `ds01-idle \
                     check-config`",
                    policy::DEFAULT_PATH
                ));
                None
            }
        };
        let (host, devices) = match load(&args.state_dir) {
            Ok(inventory) => (inventory.host.map(|host| host.name), Devices::new(&inventory.gpus)),
            Err(_) => {
                warnings.push("there is no inventory that can be read: GPUs are shown by their UUIDs".to_owned());
                (None, Devices::default())
            }
        };
        let has_policy = policy.is_some();
        let policy = policy.unwrap_or_else(Policy::built_in);
        Ok(Self { now, host, devices, warnings, lines: Lines::Kept(store), policy, has_policy })
    }

    /// What was used from `from` to `to`, both included.
    pub(crate) fn used(&self, from: Date, to: Date) -> Result<Used, NoPast> {
        match &self.lines {
            Lines::Kept(store) => {
                let usage = Usage::between(store, &self.policy, from, to, self.now)?;
                Ok(Used { rows: usage.rows, days: usage.days })
            }
            Lines::Invented(records) => Ok(self.invented(records, from, to)),
        }
    }

    fn invented(&self, records: &[Record], from: Date, to: Date) -> Used {
        let first = records.first().map(|record| day_of(record.at()));
        let mut used = Used::default();
        let mut day = from;
        while day <= to.min(day_of(self.now)) {
            let is = match first {
                Some(first) if first <= day => {
                    let mut roll = Roll::new(day, &self.policy);
                    records.iter().for_each(|record| roll.take(record));
                    used.rows.extend(roll.finish(self.now));
                    if day == day_of(self.now) { DayIs::Running } else { DayIs::Rolled }
                }
                _ => DayIs::NotRecorded,
            };
            used.days.insert(day, is);
            let Ok(next) = day.checked_add(1.day()) else { break };
            day = next;
        }
        used
    }

    /// Hands over what happened from `from` to `to`.
    pub(crate) fn history(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut each: impl FnMut(Happened<'_>),
    ) -> Result<(), NoPast> {
        match &self.lines {
            Lines::Kept(store) => Ok(history(store, &self.policy, from, to, each)?),
            Lines::Invented(records) => {
                let mut history = History::new(&self.policy, from, to);
                records.iter().for_each(|record| history.take(record, &mut each));
                history.finish(&mut each);
                Ok(())
            }
        }
    }

    /// The first day of which there are lines and not only sums. `None` where there are none at all.
    pub(crate) fn first_day(&self) -> Result<Option<Date>, NoPast> {
        match &self.lines {
            Lines::Kept(store) => match store.open_existing_within(journal::DIR_NAME) {
                Ok(journal) => Ok(Journal::from(journal).days()?.first().copied()),
                Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Lines::Invented(records) => Ok(records.first().map(|record| day_of(record.at()))),
        }
    }

    /// Whether a policy says who is in which group.
    pub(crate) fn knows_groups(&self) -> bool {
        self.has_policy
    }

    /// The group of a user. `None` for nobody in particular, and where no policy is installed.
    pub(crate) fn group_of(&self, user: Option<&str>) -> Option<String> {
        self.has_policy.then(|| user.map(|user| self.policy.group_of(Some(user)).value)).flatten()
    }
}

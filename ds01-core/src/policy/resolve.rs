//! Which value holds for whom.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    exemptions::Exemption,
    level::{ContainerType, Level, Sourced},
    names::ByUser,
    settings::{Limits, LimitsLayer, Row, Rules, RulesLayer, Said},
    whole::Policy,
};

/// What holds for one user's containers of one type, or for a group's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Resolved {
    /// The user's group; the level is `Default` or `BuiltIn` for the default group.
    pub group: Sourced<String>,
    /// Time limits.
    pub limits: Limits,
    /// How idleness is judged, and what is done about it.
    pub rules: Rules,
}

impl Resolved {
    /// Every setting, in the order of tables.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.limits.rows();
        rows.extend(self.rules.rows());
        rows
    }
}

impl Policy {
    /// What holds for containers of `kind` that belong to `user`; `None` is an owner whom nobody could name.
    ///
    /// Limits come from the user's override; then, for a managed container, from the user's group, for any other from
    /// its type; then from `defaults`. Rules come from the override, the group, the type of an unmanaged container and
    /// `policies`. What no file says is built in.
    pub fn resolve(&self, user: Option<&str>, kind: ContainerType) -> Resolved {
        self.resolve_as(user, self.group_of(user), kind)
    }

    /// What holds for the members of `group` who have no override of their own.
    pub fn resolve_for_group(&self, group: &str, kind: ContainerType) -> Resolved {
        let group = Sourced { value: group.to_owned(), level: Level::Group(group.to_owned()), place: None };
        self.resolve_as(None, group, kind)
    }

    fn resolve_as(&self, user: Option<&str>, group: Sourced<String>, kind: ContainerType) -> Resolved {
        let overrides = self.overrides_of(user);
        let of_group = self.groups.get(&group.value).map(|(said, _)| (Level::Group(group.value.clone()), said));
        let of_type = self.types.get(&kind).map(|said| (Level::ContainerType(kind), said));
        let of_all = [(Level::Default, &self.defaults)];

        let nearest = if kind == ContainerType::Managed { &of_group } else { &of_type };
        let limits: Vec<(&Level, &LimitsLayer)> =
            overrides.iter().chain(nearest).chain(&of_all).map(|(level, said)| (level, &said.limits)).collect();
        let rules: Vec<(&Level, &RulesLayer)> = overrides
            .iter()
            .chain(&of_group)
            .chain(&of_type)
            .chain(&of_all)
            .map(|(level, said)| (level, &said.rules))
            .collect();
        let (limits, rules) = (Limits::resolve(&limits), Rules::resolve(&rules));
        Resolved { group, limits, rules }
    }

    /// The overrides of a user, that of `user-overrides.yaml` first.
    fn overrides_of(&self, user: Option<&str>) -> Vec<(Level, &Said)> {
        let Some(user) = user else { return Vec::new() };
        let mut found = self.overrides_file.of(user);
        found.extend(self.overrides_inline.of(user));
        // Names of other forms that differ, in one file or in both, speak of different people: none of them is taken.
        let others: BTreeSet<&str> = found.iter().map(|(name, _)| *name).filter(|name| *name != user).collect();
        found.retain(|(name, _)| *name == user || others.len() == 1);
        found.into_iter().map(|(name, (said, _))| (Level::UserOverride(name.to_owned()), said)).collect()
    }

    /// The group that a user is in, and which line says so.
    pub fn group_of(&self, user: Option<&str>) -> Sourced<String> {
        let found = user.map(|user| self.members.of(user)).unwrap_or_default();
        if let Some((_, (group, place))) = found.first()
            && found.iter().all(|(_, (other, _))| other == group)
        {
            return Sourced { value: group.clone(), level: Level::Group(group.clone()), place: Some(place.clone()) };
        }
        let place = self.default_group.as_ref().map(|group| group.place.clone());
        let level = if place.is_some() { Level::Default } else { Level::BuiltIn };
        Sourced { value: self.default_group().to_owned(), level, place }
    }

    /// The exemptions of a user, each with whether it holds at `now`. The end of a day is that of `zone`.
    pub fn exemptions_of(&self, user: &str, now: Timestamp, zone: &TimeZone) -> Vec<(&Exemption, bool)> {
        let mut names = ByUser::default();
        for exemption in &self.exemptions {
            names.insert(exemption.username.clone(), ());
        }
        let [(name, ())] = names.of(user)[..] else { return Vec::new() };
        let own = self.exemptions.iter().filter(|exemption| exemption.username == name);
        own.map(|exemption| (exemption, exemption.expires.holds(now, zone))).collect()
    }

    /// All exemptions, in the order of the file.
    pub fn exemptions(&self) -> &[Exemption] {
        &self.exemptions
    }

    /// The groups that the policy names, the default group first.
    pub fn groups(&self) -> Vec<&str> {
        let default = self.default_group();
        let others = self.groups.keys().map(String::as_str).filter(|group| *group != default);
        std::iter::once(default).chain(others).collect()
    }

    /// The users who have an override, by name.
    pub fn overridden_users(&self) -> Vec<&str> {
        let mut users: Vec<&str> =
            self.overrides_file.iter().chain(self.overrides_inline.iter()).map(|(name, _)| name).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

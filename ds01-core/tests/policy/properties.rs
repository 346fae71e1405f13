//! What holds for every policy.

use std::collections::BTreeMap;

use ds01_core::policy::{ContainerType, Policy, parse};
use proptest::{prelude::*, sample::subsequence};

use super::{one_file, values};

/// A policy as places, such as `groups/student`, with the keys and values that stand there.
type Places = BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>;

const PLACES: [&str; 10] = [
    "defaults",
    "policies",
    "groups/student",
    "groups/student/policies",
    "groups/faculty",
    "groups/faculty/policies",
    "container_types/compose",
    "container_types/compose/policies",
    "user_overrides/alice",
    "user_overrides/alice/policies",
];
const LIMITS: [&str; 4] = ["idle_timeout", "max_runtime", "gpu_hold_after_stop", "container_hold_after_stop"];
const RULES: [&str; 4] =
    ["keepalive_max_duration", "keep_max", "created_container_timeout", "gpu_hold_after_manual_stop"];
const USERS: [&str; 3] = ["alice", "bob", "carol"];

fn places() -> impl Strategy<Value = Places> {
    let value = prop::sample::select(vec!["null", "5m", "1h", "2d"]);
    let keys = |place: &'static str| if place.ends_with("policies") { RULES.to_vec() } else { LIMITS.to_vec() };
    let mut places = Just(Places::new()).boxed();
    for place in PLACES {
        let keys = keys(place);
        let said = subsequence(keys.clone(), 0..=keys.len())
            .prop_flat_map({
                let value = value.clone();
                move |keys| {
                    let values = prop::collection::vec(value.clone(), keys.len());
                    values.prop_map(move |values| keys.clone().into_iter().zip(values).collect())
                }
            })
            .boxed();
        places = (places, said)
            .prop_map(move |(mut places, said): (Places, BTreeMap<_, _>)| {
                places.insert(place, said);
                places
            })
            .boxed();
    }
    places
}

/// Writes a policy down, everything in the order that `seed` gives.
fn write(places: &Places, seed: u64) -> String {
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let entries = |said: &BTreeMap<&str, &str>| -> Vec<String> {
        said.iter().map(|(key, value)| format!("{key}: {value}")).collect()
    };
    for (place, said) in places.iter().filter(|(place, _)| !place.ends_with("/policies")) {
        let mut entries_here = entries(said);
        if let Some(within) = places.get(format!("{place}/policies").as_str()) {
            let mut within = entries(within);
            shuffle(&mut within, seed);
            entries_here.push(format!("policies: {{{}}}", within.join(", ")));
        }
        if *place == "groups/faculty" {
            entries_here.push("members: [alice, bob]".to_owned());
        }
        shuffle(&mut entries_here, seed);
        let (section, name) = place.split_once('/').unwrap_or((place, ""));
        let said = entries_here.join(", ");
        let text = if name.is_empty() { said } else { format!("{name}: {{{said}}}") };
        sections.entry(section).or_default().push(text);
    }
    let mut lines: Vec<String> = sections
        .into_iter()
        .map(|(section, mut parts)| {
            shuffle(&mut parts, seed);
            format!("{section}: {{{}}}\n", parts.join(", "))
        })
        .collect();
    shuffle(&mut lines, seed);
    lines.concat()
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (last + 1);
        items.swap(last, other);
    }
}

fn policy(places: &Places, seed: u64) -> Policy {
    parse(&one_file(write(places, seed))).unwrap().policy
}

fn everything(policy: &Policy) -> Vec<(String, String)> {
    let ask = |user| ContainerType::ALL.into_iter().flat_map(move |kind| values(policy, user, kind));
    USERS.into_iter().flat_map(ask).collect()
}

/// The places that are asked about `key`, from the nearest, for a user and type of the policies above.
fn chain(user: &str, kind: ContainerType, key: &str) -> Vec<&'static str> {
    let own = user == "alice";
    let student = user == "carol";
    let compose = kind == ContainerType::Compose;
    let places = if RULES.contains(&key) {
        let group = if student { "groups/student/policies" } else { "groups/faculty/policies" };
        [
            own.then_some("user_overrides/alice/policies"),
            Some(group),
            compose.then_some("container_types/compose/policies"),
            Some("policies"),
        ]
    } else {
        let group = if student { "groups/student" } else { "groups/faculty" };
        [
            own.then_some("user_overrides/alice"),
            (kind == ContainerType::Managed).then_some(group),
            compose.then_some("container_types/compose"),
            Some("defaults"),
        ]
    };
    places.into_iter().flatten().collect()
}

fn value_of(policy: &Policy, user: &str, kind: ContainerType, key: &str) -> String {
    values(policy, user, kind).into_iter().find(|(name, _)| name == key).unwrap().1
}

proptest! {
    #[test]
    fn the_order_of_keys_means_nothing(places in places(), seed in any::<u64>()) {
        prop_assert_eq!(everything(&policy(&places, 1)), everything(&policy(&places, seed)));
    }

    #[test]
    fn the_nearest_place_that_has_a_key_decides(places in places()) {
        let policy = policy(&places, 1);
        for user in USERS {
            for kind in ContainerType::ALL {
                for key in LIMITS.into_iter().chain(RULES) {
                    let wanted = chain(user, kind, key).into_iter().find_map(|place| places[place].get(key));
                    if let Some(wanted) = wanted {
                        prop_assert_eq!(&value_of(&policy, user, kind, key), wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn a_nearer_null_beats_every_farther_value(
        mut places in places(),
        key in prop::sample::select([&LIMITS[..], &RULES].concat()),
    ) {
        for user in USERS {
            for kind in ContainerType::ALL {
                let nearest = chain(user, kind, key)[0];
                let before = places.get_mut(nearest).unwrap().insert(key, "null");
                prop_assert_eq!(value_of(&policy(&places, 1), user, kind, key), "null");
                match before {
                    Some(value) => places.get_mut(nearest).unwrap().insert(key, value),
                    None => places.get_mut(nearest).unwrap().remove(key),
                };
            }
        }
    }

    #[test]
    fn removing_a_key_changes_no_other(places in places(), place in prop::sample::select(PLACES.to_vec()), index in 0..4_usize) {
        let Some(key) = places[place].keys().nth(index).copied() else { return Ok(()) };
        let mut without = places.clone();
        without.get_mut(place).unwrap().remove(key);
        let others = |places| everything(&policy(places, 1)).into_iter().filter(|(name, _)| name != key).collect::<Vec<_>>();
        prop_assert_eq!(others(&places), others(&without));
    }

    #[test]
    fn any_bytes_are_a_policy_or_an_error(main in prop::collection::vec(any::<u8>(), 0..200), beside in any::<Vec<u8>>()) {
        let mut files = one_file(main);
        let document = |bytes: &[u8]| ds01_core::policy::Document { path: "beside".into(), bytes: bytes.to_vec() };
        files.overrides = Some(document(&beside));
        files.exemptions = Some(document(&beside));
        files.members.insert("student".to_owned(), document(&beside));
        check(&files)?;
    }

    /// Bytes that are nearly a policy go further than bytes that are not.
    #[test]
    fn any_damage_to_a_policy_is_a_policy_or_an_error(
        at in any::<prop::sample::Index>(),
        length in 0..8_usize,
        insert in "[-{}\\[\\]:,#&*!|>'\"%@`?<~\\t\\r\\n 0-9a-zé٣\u{202e}\u{1b}]{0,8}",
    ) {
        let mut bytes = std::fs::read(super::root().join("config/runtime/resource-limits.yaml")).unwrap();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, insert.bytes());
        check(&one_file(bytes))?;
    }
}

fn check(files: &ds01_core::policy::PolicyFiles) -> Result<(), TestCaseError> {
    match parse(files) {
        Ok(loaded) => {
            for kind in ContainerType::ALL {
                prop_assert_eq!(loaded.policy.resolve(Some("alice"), kind).rows().len(), 23);
            }
        }
        Err(bad) => {
            let said = bad.to_string();
            prop_assert!(said.contains("error: "), "{}", said);
            prop_assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", said);
        }
    }
    Ok(())
}

//! Files of both ages of spelling, as they stand in the field, mean the same.

use ds01_core::policy::{ContainerType, Policy, parse};

use super::{folder, root, values};

const USERS: [&str; 12] = [
    "204214@uni.example",
    "204214",
    "h.baker@uni.example",
    "h_baker",
    "c.rossi@uni.example",
    "c.rossi",
    "188945@uni.example",
    "dslab",
    "m.wu@uni.example",
    "m_wu",
    "UNI\\t.nagy",
    "somebody-else",
];

fn age(name: &str) -> Policy {
    let path = root().join("fixtures/policy/ages").join(name);
    let files = folder(&path);
    let lines = files.policy.bytes.split(|byte| *byte == b'\n').count();
    assert!(lines > 150, "{name} has {lines} lines");
    let loaded = parse(&files).unwrap_or_else(|bad| panic!("{name}:\n{bad}"));
    assert_eq!(loaded.warnings, [], "{name}");
    loaded.policy
}

#[test]
fn both_ages_mean_the_same_to_everybody() {
    let (units, unit_keys) = (age("units-in-values"), age("units-in-keys"));
    let mut distinct = std::collections::BTreeSet::new();
    for user in USERS {
        for kind in ContainerType::ALL {
            let said = values(&units, user, kind);
            assert_eq!(said, values(&unit_keys, user, kind), "{user}, {kind}");
            distinct.insert(said);
        }
    }
    assert!(distinct.len() > 20, "the files tell users and types apart: {}", distinct.len());
}

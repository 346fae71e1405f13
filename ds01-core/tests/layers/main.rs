//! The house rule about arrows: a file uses its own room and lower ones, and no two files use each other, however long the way
//! around. Read off the `use` lines and the paths in the code, tests left out.
//!
//! A room's `mod.rs` only declares and re-exports. So a path that ends there counts as an arrow to the file that defines the
//! name, and arrows from and to a `mod.rs` that re-exports nothing by that name are left out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod graph;
mod paths;

use std::{fs, path::Path};

use graph::{Arrow, House};

/// The rooms of the library, lowest first. Rooms on one line don't know each other.
const LAYERS: &[&[&str]] = &[
    &["text", "duration", "units"],
    &["deadline"],
    &["json", "table"],
    &["model"],
    &["store", "usage"],
    &["outbox"],
    &["source"],
    &["event", "policy"],
    &["detect"],
    &["idle/evidence"],
    &["idle/journal"],
    &["idle/habits"],
    &["idle/state"],
    &["idle/rules"],
    &["idle/gpus", "idle/suspicion"],
    &["idle/notice", "metrics"],
    &["idle/act"],
    &["ledger", "replay", "sampler"],
    &["scan"],
    &["cli"],
];

/// The programs' files only have to be free of circles.
const PROGRAMS: [&str; 3] = ["ds01-detect", "ds01-idle", "ds01-workloads"];

fn house(of: &Path) -> House {
    let mut files = Vec::new();
    collect(of, of, &mut files);
    assert!(files.len() > 5, "{}: {} files", of.display(), files.len());
    House::new(files)
}

/// The Rust files below `dir` with their texts, tests left out; their names are relative to `root`.
fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !name.ends_with("tests") {
                collect(root, &path, files);
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.ends_with("test_support.rs") {
            files.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

fn sources(package: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src")
}

#[test]
fn no_arrow_of_the_library_points_upward() {
    let upward = house(&sources("ds01-core")).upward(LAYERS);
    assert!(upward.is_empty(), "a file uses a room above its own:\n{}", listed(&upward));
}

#[test]
fn every_file_of_the_library_lies_in_a_room_of_the_list() {
    let house = house(&sources("ds01-core"));
    assert_eq!(house.outside(LAYERS), ["idle/mod.rs", "lib.rs"], "put the room into LAYERS");
}

#[test]
fn no_files_go_around_in_circles() {
    for package in ["ds01-core"].into_iter().chain(PROGRAMS) {
        let circle = house(&sources(package)).circle();
        assert!(circle.is_empty(), "{package}: these files use each other:\n{}", listed(&circle));
    }
}

fn listed(arrows: &[Arrow]) -> String {
    arrows.iter().map(|arrow| format!("  {arrow}\n")).collect()
}

/// A tree made up for these tests: the rules have to see what is wrong with it.
fn made_up(files: &[(&str, &str)]) -> House {
    House::new(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

const TWO: &[&[&str]] = &[&["low"], &["high"]];

#[test]
fn an_arrow_upward_is_seen_with_its_line() {
    let house = made_up(&[
        ("low/mod.rs", "mod a;\npub use a::A;"),
        (
            "low/a.rs",
            "//! use crate::high::B is only a comment\nuse crate::{\n    other,\n    high::{self, B},\n};\npub struct A;",
        ),
        ("high/mod.rs", "mod b;\npub use b::B;"),
        ("high/b.rs", "use crate::low::A;\npub struct B;"),
    ]);
    let upward = house.upward(TWO);
    assert_eq!(upward.iter().map(ToString::to_string).collect::<Vec<_>>(), ["low/a.rs:4 -> high/b.rs"]);
}

#[test]
fn a_circle_is_seen_through_re_exports_and_without_use_lines() {
    let house = made_up(&[
        ("low/mod.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use self::b::*;"),
        ("low/a.rs", "pub struct A(super::c::C);"),
        ("low/b.rs", "use crate::low::A;\npub struct B(A);"),
        ("low/c.rs", "fn c(b: &crate::low::B) {}\npub struct C;\n#[cfg(test)]\nmod tests { use crate::low::Nothing; }"),
    ]);
    let circle: Vec<String> = house.circle().iter().map(ToString::to_string).collect();
    assert_eq!(circle, ["low/a.rs:1 -> low/c.rs", "low/b.rs:1 -> low/a.rs", "low/c.rs:1 -> low/b.rs"]);
    assert!(house.upward(TWO).is_empty());
}

#[test]
fn tests_may_use_anything() {
    let house = made_up(&[
        ("low/mod.rs", "mod a;\npub use a::A;"),
        ("low/a.rs", "pub struct A;\n#[cfg(test)]\nmod tests {\n    use crate::high::B;\n}"),
        ("high/mod.rs", "pub struct B;"),
    ]);
    assert!(house.upward(TWO).is_empty() && house.circle().is_empty());
}

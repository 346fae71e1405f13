//! Text that nobody writes in good faith, or that a broken disk writes.
//!
//! What is bounded is the work: bytes, depth, values, findings and how much of a line is quoted.

use ds01_core::policy::{BadPolicy, parse};

use super::one_file;

fn refused(text: String) -> BadPolicy {
    parse(&one_file(text)).unwrap_err()
}

#[test]
fn ten_megabytes_of_nesting_are_refused() {
    for unit in ["[", "{", "- ", "? ", "{a: ", "[{", "a:\n "] {
        let bad = refused(unit.repeat((10 << 20) / unit.len()));
        assert!(bad.to_string().contains("the most that is read"), "{unit:?}");
    }
}

#[test]
fn as_much_nesting_as_is_read_is_refused() {
    for unit in ["[", "{", "- ", "? ", "{a: ", "[{"] {
        let bad = refused(unit.repeat((1 << 20) / unit.len()));
        assert!(bad.to_string().contains("within each other"), "{unit:?}: {bad}");
    }
    let stairs: String = (0..1400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(refused(stairs).to_string().contains("within each other"));
}

#[test]
fn a_file_full_of_faults_names_the_first_and_counts_the_rest() {
    let keys: String = (0..20_000).map(|n| format!("idle_timou{n}: {{}}\n")).collect();
    let bad = refused(format!("{keys}defaults: 1\n"));
    assert!(bad.found.len() <= 401, "{}", bad.found.len());
    assert!(bad.to_string().contains("more findings are not shown"));
    assert!(bad.to_string().contains("error: `defaults` is a single value"));
}

#[test]
fn one_endless_line_is_quoted_in_part() {
    let entries: String = (0..20_000).map(|n| format!("u{n}: {{idle_timeout: {n}}}, ")).collect();
    let said = refused(format!("user_overrides: {{{entries}}}")).to_string();
    assert!(said.lines().all(|line| line.chars().count() < 300), "a line is too long");
    assert!(said.len() < 200_000, "{}", said.len());
}

#[test]
fn endless_names_and_values_are_quoted_in_part() {
    let endless = "x".repeat(100_000);
    let said = refused(format!(
        "? {endless}\n: 1\ndefaults:\n  idle_timeout: {endless}\n  policies: {{gpu_unknown: {endless}}}\n\
         user_overrides:\n  ? {endless}\n  : 1\ndefault_group: {endless}\n"
    ))
    .to_string();
    assert!(said.matches("error: ").count() >= 4 && said.len() < 10_000, "{}", said.len());
}

#[test]
fn aliases_within_aliases_do_not_grow() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let previous = n - 1;
        let all = vec![format!("*a{previous}"); 10].join(", ");
        text += &format!("a{n}: &a{n} [{all}]\n");
    }
    let bad = refused(format!("{text}defaults: *a29\n"));
    assert!(bad.to_string().contains("`defaults` is an alias"), "{bad}");
}

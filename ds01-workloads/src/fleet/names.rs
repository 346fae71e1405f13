//! Names of hosts, as ssh is given them.

use std::collections::HashSet;

/// No name in the DNS is longer, and a user's stands before it.
const MOST_BYTES: usize = 320;

/// So many hosts are asked at most.
const MOST_HOSTS: usize = 5_000;

/// The hosts of a text: one a line, `#` begins a comment. Also what to say about them.
///
/// # Errors
///
/// Which line is no host, and why.
pub(super) fn parse(text: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    checked(lines.zip(1..).filter(|(line, _)| !line.is_empty()))
}

/// The same of names with their numbers.
///
/// # Errors
///
/// As [`parse`].
pub(super) fn checked<'a>(names: impl Iterator<Item = (&'a str, usize)>) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut seen, mut hosts, mut said) = (HashSet::new(), Vec::new(), Vec::new());
    for (name, number) in names {
        if let Some(why) = fault(name) {
            return Err(format!("line {number}: `{name}` is no name of a host: {why}"));
        }
        if seen.insert(name) {
            hosts.push(name.to_owned());
        } else {
            said.push(format!("{name} is named twice: it is asked once"));
        }
    }
    if hosts.len() > MOST_HOSTS {
        return Err(format!("{} hosts are more than the {MOST_HOSTS} that are asked: use Prometheus", hosts.len()));
    }
    Ok((hosts, said))
}

/// Why a name is none. What a shell or ssh could take for something else is none: it stands in the command lines of both, and of
/// the proxies that an admin may have configured.
fn fault(name: &str) -> Option<&'static str> {
    let (user, host) = name.rsplit_once('@').unwrap_or(("", name));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:[]%".contains(c);
    if name.len() > MOST_BYTES {
        Some("it is too long")
    } else if host.is_empty() || name.starts_with('@') {
        Some("it is empty")
    } else if user.starts_with('-') || host.starts_with('-') {
        Some("it begins with -")
    } else if !host.chars().all(is_plain) || !user.chars().all(|c| is_plain(c) && c != '%') {
        Some("letters, digits and . _ - : [ ] were expected")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_a_line_and_nothing_that_could_be_an_option_or_a_command() {
        let text = "# the lab\ngpu01\n\n  root@gpu-02.example  # new\r\n[fe80::1%eth0]\ngpu01\n";
        let (hosts, said) = parse(text).unwrap();
        assert_eq!(hosts, ["gpu01", "root@gpu-02.example", "[fe80::1%eth0]"]);
        assert_eq!(said, ["gpu01 is named twice: it is asked once"]);
        for name in [
            "-oProxyCommand=id",
            "al@-oProxyCommand=id",
            "-l@gpu01",
            "gpu01;id",
            "$(id)",
            "a b",
            "gpu\u{1b}[2J",
            "gpü",
            "@gpu01",
            "al@",
            "a/b",
            "`id`",
            "%h@x",
        ] {
            let error = parse(&format!("gpu01\n{name}\n")).unwrap_err();
            assert!(error.starts_with("line 2: "), "{name}: {error}");
        }
        assert!(parse(&"x".repeat(400)).is_err());
        assert!(parse(&(0..6000).map(|n| format!("h{n}\n")).collect::<String>()).unwrap_err().contains("5000"));
    }
}

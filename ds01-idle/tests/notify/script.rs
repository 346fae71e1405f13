//! A script of the repository, run as the deliverer runs it, or as a shell reads it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)
}

/// What a user may have made of his names and texts.
pub(crate) const HOSTILE: &str = "a\"b\\c $(touch /tmp/ds01-was-here) `id` ; <!channel> & 'x' %s -oX";

/// Runs a shipped hook with these variables beside those of a notice.
pub(crate) fn run_hook(name: &str, vars: &[(&str, &str)]) -> Output {
    let text = format!("+--+\n| {HOSTILE} |\n+--+");
    let mut command = Command::new(shipped("notify.d").join(name));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs([
        ("DS01_ID", "1772452800000-abababababab-warning"),
        ("DS01_SEVERITY", "warning"),
        ("DS01_USER", "alice"),
        ("DS01_ADDRESS", ""),
        ("DS01_CONTAINER", "train"),
        ("DS01_SUBJECT", "[ds01] WILL BE STOPPED: train"),
        ("DS01_TEXT", text.as_str()),
        ("DS01_SUBJECT_JSON", "\"[ds01] WILL BE STOPPED: train\""),
        ("DS01_TEXT_JSON", serde_json::to_string(&text).unwrap().as_str()),
    ]);
    // Nothing of the host's is read, unless a test says so.
    for file in ["MAIL_MAP", "MAIL_RELAY", "MAILNAME", "WEBHOOK_URL"] {
        command.env(file, "/nonexistent");
    }
    command.envs(vars.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{}\n").unwrap();
    child.wait_with_output().unwrap()
}

/// An executable script.
pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned()
}

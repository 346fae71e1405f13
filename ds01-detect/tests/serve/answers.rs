//! What is answered.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use crate::server::{FILE, PATIENT, Server};

#[test]
fn the_file_and_a_front_page_are_there_and_nothing_else() {
    let server = Server::start(PATIENT);
    let answer = server.get("/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(head.contains(&format!("content-length: {}", FILE.len())) && head.contains("connection: close"), "{head}");
    assert_eq!(body, FILE);
    let head = server.answer_to(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(server.get("/").contains("/metrics"));
    // HTTP/1.0 is answered as well, as some probes speak it.
    assert!(server.answer_to(b"GET /metrics HTTP/1.0\r\n\r\n").ends_with(FILE));
    for path in ["/metrics/", "/../etc/passwd", "/etc/passwd", "/metrics/../../etc/passwd", "//metrics"] {
        assert!(server.get(path).starts_with("HTTP/1.1 404 "), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"] {
        let answer = server.answer_to(format!("{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(!answer.starts_with("HTTP/1.1 200"), "{method}: {answer}");
        assert!(!answer.contains("ds01_probe"), "{method}: {answer}");
    }
    let refused = server.answer_to(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.to_lowercase().contains("allow: get, head"), "{refused}");
}

#[test]
fn a_file_that_says_nothing_about_now_is_answered_with_why() {
    let server = Server::with(PATIENT, None);
    let unavailable = |what: &str| {
        let answer = server.get("/metrics");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{what}: {answer}");
        assert!(!answer.contains("secret"), "{what}: {answer}");
        answer
    };
    assert!(unavailable("missing").contains("ds01-workload-detector.timer"));
    let elsewhere = server.file().with_file_name("elsewhere");
    fs::write(&elsewhere, "secret").unwrap();
    symlink(&elsewhere, server.file()).unwrap();
    unavailable("a link");
    fs::remove_file(server.file()).unwrap();
    fs::create_dir(server.file()).unwrap();
    unavailable("a directory");
    fs::remove_dir(server.file()).unwrap();
    assert!(Command::new("mkfifo").arg(server.file()).status().unwrap().success());
    unavailable("a FIFO");
    fs::remove_file(server.file()).unwrap();
    fs::write(server.file(), FILE).unwrap();
    server.serves();
    let write_at = |at: SystemTime| File::options().write(true).open(server.file()).unwrap().set_modified(at).unwrap();
    write_at(SystemTime::now() - Duration::from_secs(3600));
    assert!(unavailable("old").contains("ago"));
    // After the clock was set back, it is not old.
    write_at(SystemTime::now() + Duration::from_secs(3600));
    server.serves();
    // Another writing of the same length is another file.
    let other = FILE.replace("ds01_probe 1", "ds01_probe 7");
    fs::write(server.file(), &other).unwrap();
    assert!(server.get("/metrics").ends_with(&other));
    // A new file in its place, as the writers make it.
    let new = server.file().with_file_name("new");
    fs::write(&new, FILE).unwrap();
    fs::rename(&new, server.file()).unwrap();
    server.serves();
}

#[test]
fn it_ends_when_nobody_asks() {
    let server = Server::start("600000,600000,300");
    server.serves();
    assert_eq!(server.end(), Some(0));
}

#[test]
fn without_a_socket_it_says_who_hands_one_over() {
    let output = Command::new(env!("CARGO_BIN_EXE_ds01-detect"))
        .arg("serve-metrics")
        .env_remove("LISTEN_FDS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("ds01-metrics.socket"), "{words}");
}

//! The hook that posts to a chat, on a server of the test's own.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::Output,
    thread::{self, JoinHandle},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::script::{HOSTILE, run_hook, words};

/// What the server was sent: the request line and headers, and the body.
type Request = (String, String);

/// A server that answers one request with this status.
fn server(status: &'static str) -> (u16, JoinHandle<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n"
        );
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    (port, answer)
}

fn post(line: &str) -> Output {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webhook-url");
    fs::write(&path, line).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    run_hook("webhook", &[("WEBHOOK_URL", path.to_str().unwrap())])
}

fn sent(kind: &str) -> Request {
    let (port, answer) = server("200 OK");
    let output = post(&format!("{kind} http://user:secret@127.0.0.1:{port}/hooks/secret?x=1\n"));
    assert!(output.status.success(), "{}", words(&output.stderr));
    assert_eq!(words(&output.stdout), format!("{kind} at 127.0.0.1:{port}"), "and nothing of the secret");
    answer.join().unwrap()
}

fn box_of(text: &str) -> String {
    format!("+--+\n| {text} |\n+--+")
}

#[test]
fn each_chat_gets_what_it_understands_whatever_the_text_is() {
    let text = |body: &str| serde_json::from_str::<Value>(body).unwrap()["text"].as_str().unwrap().to_owned();
    let (head, body) = sent("slack");
    assert!(head.starts_with("POST /hooks/secret?x=1 HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let escaped = HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(text(&body), format!("```{}```", box_of(&escaped)));
    assert_eq!(text(&sent("mattermost").1), format!("```\n{}\n```", box_of(HOSTILE)));
    let card: Value = serde_json::from_str(&sent("teams").1).unwrap();
    assert_eq!(card["attachments"][0]["content"]["body"][0]["text"], box_of(HOSTILE));
    let (head, body) = sent("ntfy");
    assert!(head.contains("Title: [ds01] WILL BE STOPPED: train"), "{head}");
    assert_eq!(body, box_of(HOSTILE));
}

#[test]
fn a_server_that_refuses_or_leads_elsewhere_is_a_failure_that_tells_no_secret() {
    for status in ["404 Not Found", "500 No"] {
        let (port, answer) = server(status);
        let output = post(&format!("slack http://127.0.0.1:{port}/hooks/secret"));
        assert!(!output.status.success() && words(&output.stdout).is_empty());
        let said = words(&output.stderr);
        assert!(said.contains(&status[..3]) && !said.contains("secret"), "{said}");
        answer.join().unwrap();
    }
    let (port, answer) = server("302 Found");
    let output = post(&format!("slack http://127.0.0.1:{port}/hooks/secret"));
    assert!(!output.status.success(), "a redirection delivers nothing");
    answer.join().unwrap();
}

#[test]
fn a_file_that_makes_no_sense_is_said_so() {
    for (line, expected) in [
        ("", "is empty"),
        ("slack", "write one line"),
        ("https://x.org/hook", "write one line"),
        ("slack file:///etc/passwd", "write one line"),
        ("slack https://x.org/\" -o /tmp/x", "belongs in none"),
        ("pigeon https://x.org/", "the first word is"),
    ] {
        let output = post(line);
        assert!(
            !output.status.success() && words(&output.stderr).contains(expected),
            "{line}: {}",
            words(&output.stderr)
        );
    }
    assert!(words(&run_hook("webhook", &[]).stderr).contains("can't be read"));
}

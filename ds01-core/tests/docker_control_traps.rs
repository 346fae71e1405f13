//! Orders to a daemon that is slow, silent, or answers what no daemon should.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests; their helpers are not marked as such")]

use ds01_core::model::EngineName;
use std::{path::Path, thread, time::Duration};

use docker_rig::fake_daemon::{Answer, Containers, FakeDaemon, fake_id};
use ds01_core::{
    model::ContainerId,
    source::{
        Acted, ContainerControl, FailureKind, PathStat, SourceError,
        docker::{Docker, DockerOptions},
    },
};

/// What a usual request may take, where that is what is tested.
const SHORT: Duration = Duration::from_secs(1);

fn docker(socket: &Path) -> Docker {
    Docker::new(DockerOptions { socket: socket.to_owned(), ..DockerOptions::default() }).unwrap()
}

fn impatient(socket: &Path) -> Docker {
    let socket = socket.to_owned();
    Docker::new(DockerOptions {
        engine: EngineName::DOCKER,
        socket,
        connect_timeout: Duration::from_secs(20),
        request_timeout: SHORT,
    })
    .unwrap()
}

fn id() -> ContainerId {
    fake_id(7).parse().unwrap()
}

/// A daemon that says this to every order, and is sound otherwise.
fn daemon(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> FakeDaemon {
    let containers = Containers::new("1.41", "1.12");
    FakeDaemon::start(move |request| if request == "/version" { containers.answer(request) } else { answer(request) })
        .unwrap()
}

fn head(status: u16, headers: &str) -> Answer {
    Answer::Raw(format!("HTTP/1.1 {status} Said So\r\n{headers}Connection: close\r\n\r\n").into_bytes())
}

fn failure<T: std::fmt::Debug>(result: Result<T, SourceError>) -> (FailureKind, String) {
    match result.unwrap_err() {
        SourceError::Failed { kind, detail, .. } => (kind, detail),
        other => panic!("not a failure: {other}"),
    }
}

/// The order by which each trap is tried.
type Order = fn(&Docker) -> Result<Acted, SourceError>;
const STOP: Order = |docker| docker.stop(&id(), Duration::ZERO);
const UNPAUSE: Order = |docker| docker.unpause(&id());
const REMOVE: Order = |docker| docker.remove(&id());

#[test]
fn orders_say_what_is_meant_and_no_more() {
    let daemon = daemon(|_| head(204, ""));
    let docker = docker(daemon.socket());
    assert_eq!(docker.stop(&id(), Duration::from_millis(60_001)).unwrap(), Acted::Done);
    assert_eq!(docker.unpause(&id()).unwrap(), Acted::Done);
    assert_eq!(docker.remove(&id()).unwrap(), Acted::Done);
    let base = format!("/v1.41/containers/{}", id());
    let requests = daemon.requests();
    let expected = [
        "/version".to_owned(),
        format!("POST {base}/stop?t=61"),
        format!("POST {base}/unpause"),
        format!("DELETE {base}?v=false&force=false&link=false"),
    ];
    assert_eq!(requests, expected, "the version is asked for once; a part of a second is one; no volume, and no force");
}

#[test]
fn what_is_so_already_and_what_is_gone_are_no_failures() {
    let stopped = daemon(|_| head(304, ""));
    assert_eq!(STOP(&docker(stopped.socket())).unwrap(), Acted::Done);
    let gone = daemon(|_| Answer::Error(404, "No such container".to_owned()));
    for order in [STOP, UNPAUSE, REMOVE] {
        assert_eq!(order(&docker(gone.socket())).unwrap(), Acted::Gone);
    }
}

#[test]
fn a_refusal_is_told_in_the_daemons_words_made_harmless() {
    for (status, order) in [(500, STOP), (409, UNPAUSE), (409, REMOVE)] {
        let daemon = daemon(move |_| Answer::Error(status, "it runs\u{1b}[2J".to_owned()));
        let (kind, words) = failure(order(&docker(daemon.socket())));
        assert_eq!(kind, FailureKind::Erred);
        assert!(words.contains(&format!("HTTP {status}: \"it runs\\u{{1b}}[2J\"")), "{words}");
        assert!(words.contains(&format!("/v1.41/containers/{}", id())) && !words.contains('\u{1b}'), "{words}");
    }
}

/// What takes long by its nature has its own deadline. An unpause has not: it shows that the daemon is slow enough.
#[test]
fn a_stop_that_takes_longer_than_a_usual_request_is_no_failure() {
    let daemon = daemon(|_| {
        thread::sleep(2 * SHORT);
        head(204, "")
    });
    let docker = impatient(daemon.socket());
    assert_eq!(failure(UNPAUSE(&docker)).0, FailureKind::TimedOut);
    assert_eq!(STOP(&docker).unwrap(), Acted::Done);
    assert_eq!(REMOVE(&docker).unwrap(), Acted::Done);
}

#[test]
fn silence_and_half_an_answer_end_at_the_deadline() {
    let silent = daemon(|_| Answer::silence());
    let stalled = daemon(|_| Answer::StallAfter(b"HTTP/1.1 500 No\r\nContent-Length: 90\r\n\r\n{\"mess".to_vec()));
    for daemon in [&silent, &stalled] {
        let docker = impatient(daemon.socket());
        let (kind, words) = failure(UNPAUSE(&docker));
        assert_eq!(kind, FailureKind::TimedOut, "{words}");
        assert!(words.starts_with(&format!("POST /v1.41/containers/{}/unpause on ", id())), "{words}");
    }
    let (kind, words) = failure(impatient(silent.socket()).path_stat(&id(), "/x"));
    assert_eq!(kind, FailureKind::TimedOut, "{words}");
    // Beyond its grace, a stop has half a minute: this one waits for it.
    let (kind, words) = failure(STOP(&impatient(silent.socket())));
    assert_eq!((kind, words.contains("/stop")), (FailureKind::TimedOut, true), "{words}");
}

#[test]
fn a_connection_that_ends_in_the_middle_is_a_failure() {
    let daemon = daemon(|_| Answer::Raw(b"HTTP/1.1 ".to_vec()));
    for order in [STOP, UNPAUSE, REMOVE] {
        assert!(matches!(order(&docker(daemon.socket())), Err(SourceError::Failed { .. })));
    }
    assert!(docker(daemon.socket()).path_stat(&id(), "/x").is_err());
}

/// Base64 as the API has it in a header.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, at| number << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
        let digits = [18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63]));
        text.extend(&digits[..=chunk.len()]);
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

/// What is made of this description of a path.
fn stat(json: &str) -> Result<PathStat, SourceError> {
    let header = format!("X-Docker-Container-Path-Stat: {}\r\n", base64(json.as_bytes()));
    let daemon = daemon(move |_| head(200, &header));
    docker(daemon.socket()).path_stat(&id(), "/workspace/.keep-alive")
}

/// Where the source of a mount is gone from the host, the daemon does not find any path in the container.
#[test]
fn a_file_is_not_absent_where_nothing_at_all_is_found() {
    let daemon = daemon(|_| head(404, ""));
    let (kind, words) =
        failure(docker(daemon.socket()).path_stat(&id(), "/workspace/.keep-alive").map(|_| Acted::Done));
    assert_eq!((kind, words.contains("not even / is there")), (FailureKind::Nonsense, true), "{words}");
}

fn described(mode: u32, mtime: &str) -> String {
    format!(r#"{{"name":".keep-alive","size":0,"mode":{mode},"mtime":"{mtime}","linkTarget":""}}"#)
}

#[test]
fn a_path_is_asked_for_as_it_is_and_looked_at_by_its_mode() {
    let at_root =
        head(200, &format!("X-Docker-Container-Path-Stat: {}\r\n", base64(described(1 << 31, "").as_bytes())));
    let daemon = daemon(move |request| if request.ends_with("path=%2F") { at_root.clone() } else { head(404, "") });
    let odd = "/work space/&t=1/é";
    assert_eq!(docker(daemon.socket()).path_stat(&id(), odd).unwrap(), PathStat::Absent);
    let asked = format!("HEAD /v1.41/containers/{}/archive?path=%2Fwork+space%2F%26t%3D1%2F%C3%A9", id());
    assert_eq!(daemon.requests()[1], asked);

    let at = "2026-03-02T12:00:00.5+01:00";
    let of = |mode| stat(&described(mode, at)).unwrap();
    assert_eq!(of(0o644), PathStat::File("2026-03-02T11:00:00.5Z".parse().unwrap()));
    assert_eq!(of(1 << 31 | 0o755), PathStat::Directory);
    assert_eq!(of(1 << 27 | 0o777), PathStat::Link);
    for bit in [26, 25, 24, 21, 19] {
        assert_eq!(of(1 << bit | 0o644), PathStat::Other, "bit {bit}");
    }
    assert_eq!(of(1 << 23 | 1 << 22 | 1 << 20 | 0o7755), stat(&described(0, at)).unwrap(), "set-uid and sticky");
}

#[test]
fn a_time_that_is_none_is_nonsense_and_only_a_files_is_needed() {
    for mtime in ["", "yesterday", "2026-13-02T12:00:00Z", "99999-01-01T00:00:00Z", "0", "\\u001b[2J"] {
        let (kind, words) = failure(stat(&described(0o644, mtime)));
        assert_eq!(kind, FailureKind::Nonsense, "{mtime}: {words}");
        assert!(words.contains("which is no time") && !words.contains('\u{1b}'), "{words}");
        assert_eq!(stat(&described(1 << 31, mtime)).unwrap(), PathStat::Directory);
    }
    assert_eq!(failure(stat(r#"{"name":"x","size":0,"mode":420,"linkTarget":""}"#)).0, FailureKind::Nonsense);
    let year_1 = PathStat::File("0001-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(stat(&described(0o644, "0001-01-01T00:00:00Z")).unwrap(), year_1, "Go's time of nothing is long ago");
}

/// What is no answer is never "there is none": that would stop somebody who asked to be kept.
#[test]
fn a_description_of_no_use_is_a_failure_and_no_absence() {
    for headers in [
        "",
        "X-Docker-Container-Path-Stat: \r\n",
        "X-Docker-Container-Path-Stat: ***\r\n",
        "X-Docker-Container-Path-Stat: bm9uc2Vuc2U=\r\n",
    ] {
        let daemon = daemon(|_| head(200, headers));
        assert!(matches!(docker(daemon.socket()).path_stat(&id(), "/x"), Err(SourceError::Failed { .. })), "{headers}");
    }
    for status in [400, 409, 500, 503] {
        let daemon = daemon(move |_| head(status, ""));
        let (kind, words) = failure(docker(daemon.socket()).path_stat(&id(), "/x"));
        assert_eq!(kind, FailureKind::Erred);
        assert!(words.contains(&format!("HTTP {status}")), "{words}");
    }
}

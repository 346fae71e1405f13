//! Clients that mean no good, and others who are served meanwhile.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use docker_rig::wait_until;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::{FILE, LIMIT, MOST_KIB, PATIENT, Server, rest};

/// More than it takes at a time.
const CROWD: usize = 1_000;

/// Room for as many open files as the crowd needs, here.
fn room_for_a_crowd() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(8192, |most| most.min(8192));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).unwrap();
    assert!(wanted > 2 * CROWD as u64, "this test needs more than {wanted} open files");
}

#[test]
fn a_thousand_who_send_nothing_keep_nobody_out() {
    room_for_a_crowd();
    let server = Server::start(PATIENT);
    let crowd: Vec<TcpStream> = (0..CROWD).map(|_| server.connect()).collect();
    for _ in 0..20 {
        server.serves();
    }
    assert!(server.open_files() < CROWD / 2, "{} open files", server.open_files());
    assert!(server.peak_kib() < MOST_KIB, "{} KiB", server.peak_kib());
    drop(crowd);
    server.serves();
}

#[test]
fn slow_lorises_are_cut_off_and_others_are_served() {
    let server = Server::start(PATIENT);
    let mut slow: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
    for byte in b"GET /metrics HTTP/1.1\r\nX: 1" {
        slow.iter_mut().for_each(|stream| stream.write_all(&[*byte]).unwrap());
        server.serves();
    }
    assert!(server.peak_kib() < MOST_KIB, "{} KiB", server.peak_kib());
    // With less patience, they are not waited for, however often they send something.
    let server = Server::start("200,600000,600000");
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let mut sender = stream.try_clone().unwrap();
    let sends = std::thread::spawn(move || {
        while sender.write_all(b"X: 1\r\n").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    assert!(!rest(&mut stream).contains("200 OK"));
    drop(stream);
    sends.join().unwrap();
    server.serves();
}

#[test]
fn those_who_take_nothing_are_cut_off_and_share_what_they_do_not_take() {
    let long: Vec<u8> = FILE.bytes().chain(b"# x\n".repeat(4 * 1024 * 1024)).chain(b"ds01_last 1\n".to_vec()).collect();
    let server = Server::with(PATIENT, Some(&long));
    let ask = |stream: &mut TcpStream| stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut greedy: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    greedy.iter_mut().for_each(ask);
    let answer = server.get("/metrics");
    assert!(answer.ends_with("ds01_last 1\n"), "{}", answer.len());
    // A copy for each would be 1.6 GiB.
    assert!(server.peak_kib() < MOST_KIB + 2 * 16 * 1024, "{} KiB", server.peak_kib());
    drop(greedy);
    let server = Server::with("600000,200,600000", Some(&long));
    let mut stream = server.connect();
    ask(&mut stream);
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    wait_until("its connection is closed", LIMIT, || server.connections() == 0);
    assert!(rest(&mut stream).len() < long.len());
}

#[test]
fn what_is_no_request_of_this_century_gets_no_metrics() {
    let server = Server::start(PATIENT);
    for request in [
        &b"GET /metrics\r\n\r\n"[..],
        b"GET /metrics HTTP/0.9\r\n\r\n",
        b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http:// HTTP/1.1\r\n\r\n",
        b"GET /\xff\x00 HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nbad header\r\n\r\n",
        b"\r\n\r\n\r\n\0\0\0\0",
    ] {
        let mut stream = server.connect();
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(&mut stream);
        assert!(!answer.contains("ds01_probe"), "{request:?}: {answer}");
        server.serves();
    }
}

#[test]
fn a_mebibyte_of_header_is_refused_and_takes_no_memory() {
    let server = Server::start(PATIENT);
    let one = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(200_000));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    for request in [one, many, path] {
        for _ in 0..10 {
            let answer = server.answer_to(request.as_bytes());
            assert!(!answer.contains("ds01_probe"), "{}", &answer[..answer.len().min(200)]);
        }
        server.serves();
    }
    // A body without end is not read.
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b'a'; 1 << 16], b"\r\n".to_vec()].concat();
    for _ in 0..1_000 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    assert!(server.peak_kib() < MOST_KIB, "{} KiB", server.peak_kib());
    server.serves();
}

#[test]
fn of_requests_in_one_go_one_is_answered() {
    let server = Server::start(PATIENT);
    let answer = server.answer_to("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000).as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    server.serves();
}

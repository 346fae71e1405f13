//! An API that answers as it is told: what is sent to it, and what becomes of answers that no Prometheus gives.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;

use super::{document, fleet};
use crate::common::{ds01, outcome};

/// What a request was answered with: a head without its length, and a body.
type Reply = Box<dyn Fn(&str) -> (String, String) + Send + Sync>;

/// A server on loopback.
struct Api {
    address: String,
    /// The heads of the requests.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn new(reply: Reply) -> Self {
        Self::start(reply, None)
    }

    fn start(reply: Reply, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, reply) = (Arc::new(Mutex::new(Vec::new())), Arc::new(reply));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, reply, tls) = (Arc::clone(&seen), Arc::clone(&reply), tls.clone());
                thread::spawn(move || match tls {
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        answer(StreamOwned::new(connection, stream), &seen, &reply);
                    }
                    None => answer::<TcpStream>(stream, &seen, &reply),
                });
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer<S: Read + Write>(mut stream: S, asked: &Mutex<Vec<String>>, reply: &Reply) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let (status, body) = reply(&head);
    asked.lock().unwrap().push(head);
    // Whoever has heard enough closes.
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(body.as_bytes());
    let _ = stream.flush();
}

/// One host without workloads, scanned just now, whichever question it is.
fn one_host(name: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let metric = format!(r#"{{"__name__":"ds01_scan_timestamp_seconds","instance":"{name}:9100","job":"ds01"}}"#);
    vector(&format!(r#"{{"metric":{metric},"value":[{now},"{now}"]}}"#))
}

fn vector(samples: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#)
}

fn ok(body: String) -> (String, String) {
    ("200 OK".to_owned(), body)
}

/// A directory with a fleet.yaml of these lines.
fn config(lines: &[String]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fleet.yaml");
    fs::write(&path, format!("fleet:\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>()))
        .unwrap();
    (dir, path)
}

fn with(path: &Path) -> Command {
    let mut command = ds01(&["--fleet", "--fleet-config"]);
    command.arg(path);
    command
}

fn secret(dir: &Path, name: &str, content: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn credentials_go_to_whom_the_file_names_and_to_nobody_else() {
    let api = Api::new(Box::new(|_| ok(one_host("gpu01"))));
    let url = format!("http://{}/prometheus", api.address);
    let (dir, path) = config(&[]);
    let token = secret(dir.path(), "token", "s3cret\n");
    let lines = format!("fleet:\n  url: {url}/\n  tenant: lab\n  bearer_token_file: {}\n", token.display());
    fs::write(&path, &lines).unwrap();
    let (seen, err, code) = document(with(&path));
    assert_eq!((seen["hosts"][0]["host"].as_str(), err.as_str(), code), (Some("gpu01"), "", 0));
    let heads = api.asked();
    assert_eq!(heads.len(), 3, "three questions, however many hosts");
    for head in heads {
        assert!(head.starts_with("GET /prometheus/api/v1/query?query="), "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("authorization: bearer s3cret\r\n") && head.contains("x-scope-orgid: lab\r\n"), "{head}");
    }
    // Another one, named on the command line, gets none of it.
    let other = Api::new(Box::new(|_| ok(one_host("gpu02"))));
    let mut command = with(&path);
    command.args(["--prometheus", &format!("http://{}", other.address)]);
    let (seen, _, _) = document(command);
    assert_eq!(seen["hosts"][0]["host"], "gpu02");
    assert!(other.asked().iter().all(|head| !head.to_lowercase().contains("authorization") && !head.contains("lab")));
    // Nor does one that it is sent on to.
    let (elsewhere, target) = (Arc::new(other), Mutex::new(()));
    let location = elsewhere.address.clone();
    let sends_on = Api::new(Box::new(move |head| {
        let _one_at_a_time = target.lock().unwrap();
        let path = head.split(' ').nth(1).unwrap();
        (format!("302 Found\r\nLocation: http://{location}{path}"), String::new())
    }));
    let text = format!("fleet:\n  url: http://{}\n  bearer_token_file: {}\n", sends_on.address, token.display());
    fs::write(&path, text).unwrap();
    document(with(&path));
    assert!(sends_on.asked()[0].to_lowercase().contains("authorization"));
    assert!(elsewhere.asked().iter().all(|head| !head.to_lowercase().contains("authorization")));
    // A user and a password.
    let pair = secret(dir.path(), "pair", "al:pass\n");
    fs::write(&path, format!("fleet:\n  url: {url}\n  basic_auth_file: {}\n", pair.display())).unwrap();
    document(with(&path));
    assert!(api.asked().last().unwrap().to_lowercase().contains("authorization: basic yww6cgfzcw==\r\n"));
    // What others can read is no secret, and is not sent.
    let before = api.asked().len();
    fs::set_permissions(&pair, Permissions::from_mode(0o644)).unwrap();
    let (out, err, code) = outcome(with(&path));
    assert_eq!((out.as_str(), code, api.asked().len()), ("", 2, before));
    assert!(err.contains("mode 0644") && err.contains("chmod"), "{err}");
}

#[test]
fn tls_is_checked_against_the_file_or_the_system() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(path("key.pem"))
        .arg("-out")
        .arg(path("cert.pem"))
        .output();
    let Ok(made) = made else {
        assert!(
            std::env::var_os("DS01_REQUIRE_RIG").is_none(),
            "there is no openssl; run fixtures/install-test-deps.sh"
        );
        eprintln!("skipped: there is no openssl; run fixtures/install-test-deps.sh");
        return;
    };
    assert!(made.status.success(), "{made:?}");
    let certificate = CertificateDer::from_pem_file(path("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(path("key.pem")).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let api = Api::start(Box::new(|_| ok(one_host("gpu01"))), Some(Arc::new(tls)));
    let yaml = path("fleet.yaml");
    let url = format!("url: https://{}", api.address);
    // As Debian keeps certificates: behind a link.
    symlink(path("cert.pem"), path("link.pem")).unwrap();
    fs::write(&yaml, format!("fleet:\n  {url}\n  ca_file: {}\n", path("link.pem").display())).unwrap();
    let (seen, err, code) = document(with(&yaml));
    assert_eq!((seen["hosts"][0]["host"].as_str(), err.as_str(), code), (Some("gpu01"), "", 0));
    // The system knows nobody of that name.
    fs::write(&yaml, format!("fleet:\n  {url}\n")).unwrap();
    let (out, err, code) = outcome(with(&yaml));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("can't reach Prometheus") && err.contains("ca_file"), "{err}");
    assert_eq!(api.asked().len(), 3, "nothing is asked of somebody who can't be trusted");
}

#[test]
fn errors_of_the_api_are_told_with_what_to_do_next() {
    for (status, body, said) in [
        ("401 Unauthorized", "", "Say who asks with bearer_token_file"),
        ("403 Forbidden", "{}", "Say who asks"),
        ("404 Not Found", "404 page not found", "Mimir has /prometheus"),
        ("200 OK", "<html>\u{1b}[2J log in</html>", "not as Prometheus' API does"),
        ("502 Bad Gateway", "", "not as Prometheus' API does"),
        ("400 Bad Request", r#"{"status":"error","errorType":"bad_data","error":"no org id"}"#, "Name the tenant"),
        (
            "422 Unprocessable Entity",
            r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples\u001b[2J"}"#,
            "known_for",
        ),
    ] {
        let api = Api::new(Box::new(move |_| (status.to_owned(), body.to_owned())));
        let (out, err, code) = outcome(fleet(&["--prometheus", &format!("http://{}", api.address)]));
        assert_eq!((out.as_str(), code), ("", 1), "{status}: {err}");
        assert!(err.contains(said) && err.contains(&api.address) && !err.contains('\u{1b}'), "{status}: {err}");
    }
    // A long text in the wrong place is not said in full.
    let long = "x".repeat(100_000);
    for body in [
        format!(r#"{{"status":"success","data":"{long}"}}"#),
        format!(r#"{{"status":"success","data":{{"resultType":"{long}"}}}}"#),
    ] {
        let api = Api::new(Box::new(move |_| ok(body.clone())));
        let (_, err, code) = outcome(fleet(&["--prometheus", &format!("http://{}", api.address)]));
        assert!(code == 1 && err.contains("not as Prometheus' API does") && err.len() < 2000, "{}", err.len());
    }
    let (out, err, code) = outcome(fleet(&["--prometheus", "http://al:s3cret@127.0.0.1:1"]));
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("basic_auth_file") && !err.contains("s3cret"), "{err}");
}

#[test]
fn what_can_not_be_looked_back_to_is_said_and_warnings_are_shown() {
    let api = Api::new(Box::new(|head| {
        if head.contains("last_over_time") {
            let error = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
            return ("422 Unprocessable Entity".to_owned(), error.to_owned());
        }
        let body = one_host("gpu01");
        ok(body.replace(r#"{"status""#, r#"{"warnings":["store \u001b[2J is down"],"status""#))
    }));
    let (out, err, code) = outcome(fleet(&["--prometheus", &format!("http://{}", api.address)]));
    assert!(out.contains("gpu01") && code == 0, "{out}");
    assert!(err.contains("may be missing") && err.contains("too many samples"), "{err}");
    assert!(err.contains("Prometheus says: store \\x1b[2J is down"), "{err}");
}

#[test]
fn what_prometheus_is_not_told_is_refused_and_a_warning_that_sounds_like_ours_is_still_its() {
    let api = Api::new(Box::new(|_| {
        ok(one_host("gpu01").replace(r#"{"status""#, r#"{"warnings":["hosts that fell silent are well"],"status""#))
    }));
    let url = format!("http://{}", api.address);
    for arguments in
        [&["--belongs-to", "slurm-job:42"][..], &["--columns", "host,belongs-to"], &["--sort", "belongs-to"]]
    {
        let (out, err, code) = outcome(fleet(&[&["--prometheus", &url], arguments].concat()));
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}: {err}");
        assert!(err.contains("--hosts FILE"), "{err}");
    }
    assert_eq!(api.asked(), Vec::<String>::new());
    let (_, err, code) = outcome(fleet(&["--prometheus", &url]));
    assert!(code == 0 && err.contains("Prometheus says: hosts that fell silent are well"), "{err}");
}

#[test]
fn a_name_that_nobody_knows_is_told_from_one_who_does_not_answer() {
    // `invalid` is no domain, by RFC 6761.
    let (out, err, code) = outcome(fleet(&["--prometheus", "http://prometheus.invalid:9090"]));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("Check the name in the URL"), "{err}");
}

#[test]
fn one_that_hangs_has_a_deadline() {
    // It accepts, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_dir, path) = config(&[format!("url: http://{}", listener.local_addr().unwrap()), "deadline: 1s".to_owned()]);
    let (out, err, code) = outcome(with(&path));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("did not answer within 1s") && err.contains("deadline"), "{err}");
}

#[test]
fn names_of_hosts_are_text() {
    let name = "\\u001b[2J\\u202e\\n<b>";
    let api = Api::new(Box::new(move |_| ok(one_host(name))));
    let url = format!("http://{}", api.address);
    for arguments in [&[][..], &["--by-user"], &["--by-gpu"], &["--json"], &["--wide"]] {
        let (out, _, code) = outcome(fleet(&[&["--prometheus", &url], arguments].concat()));
        assert_eq!(code, 0);
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()) && !out.contains('\u{202e}'), "{out:?}");
        assert!(out.contains("<b>"), "{out}");
    }
}

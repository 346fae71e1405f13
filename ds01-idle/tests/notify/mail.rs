//! The hook that sends mail.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::Output,
    thread,
};

use tempfile::TempDir;

use crate::script::{HOSTILE, run_hook, script, words};

struct Mail(TempDir);

impl Mail {
    /// A mail system that keeps what it is given, and ends so.
    fn new(exit: i32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display().to_string();
        script(
            &dir.path().join("sendmail"),
            &format!("printf '%s\\n' \"$@\" >{path}/args; cat >{path}/sent; exit {exit}"),
        );
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn send(&self, vars: &[(&str, &str)]) -> Output {
        let (sendmail, map) = (self.path().join("sendmail"), self.path().join("map"));
        let own = [("SENDMAIL", sendmail.to_str().unwrap()), ("MAIL_MAP", map.to_str().unwrap())];
        run_hook("mail", &[&own[..], vars].concat())
    }

    /// To whom the last mail went.
    fn to(&self) -> String {
        let args = fs::read_to_string(self.path().join("args")).unwrap_or_default();
        args.lines().last().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_mail_is_whole_and_goes_to_one_address() {
    let mail = Mail::new(0);
    let sent = mail.send(&[("DS01_ADDRESS", "alice@x.org")]);
    assert!(sent.status.success());
    assert_eq!(words(&sent.stdout), "alice@x.org");
    assert_eq!(fs::read_to_string(mail.path().join("args")).unwrap(), "-oi\n--\nalice@x.org\n");
    let text = fs::read_to_string(mail.path().join("sent")).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    assert!(head.starts_with("To: alice@x.org\nSubject: [ds01] WILL BE STOPPED: train\n"), "{head}");
    assert_eq!(body, format!("+--+\n| {HOSTILE} |\n+--+\n"));
    assert!(!Path::new("/tmp/ds01-was-here").exists());
}

#[test]
fn the_address_is_the_policys_then_the_maps_then_the_users_name() {
    let mail = Mail::new(0);
    fs::write(mail.path().join("map"), "# who is where\nbob bob@y.org\nalice alice@y.org\n").unwrap();
    let to = |vars: &[(&str, &str)]| {
        assert!(mail.send(vars).status.success());
        mail.to()
    };
    assert_eq!(to(&[("DS01_ADDRESS", "alice@x.org")]), "alice@x.org");
    assert_eq!(to(&[]), "alice@y.org");
    assert_eq!(to(&[("DS01_USER", "carol")]), "carol");
    assert_eq!(to(&[("DS01_USER", "dan@uni.example")]), "dan@uni.example");
}

#[test]
fn a_name_that_is_no_address_reaches_no_mail_system() {
    let mail = Mail::new(0);
    fs::write(mail.path().join("map"), "").unwrap();
    for user in ["-oQ/tmp", "a b", "a,b@x.org", "a\nBcc: b@x.org", "$(id)", "../x", "a|b", "<a@x.org>", "é"] {
        let refused = mail.send(&[("DS01_USER", user)]);
        assert!(!refused.status.success() && words(&refused.stderr).contains("no address"), "{user}");
    }
    assert!(words(&mail.send(&[("DS01_USER", "")]).stderr).contains("nobody to write to"));
    assert!(!mail.path().join("args").exists());
}

#[test]
fn a_mail_system_that_fails_or_is_missing_is_a_failure() {
    let failed = Mail::new(75).send(&[]);
    assert_eq!(failed.status.code(), Some(75));
    let missing = run_hook("mail", &[("SENDMAIL", "/nonexistent/sendmail")]);
    assert_eq!(words(&missing.stderr), "there is no /nonexistent/sendmail, and no /nonexistent");
    assert!(!missing.status.success());
}

/// A mail server for one mail: what it was told, line by line.
fn server() -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = thread::spawn(move || {
        let mut reader = BufReader::new(listener.accept().unwrap().0);
        let (mut heard, mut in_data) = (Vec::new(), false);
        let say = |reader: &mut BufReader<std::net::TcpStream>, words: &str| {
            reader.get_mut().write_all(format!("{words}\r\n").as_bytes()).unwrap();
        };
        say(&mut reader, "220 test");
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return heard;
            }
            heard.push(line.trim_end().to_owned());
            match line.trim_end() {
                "." if in_data => {
                    in_data = false;
                    say(&mut reader, "250 taken");
                }
                _ if in_data => {}
                "DATA" => {
                    in_data = true;
                    say(&mut reader, "354 go on");
                }
                "QUIT" => {
                    say(&mut reader, "221 bye");
                    return heard;
                }
                _ => say(&mut reader, "250 well"),
            }
        }
    });
    (port, heard)
}

#[test]
fn a_mail_server_takes_it_where_sendmail_can_not_be_used() {
    let mail = Mail::new(1);
    let relay = mail.path().join("relay");
    let (port, heard) = server();
    fs::write(&relay, format!("smtp://127.0.0.1:{port}\n")).unwrap();
    let vars = [("DS01_ADDRESS", "alice@x.org"), ("MAIL_RELAY", relay.to_str().unwrap())];
    let sent = mail.send(&vars);
    assert!(sent.status.success(), "{}", words(&sent.stderr));
    assert_eq!(words(&sent.stdout), "alice@x.org");
    let heard = heard.join().unwrap();
    assert!(heard.contains(&"RCPT TO:<alice@x.org>".to_owned()), "{heard:?}");
    for header in ["From: ds01@", "Date: "] {
        assert!(heard.iter().any(|line| line.starts_with(header)), "{heard:?}");
    }
    assert!(heard.contains(&format!("| {HOSTILE} |")), "{heard:?}");
    // Nobody is there any more.
    assert!(!mail.send(&vars).status.success());
    fs::write(&relay, "file:///etc/passwd\n").unwrap();
    assert!(words(&mail.send(&vars).stderr).contains("write a URL"));
}

#[test]
fn a_mail_server_is_given_no_name_without_a_domain() {
    let mail = Mail::new(1);
    let (relay, mailname) = (mail.path().join("relay"), mail.path().join("mailname"));
    fs::write(&mailname, "uni.example\n").unwrap();
    for (user, wanted) in [("alice", "alice@uni.example"), ("alice@x.org", "alice@x.org")] {
        let (port, heard) = server();
        fs::write(&relay, format!("smtp://127.0.0.1:{port}\n")).unwrap();
        let vars =
            [("DS01_USER", user), ("MAIL_RELAY", relay.to_str().unwrap()), ("MAILNAME", mailname.to_str().unwrap())];
        assert_eq!(words(&mail.send(&vars).stdout), wanted);
        let heard = heard.join().unwrap();
        for line in [format!("RCPT TO:<{wanted}>"), format!("To: {wanted}"), "From: ds01@uni.example".to_owned()] {
            assert!(heard.contains(&line), "{heard:?}");
        }
    }
}

//! A real browser, spoken to through its DevTools protocol: messages of JSON, each ended by a zero byte, on two pipes.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page. Dropping it ends it.
pub(crate) struct Browser {
    child: Child,
    input: File,
    answers: Receiver<Value>,
    /// What was told in between.
    told: Vec<Value>,
    session: Option<String>,
    next: u64,
    _home: TempDir,
}

/// Debian's browser; `None`, and said so, where it is not installed and need not be.
fn binary() -> Option<PathBuf> {
    let path = Path::new("/usr/bin/chromium");
    if path.exists() {
        return Some(path.to_owned());
    }
    assert!(env::var_os("DS01_REQUIRE_RIG").is_none(), "there is no chromium: see fixtures/install-test-deps.sh");
    eprintln!("skipped: there is no chromium");
    None
}

impl Browser {
    pub(crate) fn start() -> Option<Self> {
        let binary = binary()?;
        let home = TempDir::new().unwrap();
        let (to, from) = (home.path().join("to"), home.path().join("from"));
        for pipe in [&to, &from] {
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        // The page is ours, and the tests run as root in containers, where the browser's own sandbox does not.
        let shell = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                     --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$HOME/data\" about:blank \
                     3<\"$1\" 4>\"$2\"";
        let child = Command::new("/bin/sh")
            .args(["-c", shell])
            .args([&binary, &to, &from])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order in which the shell opens them, or both would wait for ever.
        let input = File::options().write(true).open(&to).unwrap();
        let output = BufReader::new(File::open(&from).unwrap());
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            for message in output.split(0) {
                let Ok(message) = message else { break };
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Self { child, input, answers, told: Vec::new(), session: None, next: 0, _home: home };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method, and waits for what it answers.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == json!(self.next) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.told.push(answer);
        }
    }

    /// Opens a file in a window of that size, and waits until it is there.
    pub(crate) fn open(&mut self, file: &Path, (width, height): (u32, u32), features: &[(&str, &str)]) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.ask("Emulation.setEmulatedMedia", json!({"features": features}));
        self.told.clear();
        self.ask("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.told.iter().any(|told| told["method"] == "Page.loadEventFired") {
            let message = self.answers.recv_timeout(PATIENCE).unwrap();
            self.told.push(message);
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}));
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// What went wrong in the page, was said on its console, or popped up.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let bad =
            ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"];
        self.told.iter().filter(|told| bad.iter().any(|method| told["method"] == *method)).collect()
    }

    /// The addresses that were asked for.
    pub(crate) fn requests(&self) -> Vec<&str> {
        let sent = self.told.iter().filter(|told| told["method"] == "Network.requestWillBeSent");
        sent.filter_map(|told| told["params"]["request"]["url"].as_str()).collect()
    }

    /// Leaves a picture of the whole page in the directory that `DS01_SCREENSHOTS` names, if it does, for people to look at.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(dir) = env::var_os("DS01_SCREENSHOTS") else { return };
        let shot = self.ask("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}));
        let base64 = PathBuf::from(&dir).join(format!("{name}.base64"));
        fs::write(&base64, shot["data"].as_str().unwrap()).unwrap();
        let png = File::create(base64.with_extension("png")).unwrap();
        assert!(Command::new("base64").arg("-d").arg(&base64).stdout(png).status().unwrap().success());
        fs::remove_file(base64).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

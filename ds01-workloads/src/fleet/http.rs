//! Asking Prometheus: one instant query over HTTP or TLS, bounded in time and bytes.

use std::{
    io::{self, BufReader, Read},
    sync::Arc,
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::crypto::ring;
use ureq::{
    Agent, Timeout,
    http::{StatusCode, Uri, header},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{
    answer::{self, Answer, Sample},
    secret,
};

/// Above what any fleet answers: a thousand hosts of fifty containers are a quarter of it.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// No label or message is longer: texts are held in memory as a whole.
const MOST_TEXT: usize = 1024 * 1024;

/// As much is read at once.
const CHUNK: usize = 128 * 1024;

/// So often a front end may point elsewhere. Credentials do not follow.
const MOST_REDIRECTS: u32 = 3;

/// A Prometheus, or what speaks like one.
#[derive(Debug, Clone)]
pub(super) struct Api {
    agent: Agent,
    url: String,
    /// What `Authorization` says.
    authorization: Option<String>,
    tenant: Option<String>,
    deadline: Duration,
}

/// How to speak to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Manner {
    pub(super) bearer: Option<String>,
    /// `user:password`.
    pub(super) basic: Option<String>,
    /// Certificates as PEM.
    pub(super) ca: Option<Vec<u8>>,
    pub(super) tenant: Option<String>,
}

impl Api {
    /// One at this URL.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, the certificates or the tenant.
    pub(super) fn new(url: &str, manner: Manner, deadline: Duration) -> Result<Self, String> {
        let url = checked(url)?;
        let roots = match manner.ca {
            None => RootCerts::PlatformVerifier,
            Some(pem) => RootCerts::Specific(Arc::new(certificates(&pem)?)),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .timeout_global(Some(deadline))
            .user_agent(concat!("ds01-workloads/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let authorization = match (manner.bearer, manner.basic) {
            (Some(token), _) => Some(format!("Bearer {token}")),
            (None, Some(pair)) => Some(format!("Basic {}", BASE64_STANDARD.encode(pair))),
            (None, None) => None,
        };
        Ok(Self { agent, url, authorization, tenant: manner.tenant, deadline })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a secret would go over the wire in plain text.
    pub(super) fn tells_secrets(&self) -> bool {
        let here = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| self.url.starts_with(here));
        self.authorization.is_some() && self.url.starts_with("http://") && !here
    }

    /// The answer to an instant query, each of its samples given to `take`.
    ///
    /// # Errors
    ///
    /// What happened, where, and on a line of its own what to do next.
    pub(super) fn ask(&self, query: &str, take: impl FnMut(Sample)) -> Result<Answer, String> {
        let mut request = self.agent.get(format!("{}/api/v1/query", self.url)).query("query", query);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let mut body = Bounded::new(response.body_mut().as_reader());
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Err(self.refused(status));
        }
        match answer::read(BufReader::with_capacity(CHUNK, &mut body), take) {
            Ok(answer) => match &answer.error {
                None => Ok(answer),
                Some((kind, words)) => Err(self.erred(kind, words)),
            },
            Err(error) if error.is_io() => Err(self.broke_off(&error.into())),
            Err(error) => Err(format!(
                "{} answers ({status}), and not as Prometheus' API does: {}\n\
                 See what it is: curl '{}/api/v1/query?query=up'",
                self.url,
                answer::cut(error.to_string()),
                self.url
            )),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> String {
        let next = match error {
            ureq::Error::Timeout(Timeout::Global | Timeout::RecvResponse | Timeout::RecvBody) => {
                return self.late();
            }
            error if is_untrusted(error) => {
                "Where its certificate is from an authority of your own, name that in ca_file of fleet.yaml."
            }
            error if is_unknown_host(error) => "Check the name in the URL.",
            _ => "See whether it runs, and whether this machine may reach it: curl",
        };
        let end = if next.ends_with("curl") { format!(" {}/-/ready", self.url) } else { String::new() };
        format!("can't reach Prometheus at {}: {error}\n{next}{end}", self.url)
    }

    fn late(&self) -> String {
        format!(
            "Prometheus at {} did not answer within {}.\n\
             Give it more time with deadline in fleet.yaml, or less to look back to with known_for.",
            self.url,
            ds01_core::units::duration(self.deadline)
        )
    }

    fn broke_off(&self, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::FileTooLarge {
            return format!("the answer of {} is longer than {MOST_BYTES} bytes: is it a fleet's?", self.url);
        }
        if error.kind() == io::ErrorKind::InvalidData {
            return format!("the answer of {} has a text of more than {MOST_TEXT} bytes: is it Prometheus'?", self.url);
        }
        // What ureq says of its own deadline.
        if error.to_string().contains("timeout") || error.kind() == io::ErrorKind::TimedOut {
            return self.late();
        }
        format!("the answer of {} broke off: {error}\nAsk again.", self.url)
    }

    fn refused(&self, status: StatusCode) -> String {
        let next = match status {
            StatusCode::NOT_FOUND => {
                "There is no API under this path: does it have a prefix? Mimir has /prometheus, and others what their \
                 --web.route-prefix says."
            }
            _ if self.authorization.is_some() => "It does not take these credentials; Mimir wants a tenant, too.",
            _ => "Say who asks with bearer_token_file or basic_auth_file in fleet.yaml; Mimir wants a tenant, too.",
        };
        format!("{} refuses to answer ({status}).\n{next}", self.url)
    }

    fn erred(&self, kind: &str, words: &str) -> String {
        let next = match kind {
            "execution" | "timeout" | "canceled" => {
                "Look back less far: known_for in fleet.yaml is 7d unless it says otherwise."
            }
            "bad_data" if words.contains("org id") => "Name the tenant in fleet.yaml.",
            _ => "See the log of Prometheus.",
        };
        format!("{} can't answer: {kind}: {words}\n{next}", self.url)
    }
}

/// Whether nobody knows the name: the system's resolver says it in words alone.
fn is_unknown_host(error: &ureq::Error) -> bool {
    let by_words = |error: &io::Error| error.to_string().contains("failed to lookup address");
    matches!(error, ureq::Error::HostNotFound) || matches!(error, ureq::Error::Io(error) if by_words(error))
}

/// Whether it is the certificate: TLS fails while something is read or written.
fn is_untrusted(error: &ureq::Error) -> bool {
    let cause = match error {
        ureq::Error::Rustls(cause) => Some(cause),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// A reader of JSON that fails where more comes than anybody sends in good faith: altogether, or in one text.
struct Bounded<R> {
    inner: R,
    left: u64,
    /// How long the text is that is being read; `None` between texts.
    text: Option<usize>,
    /// Whether the next byte of it ends nothing.
    escaped: bool,
}

impl<R> Bounded<R> {
    fn new(inner: R) -> Self {
        Self { inner, left: MOST_BYTES, text: None, escaped: false }
    }

    fn pass(&mut self, byte: u8) -> io::Result<()> {
        self.text = match (self.text, byte) {
            (None, b'"') => Some(0),
            (None, _) => None,
            (Some(_), b'"') if !self.escaped => None,
            (Some(MOST_TEXT), _) => return Err(io::ErrorKind::InvalidData.into()),
            (Some(length), _) => {
                self.escaped = byte == b'\\' && !self.escaped;
                Some(length + 1)
            }
        };
        Ok(())
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        buffer.iter().take(count).try_for_each(|byte| self.pass(*byte))?;
        Ok(count)
    }
}

/// The URL without a slash at its end.
fn checked(url: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("{url} {why}; http://prometheus.example:9090 would be one");
    let parsed: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err(wrong("is no URL of http or https"));
    }
    let authority = parsed.authority().ok_or_else(|| wrong("names no host"))?;
    if authority.as_str().contains('@') {
        // Said without the URL: it holds a password.
        return Err("a password in a URL is seen by everybody who lists processes: put it into basic_auth_file in \
                    fleet.yaml"
            .to_owned());
    }
    if parsed.query().is_some() || url.contains('#') {
        return Err(wrong("ends in more than a path"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn certificates(pem: &[u8]) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("it is no PEM: {error}")),
        }
    }
    if found.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(found) }
}

/// The certificates of a file.
///
/// # Errors
///
/// When it can't be read, or there are none in it.
pub(super) fn ca_file(path: &std::path::Path) -> Result<Vec<u8>, String> {
    /// The system's bundle is a fifth of it.
    const MOST: u64 = 1024 * 1024;
    let text = secret::text(path, MOST)?.ok_or_else(|| format!("{} does not exist", path.display()))?;
    certificates(text.as_bytes()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_are_none_are_told_with_one_that_is() {
        assert_eq!(checked("https://mimir.example/prometheus/").unwrap(), "https://mimir.example/prometheus");
        for (url, said) in [
            ("prometheus:9090", "is no URL"),
            ("ftp://x", "of http or https"),
            ("http://x/?a=1", "more than a path"),
            ("", "is no URL"),
        ] {
            assert!(checked(url).unwrap_err().contains(said), "{url}: {:?}", checked(url));
        }
        let error = checked("http://al:s3cret@x").unwrap_err();
        assert!(error.contains("basic_auth_file") && !error.contains("s3cret"));
    }

    #[test]
    fn a_body_without_end_is_given_up() {
        let mut body = Bounded { left: 1000, ..Bounded::new(io::repeat(b' ')) };
        let error = io::copy(&mut body, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_text_without_end_is_given_up_and_many_short_ones_are_not() {
        let pass = |text: &str| io::copy(&mut Bounded::new(text.as_bytes()), &mut io::sink()).map(|_| ());
        let long = "x".repeat(MOST_TEXT + 1);
        assert_eq!(pass(&format!(r#"{{"a":"{long}"}}"#)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(pass(&format!(r#"["\\\"{long}"]"#)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        pass(&r#"["\\","\"x"],"#.repeat(MOST_TEXT / 4)).unwrap();
        pass(&format!("[{}]", "1,".repeat(MOST_TEXT))).unwrap();
    }
}

//! What went wrong with a request, in words that name the socket and the request.

use std::{error::Error as StdError, io, iter};

use bollard::errors::Error;

use super::{connect::failure_kind, place::Place};
use crate::source::{FailureKind, SourceError};

/// How many characters of what a daemon said are quoted.
const QUOTED_CHARS: usize = 200;

/// `error`, met while doing `request`, as a failure of the daemon as a whole.
pub(super) fn failed(place: &Place, request: &str, error: &Error) -> SourceError {
    let (kind, words) = describe(error);
    place.failed(kind, format!("{request} on {}: {words}", place.socket.display()))
}

/// An HTTP status and the daemon's message with it.
pub(super) fn http_words(status: u16, message: &str) -> String {
    format!("HTTP {status}: {}", excerpt(message))
}

/// The beginning of a text from outside, quoted, and with nothing in it that a terminal would obey.
pub(super) fn excerpt(text: &str) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn describe(error: &Error) -> (FailureKind, String) {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            (FailureKind::Erred, http_words(*status_code, message))
        }
        Error::JsonDataError { message, contents, .. } => {
            (FailureKind::Nonsense, format!("{}: {}", excerpt(message), excerpt(contents)))
        }
        Error::JsonSerdeError { err } => (FailureKind::Nonsense, format!("the answer is no whole JSON: {err}")),
        Error::SocketNotFoundError(_) => (FailureKind::Missing, "the socket is gone".to_owned()),
        other => {
            let kind = io_error(other).map_or(FailureKind::Erred, |error| failure_kind(error.kind()));
            (kind, chain(other))
        }
    }
}

/// The error of the system at the bottom of `error`, if that is what it comes down to.
fn io_error(error: &Error) -> Option<&io::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// `error` and its causes, each once: some of the errors repeat their cause in their own words.
fn chain(error: &Error) -> String {
    let mut words = error.to_string();
    for cause in causes(error).map(ToString::to_string) {
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    iter::successors(error.source(), |cause| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        assert_eq!(excerpt("no such thing\n"), r#""no such thing""#);
        assert_eq!(excerpt("\u{1b}[31mred\u{202e}"), r#""\u{1b}[31mred\u{202e}""#);
        let long = excerpt(&"é".repeat(1000));
        assert_eq!(long.chars().count(), QUOTED_CHARS + 5, "quotes and three dots: {long}");
    }
}

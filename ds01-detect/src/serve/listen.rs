//! Connections: not too many, and none for ever.

use std::{collections::VecDeque, convert::Infallible, io, net::TcpListener, sync::Arc};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, task::AbortHandle, time::timeout};
use tracing::debug;

use super::{Patience, page::Page};

/// The most connections at a time. One more ends the oldest: who means well is done within milliseconds, so that is somebody who
/// sends nothing, or takes nothing.
const MOST_CONNECTIONS: usize = 256;

/// The most bytes of a request's header. Prometheus sends some hundred.
const LONGEST_HEADER: usize = 8 * 1024;

/// Answers whoever connects, until nobody has for `patience.idle`.
pub(super) async fn serve(socket: TcpListener, page: Page, patience: Patience) -> io::Result<()> {
    let socket = tokio::net::TcpListener::from_std(socket)?;
    let page = Arc::new(page);
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = timeout(patience.idle, socket.accept()).await;
        open.retain(|connection| !connection.is_finished());
        match accepted {
            Err(_) if open.is_empty() => return Ok(()),
            Err(_) => {}
            Ok(Ok((stream, _))) => {
                if open.len() >= MOST_CONNECTIONS {
                    end_oldest(&mut open);
                }
                open.push_back(tokio::spawn(answer(stream, Arc::clone(&page), patience)).abort_handle());
            }
            // Out of file descriptors or memory: who waits longest makes room. Without anybody, it is the socket itself.
            Ok(Err(error)) => {
                debug!("accept: {error}");
                if !is_of_one_client(&error) && !end_oldest(&mut open) {
                    return Err(error);
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What ended before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Whether there was one.
fn end_oldest(open: &mut VecDeque<AbortHandle>) -> bool {
    open.pop_front().inspect(AbortHandle::abort).is_some()
}

/// One request and its answer. More than one a connection is not served: who asks again connects again.
async fn answer(stream: TcpStream, page: Arc<Page>, patience: Patience) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = page.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.header)
        .max_buf_size(LONGEST_HEADER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How a client's connection ended is the client's matter.
    match timeout(patience.answer, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("a connection ended: {error}"),
        Err(_) => debug!("a connection was ended: it took too long"),
    }
}

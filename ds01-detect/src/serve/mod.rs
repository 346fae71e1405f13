//! `ds01-detect serve-metrics`: hands the metrics file over by HTTP, on a socket that systemd opened.

mod listen;
mod page;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use ds01_core::{cli::Generate, metrics};
use listenfd::ListenFd;

use crate::failure::Failure;
use page::Page;

const ABOUT: &str = "\
Hand the metrics file over by HTTP, to a Prometheus that can't get it from node_exporter. ds01-metrics.socket starts this when \
somebody connects, and it ends when nobody has for two minutes. It answers GET and HEAD for /metrics, and for / with a line that says so. \
It reads that one file and nothing else.

Without scans there is nothing new to hand over: a file that is older than ten minutes is answered with status 503.";

const EXAMPLES: &str = "\
Examples:
  sudo systemctl enable --no-reload --now ds01-metrics.socket
                                            serve on 127.0.0.1:19301 from now on
  curl http://127.0.0.1:19301/metrics       what Prometheus gets
  systemd-socket-activate --listen=127.0.0.1:19301 ds01-detect serve-metrics
                                            try it by hand

Exit status:
  0   nobody asked for long
  1   no socket was handed over, or it failed
  2   wrong usage";

/// Hand the metrics file over by HTTP
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// The file to hand over
    #[arg(long, value_name = "FILE", default_value = metrics::DEFAULT_PATH)]
    metrics_file: PathBuf,

    /// How long a request's header and a whole answer may take, and how long this stays when nobody asks, in milliseconds: for
    /// tests, which can't wait
    #[arg(long, value_name = "HEADER,ANSWER,IDLE", value_parser = patience, hide = true)]
    patience: Option<Patience>,

    /// Print a man page or shell completions, for packaging
    #[arg(long, value_name = "WHAT", exclusive = true, hide = true)]
    pub(crate) generate: Option<Generate>,
}

/// How long who is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the header of a request.
    header: Duration,
    /// For all of one connection.
    answer: Duration,
    /// For somebody to connect.
    idle: Duration,
}

/// Prometheus itself gives up after ten seconds, unless it is told otherwise.
const PATIENCE: Patience =
    Patience { header: Duration::from_secs(5), answer: Duration::from_secs(30), idle: Duration::from_secs(120) };

fn patience(text: &str) -> Result<Patience, String> {
    let parts: Vec<u64> = text.split(',').filter_map(|part| part.parse().ok()).collect();
    let [header, answer, idle] = parts[..] else { return Err("three whole numbers were expected".to_owned()) };
    let [header, answer, idle] = [header, answer, idle].map(Duration::from_millis);
    Ok(Patience { header, answer, idle })
}

/// Serves until nobody asks any more.
pub(crate) fn run(args: &ServeArgs) -> Result<bool, Failure> {
    let socket = ListenFd::from_env().take_tcp_listener(0).map_err(Failure::Socket)?;
    let socket = socket.ok_or(Failure::NoSocket)?;
    socket.set_nonblocking(true).map_err(Failure::Socket)?;
    let page = Page::new(&args.metrics_file);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Socket)?;
    runtime.block_on(listen::serve(socket, page, args.patience.unwrap_or(PATIENCE))).map_err(Failure::Socket)?;
    Ok(true)
}

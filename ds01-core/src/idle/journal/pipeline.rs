//! Reading many lines: they are parsed by several threads, ahead of whoever takes them.

use std::{
    io::{self, BufRead},
    num::NonZero,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{packed::append_line, record::Record};

/// So many bytes of lines are parsed together.
const CHUNK_BYTES: usize = 512 * 1024;

/// So many chunks of each parser wait to be taken, at most.
const AHEAD: usize = 2;

/// More parsers than this are faster than one reader.
const MOST_PARSERS: usize = 4;

/// Hardly a line is shorter.
const SHORT_LINE_BYTES: usize = 400;

/// Where lines come from.
pub(super) type Lines = Box<dyn BufRead + Send>;

/// Hands over the lines of what `open` gives, one after another, in their order, until it gives `None`. What can't be read to its
/// end is told to `failed`, and left.
pub(super) fn read<E: Send>(
    mut open: impl FnMut() -> Option<Result<(Lines, String), E>> + Send,
    failed: impl Fn(&str, io::Error) + Send,
    each: &mut dyn FnMut(Record),
) -> Result<(), E> {
    let parsers = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_PARSERS);
    thread::scope(|scope| {
        let (mut to_parsers, mut from_parsers) = (Vec::new(), Vec::new());
        for _ in 0..parsers {
            let (to_parser, chunks) = sync_channel::<Result<Vec<u8>, E>>(AHEAD);
            let (to_taker, from_parser) = sync_channel(AHEAD);
            scope.spawn(move || parse(&chunks, &to_taker));
            to_parsers.push(to_parser);
            from_parsers.push(from_parser);
        }
        scope.spawn(move || {
            let mut turn = (0..parsers).cycle();
            // Who takes them has had an error, and is gone.
            let mut send = |chunk| turn.next().is_some_and(|at| to_parsers[at].send(chunk).is_ok());
            while let Some(opened) = open() {
                let (mut lines, name) = match opened {
                    Ok(lines) => lines,
                    Err(error) => {
                        send(Err(error));
                        return;
                    }
                };
                loop {
                    let mut bytes = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
                    let read = chunk(&mut lines, &mut bytes);
                    let is_over = bytes.is_empty();
                    if !is_over && !send(Ok(bytes)) {
                        return;
                    }
                    if let Err(error) = &read {
                        failed(&name, io::Error::new(error.kind(), error.to_string()));
                    }
                    if is_over || read.is_err() {
                        break;
                    }
                }
            }
        });
        for at in (0..parsers).cycle() {
            // A parser that has no more was the last one's turn.
            let Ok(records) = from_parsers[at].recv() else { return Ok(()) };
            records?.into_iter().for_each(&mut *each);
        }
        Ok(())
    })
}

fn parse<E>(chunks: &Receiver<Result<Vec<u8>, E>>, to: &SyncSender<Result<Vec<Record>, E>>) {
    for chunk in chunks {
        let parsed = chunk.map(|chunk| {
            let lines = chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            // A list that grows is copied again and again.
            let mut records = Vec::with_capacity(chunk.len() / SHORT_LINE_BYTES);
            records.extend(lines.filter_map(Record::parse));
            records
        });
        if to.send(parsed).is_err() {
            return;
        }
    }
}

/// Appends the next lines.
fn chunk(lines: &mut Lines, bytes: &mut Vec<u8>) -> io::Result<()> {
    while bytes.len() < CHUNK_BYTES && append_line(lines, bytes)? > 0 {}
    Ok(())
}

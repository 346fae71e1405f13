//! A file of lines, read from its end.

use std::{fs::File, io, os::unix::fs::FileExt};

/// How much is read at a time.
pub(crate) const CHUNK_BYTES: u64 = 64 * 1024;

/// What is kept of a line whose beginning was not read yet. Longer ones are nothing that these programs wrote.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Hands over lines, the last one first and without their newlines, until `each` has enough, which it says by `false`.
pub(crate) fn read_back(file: &File, each: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut end = file.metadata()?.len();
    // The beginning of a line whose end was read already.
    let mut rest = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        let mut chunk = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.read_exact_at(&mut chunk, start)?;
        chunk.extend_from_slice(&rest);
        let whole_from = match chunk.iter().position(|byte| *byte == b'\n') {
            _ if start == 0 => 0,
            Some(newline) => newline + 1,
            None => chunk.len(),
        };
        for line in chunk[whole_from..].split(|byte| *byte == b'\n').rev() {
            if !each(line) {
                return Ok(());
            }
        }
        chunk.truncate(whole_from);
        rest = if chunk.len() as u64 > MAX_LINE_BYTES + CHUNK_BYTES { Vec::new() } else { chunk };
        end = start;
    }
    Ok(())
}

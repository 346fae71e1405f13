//! A day of the journal, compressed: frames of Zstandard, each behind it its own length, so that the newest lines are read
//! from the end as they are from a plain file. `zstd --decompress` and `zstdcat` read it too.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::FileExt,
};

/// So much of a day is one frame. More saves little, and who reads back has to take in a whole frame.
const FRAME_BYTES: usize = 256 * 1024;

/// Beyond this level, the time grows faster than what is saved.
const LEVEL: i32 = 9;

/// A frame that readers skip, of eight bytes: the length of the frame before it.
const TRAILER_HEAD: [u8; 8] = [0x5a, 0x2a, 0x4d, 0x18, 8, 0, 0, 0];

/// Head and length.
const TRAILER_BYTES: u64 = 16;

/// Longer lines are nothing that these programs wrote: a check about thousands of containers is shorter.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// A frame that says it is longer than this, packed or not, is none that these programs wrote.
const LONGEST_FRAME: u64 = 8 * 1024 * 1024;

/// Packs all lines of `from` into frames. A line that is longer than these programs write is left out.
pub(super) fn pack(from: &mut impl BufRead, into: &mut impl Write) -> io::Result<()> {
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    loop {
        let read = append_line(from, &mut frame)?;
        // The end of a line that a crash cut short, so that the next frame's first stands alone.
        if read > 0 && frame.last() != Some(&b'\n') {
            frame.push(b'\n');
        }
        if frame.len() >= FRAME_BYTES || (read == 0 && !frame.is_empty()) {
            let bytes = zstd::bulk::compress(&frame, LEVEL)?;
            into.write_all(&bytes)?;
            into.write_all(&TRAILER_HEAD)?;
            into.write_all(&(bytes.len() as u64).to_le_bytes())?;
            frame.clear();
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// Appends the next line; how many bytes that is, and 0 at the end. One that is longer than these programs write is passed over.
pub(super) fn append_line(from: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        let begin = into.len();
        let read = from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', into)?;
        if (read as u64) < MAX_LINE_BYTES || into.last() == Some(&b'\n') {
            return Ok(read);
        }
        into.truncate(begin);
        from.skip_until(b'\n')?;
    }
}

/// The lines of a packed file, from its beginning.
pub(super) fn lines(file: File) -> io::Result<impl BufRead + Send> {
    zstd::Decoder::new(file).map(BufReader::new)
}

/// Hands over lines, the last one first and without their newlines, until `each` has enough, which it says by `false`.
pub(super) fn read_back(file: &File, each: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut end = file.metadata()?.len();
    while let Some((begin, text)) = frame_before(file, end)? {
        let whole = text.strip_suffix(b"\n").unwrap_or(&text);
        for line in whole.split(|byte| *byte == b'\n').rev() {
            if !each(line) {
                return Ok(());
            }
        }
        end = begin;
    }
    Ok(())
}

/// The last line of a packed file, without its newline.
pub(super) fn last_line(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut found = None;
    read_back(file, &mut |line| {
        found = Some(line.to_vec());
        false
    })?;
    Ok(found)
}

/// Where the frame that ends at `end` begins, and what is in it.
fn frame_before(file: &File, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let Some(trailer_at) = end.checked_sub(TRAILER_BYTES) else {
        return if end == 0 { Ok(None) } else { Err(foreign()) };
    };
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.read_exact_at(&mut trailer, trailer_at)?;
    let (head, length) = trailer.split_at(TRAILER_HEAD.len());
    let length = u64::from_le_bytes(length.try_into().map_err(|_| foreign())?);
    if head != TRAILER_HEAD || length > LONGEST_FRAME {
        return Err(foreign());
    }
    let begin = trailer_at.checked_sub(length).ok_or_else(foreign)?;
    let mut packed = vec![0; usize::try_from(length).map_err(|_| foreign())?];
    file.read_exact_at(&mut packed, begin)?;
    let mut text = Vec::new();
    zstd::Decoder::new(packed.as_slice())?.take(LONGEST_FRAME).read_to_end(&mut text)?;
    Ok(Some((begin, text)))
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is torn, or not packed by this program")
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn packed(texts: &[&str]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for text in texts {
            pack(&mut text.as_bytes(), &mut file).unwrap();
        }
        file.rewind().unwrap();
        file
    }

    fn backwards(file: &File, most: usize) -> Vec<String> {
        let mut found = Vec::new();
        read_back(file, &mut |line| {
            found.push(String::from_utf8(line.to_vec()).unwrap());
            found.len() < most
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_come_back_from_both_ends_over_all_frames() {
        let long: String = (0..40_000).map(|n| format!("line {n} {}\n", "x".repeat(60))).collect();
        let file = packed(&[&long, "a\nb\n", "c"]);
        let all: Vec<String> = lines(file.try_clone().unwrap()).unwrap().lines().map(Result::unwrap).collect();
        assert_eq!(all.len(), 40_003);
        assert_eq!(&all[40_000..], ["a", "b", "c"]);
        let mut back = backwards(&file, usize::MAX);
        back.reverse();
        assert_eq!(back, all);
        assert_eq!(backwards(&file, 2), ["c", "b"]);
        assert_eq!(last_line(&file).unwrap().unwrap(), b"c");
    }

    #[test]
    fn a_line_that_nobody_wrote_is_left_out_and_the_others_stay() {
        let long = "x".repeat(usize::try_from(MAX_LINE_BYTES).unwrap() + 5);
        assert_eq!(backwards(&packed(&[&format!("a\n{long}\nb\n"), &long, "c\n"]), 9), ["c", "b", "a"]);
    }

    #[test]
    fn what_is_torn_or_foreign_is_said_and_nothing_is_no_lines() {
        assert_eq!(backwards(&packed(&[]), 9), Vec::<String>::new());
        for bytes in [&b"hello"[..], &[0; 40], &zstd::bulk::compress(b"a\n", 3).unwrap()] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            let error = read_back(&file, &mut |_| true).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }
}

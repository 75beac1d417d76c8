//! Any bytes as a chunked body: however it arrives, its end is where one who reads it line by line finds it, and the
//! parser behind the front loop.
#![no_main]

use httparse::{Status, parse_chunk_size};
use libfuzzer_sys::fuzz_target;
use proxy::fuzzing::chunked_end;

fuzz_target!(|input: ([u8; 4], &[u8])| {
    let (sizes, bytes) = input;
    let whole = chunked_end(bytes, &[usize::MAX]);
    for sizes in [&[1][..], &sizes.map(usize::from)] {
        assert_eq!(chunked_end(bytes, sizes), whole, "in pieces of {sizes:?}");
    }
    if let Ok(Some(end)) = whole {
        assert_eq!(end_by_lines(bytes), Some(end));
    }
});

fn end_by_lines(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = line(bytes, at)?;
        let digits =
            line.split(|byte| *byte == b';').next().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        let size = usize::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        let parsed = parse_chunk_size(&bytes[at..]);
        assert_eq!(parsed, Ok(Status::Complete((line.len() + 2, size as u64))), "{line:?}");
        at += line.len() + 2;
        if size == 0 {
            break;
        }
        at = at.checked_add(size)? + 2;
        bytes.get(at - 2..at).filter(|end| end == b"\r\n")?;
    }
    loop {
        let line = line(bytes, at)?;
        at += line.len() + 2;
        if line.is_empty() {
            return Some(at);
        }
    }
}

/// What stands before the next CRLF.
fn line(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    rest.windows(2).position(|two| two == b"\r\n").map(|end| &rest[..end])
}

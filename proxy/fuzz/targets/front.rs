//! Any bytes at the beginning of an HTTP/1 connection: what the front loop takes for the head of a request, the parser
//! behind it reads in the same way, and however it arrives.
#![no_main]

use std::iter::zip;

use httparse::{EMPTY_HEADER, Request, Status};
use libfuzzer_sys::fuzz_target;
use proxy::fuzzing::{Head, head};

/// Small, so that they are met.
const BYTES_MAX: usize = 1024;
const FIELDS_MAX: usize = 16;
/// Of a head that is refused because it is too large: seen only once so much has arrived.
const TOO_LARGE: u16 = 431;

fuzz_target!(|input: ([u8; 4], &[u8])| {
    let (sizes, bytes) = input;
    let whole = head(bytes, &[usize::MAX], BYTES_MAX, FIELDS_MAX);
    for sizes in [&[1][..], &sizes.map(usize::from)] {
        let pieces = head(bytes, sizes, BYTES_MAX, FIELDS_MAX);
        let too_large = whole.is_err() && pieces == Err(TOO_LARGE);
        assert!(whole == pieces || too_large, "{whole:?}, and in pieces of {sizes:?}: {pieces:?}");
    }
    match whole {
        Ok(Some(head)) => check(&head),
        Ok(None) => assert!(bytes.len() <= BYTES_MAX + 8, "it is waited for beyond the limit"),
        Err(status) => assert!(matches!(status, 400 | 405 | 417 | 431 | 501 | 505), "{status}"),
    }
});

fn check(head: &Head<'_>) {
    assert!(head.bytes.len() <= BYTES_MAX && head.bytes.ends_with(b"\r\n\r\n"), "{head:?}");
    let lines = head.bytes[..head.bytes.len() - 1].split(|byte| *byte == b'\n');
    let lines: Vec<_> = lines.map(|line| line.strip_suffix(b"\r").expect("CRLF")).collect();
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    assert!(lines.iter().all(|line| line.iter().all(is_text)), "{head:?}");

    let mut room = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut room);
    assert_eq!(request.parse(head.bytes), Ok(Status::Complete(head.bytes.len())), "{head:?}");
    let line = format!(
        "{} {} HTTP/1.{}",
        request.method.expect("parsed"),
        request.path.expect("parsed"),
        request.version.expect("parsed"),
    );
    assert_eq!(lines[0], line.as_bytes());
    assert!(!line.starts_with("CONNECT ") && !line.starts_with("TRACE "), "{line}");
    assert_eq!(lines.len(), request.headers.len() + 2, "{head:?}");
    for (line, field) in zip(&lines[1..], &*request.headers) {
        let colon = line.iter().position(|byte| *byte == b':').expect("a field");
        assert_eq!((&line[..colon], line[colon + 1..].trim_ascii()), (field.name.as_bytes(), field.value));
    }

    let values = |name: &str| {
        let fields = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| str::from_utf8(field.value).expect("one that decides is text")).collect::<Vec<_>>()
    };
    let host = values("host");
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    assert!(host.len() == 1 && !host[0].is_empty() && host[0].chars().all(is_host), "{host:?}");
    match (&values("content-length")[..], &values("transfer-encoding")[..]) {
        ([], []) => assert_eq!(head.length, Some(0)),
        ([length], []) => {
            assert!(length.bytes().all(|digit| digit.is_ascii_digit()), "{length}");
            assert_eq!(head.length, length.parse().ok());
        }
        ([], [coding]) => {
            assert!(coding.eq_ignore_ascii_case("chunked") && request.version == Some(1), "{coding}");
            assert_eq!(head.length, None);
        }
        both => panic!("{both:?}"),
    }
}

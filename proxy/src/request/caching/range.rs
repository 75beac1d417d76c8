//! Parts of a stored whole (RFC 9110 s14): which bytes a request wants, and the header of the answer with them.

use std::ops::Range;

use http::{Method, StatusCode, header};
use pingora::{
    http::{RequestHeader, ResponseHeader},
    proxy::{MultiRangeInfo, RangeType},
};

use super::conditional::if_range_holds;

/// More parts than this are answered with the whole: many tiny parts cost more than they save (RFC 9110 s17.15).
const PARTS_MAX: usize = 64;

/// What of an answer a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Parts(Vec<Range<usize>>),
    /// Parts that are not there.
    Nothing,
}

/// Makes the header of a whole answer that of what the request wants of it, and tells Pingora which bytes these are.
pub(crate) fn choose(request: &RequestHeader, answer: &mut ResponseHeader) -> pingora::Result<RangeType> {
    let length = answer.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let Some(length) = length.filter(|_| answer.status == StatusCode::OK) else { return Ok(RangeType::None) };
    match of_request(request, answer, length) {
        Wanted::Whole => {
            answer.insert_header(header::ACCEPT_RANGES, "bytes")?;
            Ok(RangeType::None)
        }
        Wanted::Nothing => {
            answer.set_status(StatusCode::RANGE_NOT_SATISFIABLE)?;
            answer.insert_header(header::CONTENT_RANGE, format!("bytes */{length}"))?;
            answer.insert_header(header::CONTENT_LENGTH, 0)?;
            for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::ACCEPT_RANGES] {
                answer.remove_header(&name);
            }
            Ok(RangeType::Invalid)
        }
        Wanted::Parts(parts) => {
            answer.set_status(StatusCode::PARTIAL_CONTENT)?;
            answer.remove_header(&header::ACCEPT_RANGES);
            match <[_; 1]>::try_from(parts) {
                Ok([part]) => {
                    let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                    answer.insert_header(header::CONTENT_RANGE, range)?;
                    answer.insert_header(header::CONTENT_LENGTH, part.len())?;
                    Ok(RangeType::Single(part))
                }
                Err(parts) => several(parts, length, answer),
            }
        }
    }
}

fn several(parts: Vec<Range<usize>>, length: usize, answer: &mut ResponseHeader) -> pingora::Result<RangeType> {
    let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut several = MultiRangeInfo::new(parts);
    several.set_content_type(content_type.unwrap_or("application/octet-stream").to_owned());
    several.set_total_length(length);
    answer.insert_header(header::CONTENT_TYPE, format!("multipart/byteranges; boundary={}", several.boundary))?;
    answer.insert_header(header::CONTENT_LENGTH, several.calculate_multipart_length())?;
    answer.remove_header(&header::CONTENT_RANGE);
    Ok(RangeType::Multi(several))
}

/// Whether a request asks for parts of what it names, and nothing else speaks against it.
fn of_request(request: &RequestHeader, answer: &ResponseHeader, length: usize) -> Wanted {
    let mut ranges = request.headers.get_all(header::RANGE).iter();
    match (ranges.next(), ranges.next()) {
        // s14.2: GET is the one method that it is defined for.
        (Some(range), None) if request.method == Method::GET && if_range_holds(&request.headers, &answer.headers) => {
            wanted(range.as_bytes(), length)
        }
        _ => Wanted::Whole,
    }
}

/// Reads a `Range`. What is in another unit, malformed, out of order or overlapping is answered with the whole (s14.2).
fn wanted(range: &[u8], length: usize) -> Wanted {
    let Some(at) = range.iter().position(|&byte| byte == b'=') else { return Wanted::Whole };
    if !range[..at].eq_ignore_ascii_case(b"bytes") {
        return Wanted::Whole;
    }
    let specs = range[at + 1..].split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty());
    let (mut parts, mut count) = (Vec::<Range<usize>>::new(), 0);
    for spec in specs {
        count += 1;
        match part(spec, length) {
            None => return Wanted::Whole,
            Some(None) => {}
            Some(Some(part)) if parts.last().is_none_or(|before| before.end <= part.start) => parts.push(part),
            Some(Some(_)) => return Wanted::Whole,
        }
    }
    match (count, parts.len()) {
        (0 | PARTS_MAX.., _) => Wanted::Whole,
        (_, 0) => Wanted::Nothing,
        _ => Wanted::Parts(parts),
    }
}

/// One part; `None` if it is malformed, `Some(None)` if it lies outside.
fn part(spec: &[u8], length: usize) -> Option<Option<Range<usize>>> {
    let at = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..at], &spec[at + 1..]);
    if first.is_empty() {
        let suffix = position(last)?;
        // Of an empty answer there is no end to send either.
        return Some((suffix > 0 && length > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = position(first)?;
    let last = if last.is_empty() { usize::MAX } else { position(last)? };
    if last < first {
        return None;
    }
    Some((first < length).then(|| first..last.saturating_add(1).min(length)))
}

/// Digits; too many of them are a position that nothing reaches.
fn position(digits: &[u8]) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(digits).ok()?.parse().ok()).map(|position| position.unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_of_ten_bytes() {
        let part = |part: Range<usize>| Wanted::Parts(vec![part]);
        for (range, expected) in [
            ("bytes=0-1", part(0..2)),
            ("BYTES=0-0", part(0..1)),
            ("bytes=9-", part(9..10)),
            ("bytes=5-99", part(5..10)),
            ("bytes=0-99999999999999999999", part(0..10)),
            ("bytes=-3", part(7..10)),
            ("bytes=-99", part(0..10)),
            ("bytes=0-1, 8-", Wanted::Parts(vec![0..2, 8..10])),
            ("bytes=,0-1,,", part(0..2)),
            ("bytes=0-1,20-30", part(0..2)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999-", Wanted::Nothing),
            ("bytes=10-11, 20-30", Wanted::Nothing),
            ("bytes=99999999999999999999-5", Wanted::Whole),
            ("bytes=2-1", Wanted::Whole),
            ("bytes=8-9, 0-1", Wanted::Whole),
            ("bytes=0-5, 3-9", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=0-1, x", Wanted::Whole),
            ("bytes 0-1", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(range.as_bytes(), 10), expected, "{range}");
        }
        assert_eq!(wanted(b"bytes=0-", 0), Wanted::Nothing);
        let many = (0..PARTS_MAX).map(|at| format!("{at}-{at}")).collect::<Vec<_>>().join(",");
        assert_eq!(wanted(format!("bytes={many}").as_bytes(), 1000), Wanted::Whole);
    }

    fn chosen(request: &[(&'static str, &'static str)], method: Method) -> (ResponseHeader, RangeType) {
        let mut asked = RequestHeader::build(method, b"/", None).unwrap();
        for (name, value) in request {
            asked.append_header(*name, *value).unwrap();
        }
        let mut answer = ResponseHeader::build(200, None).unwrap();
        for (name, value) in [("content-length", "10"), ("content-type", "text/plain"), ("etag", "\"a\"")] {
            answer.insert_header(name, value).unwrap();
        }
        let range = choose(&asked, &mut answer).unwrap();
        (answer, range)
    }

    #[test]
    fn the_header_says_which_part() {
        let (answer, _) = chosen(&[("range", "bytes=2-4")], Method::GET);
        assert_eq!(answer.status, 206);
        assert_eq!(
            (&answer.headers["content-range"], &answer.headers["content-length"]),
            (&"bytes 2-4/10".parse().unwrap(), &"3".parse().unwrap())
        );
        let (answer, range) = chosen(&[("range", "bytes=10-")], Method::GET);
        assert_eq!((answer.status.as_u16(), range), (416, RangeType::Invalid));
        assert_eq!(answer.headers["content-range"], "bytes */10");
        let (answer, range) = chosen(&[("range", "bytes=0-0,9-9")], Method::GET);
        assert!(
            matches!(range, RangeType::Multi(_))
                && answer.headers["content-type"].to_str().unwrap().starts_with("multipart/byteranges; boundary=")
        );
        for (request, method) in [
            (&[("range", "bytes=0-1")][..], Method::HEAD),
            (&[("range", "bytes=0-1"), ("range", "bytes=2-3")], Method::GET),
            (&[("range", "bytes=0-1"), ("if-range", "\"b\"")], Method::GET),
        ] {
            assert_eq!(chosen(request, method).0.status, 200, "{request:?}");
        }
    }
}

//! The header of an HTTP/1.1 request, read out of the buffer that it came in: its values are parts of that, not copies.
//!
//! The front loop has held it against the grammar before (`listen/front/head.rs`), so what cannot be read here is only
//! left to the whole way.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, request, uri::PathAndQuery};
use memchr::memchr;
use pingora::http::RequestHeader;

/// A table of fields that is used for one request after the other.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    fields: HeaderMap,
}

impl Parser {
    /// Reads a whole header; `None` if it is none that this reads.
    pub(crate) fn read(&mut self, head: &Bytes) -> Option<RequestHeader> {
        let line = memchr(b'\r', head)?;
        let (method, after) = match &head[..line] {
            [b'G', b'E', b'T', b' ', ..] => (Method::GET, 4),
            [b'H', b'E', b'A', b'D', b' ', ..] => (Method::HEAD, 5),
            _ => return None,
        };
        let target = head[after..line].strip_suffix(b" HTTP/1.1")?.len();
        if head[after] != b'/' {
            return None;
        }
        let path = PathAndQuery::from_maybe_shared(head.slice(after..after + target)).ok()?;
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        let read = read_fields(head, line + 2, &mut fields);
        let (mut parts, ()) = http::Request::new(()).into_parts();
        (parts.method, parts.uri, parts.version, parts.headers) = (method, Uri::from(path), Version::HTTP_11, fields);
        let header = RequestHeader::from(parts);
        if read.is_none() {
            self.forget(header);
            return None;
        }
        Some(header)
    }

    /// Takes back what was read, and lets go of the buffer.
    pub(crate) fn forget(&mut self, header: RequestHeader) {
        self.fields = request::Parts::from(header).headers;
        self.fields.clear();
    }
}

fn read_fields(head: &Bytes, from: usize, fields: &mut HeaderMap) -> Option<()> {
    let mut at = from;
    while let Some(length) = memchr(b'\r', &head[at..]).filter(|length| *length > 0) {
        let line = &head[at..at + length];
        let colon = memchr(b':', line)?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = line[colon + 1..].trim_ascii();
        let value = HeaderValue::from_maybe_shared(head.slice_ref(value)).ok()?;
        fields.try_append(name, value).ok()?;
        at += length + 2;
    }
    Some(())
}

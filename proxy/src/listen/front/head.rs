//! The head of an HTTP/1 request: found in what has arrived, then held against the grammar (RFC 9112 s2 to s6).
//!
//! A head that two servers could read in two ways is refused here, before anything acts on it (request smuggling). The
//! edge never repairs one: the bytes that pass are the bytes that Pingora reads after this.
//!
//! Refused although the grammar has it: `OPTIONS *` (no route could match it), `CONNECT`, HTTP/1.0 without a `Host`, an
//! upgrade with a body, a `Host` without a port behind its colon.

use memchr::memchr;

use crate::request::{
    identify,
    refusal::{METHODS, Refusal},
};

/// Empty lines that a client may send before a request (RFC 9112 s2.2 asks for at least one).
const EMPTY_LINES_MAX: usize = 4;
/// Longer than every registered method.
const METHOD_MAX: usize = 32;
/// Bytes of a target, and of a field's name: the most that Pingora can hold.
const TEXT_MAX: usize = 65_534;
/// Digits of a length; 19 are below 2^64.
const LENGTH_DIGITS_MAX: usize = 19;

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of request line and fields together.
    pub(crate) bytes: usize,
    /// How many fields.
    pub(crate) fields: usize,
}

/// How the end of a request's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; zero without a body.
    Length(u64),
    /// After the last chunk.
    Chunked,
}

/// A head that can be read in one way alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Where it begins, behind empty lines.
    pub(crate) start: usize,
    /// Where it ends, behind its empty line.
    pub(crate) end: usize,
    /// How its body ends.
    pub(crate) framing: Framing,
    /// The client sends the body once it is told to (`100 Continue`).
    pub(crate) waits_for_continue: bool,
}

/// Looks for the end of a head in a buffer that grows, at each byte once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    /// Bytes that were looked at.
    seen: usize,
    /// Where the head begins.
    start: usize,
    /// Where the current line begins.
    line: usize,
}

impl Search {
    /// The head, once it is all there. `bytes` begins with what was given before.
    pub(crate) fn find(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<Head>, Refusal> {
        let end = self.end(bytes)?;
        if end.unwrap_or(bytes.len()) - self.start > limits.bytes {
            return Err(Refusal::HeaderTooLarge);
        }
        end.map(|end| check(&bytes[self.start..end], limits.fields).map(|asked| asked.head(self.start, end)))
            .transpose()
    }

    /// Whether nothing of a head has arrived.
    pub(crate) fn found_nothing(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.start
    }

    /// What no head holds is refused as soon as it is seen: the end might never come.
    fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        while let Some(at) = first_control(&bytes[self.seen..]).map(|at| self.seen + at) {
            self.seen = at;
            match (bytes[at], bytes.get(at + 1)) {
                (b'\r', None) => return Ok(None),
                (b'\r', Some(b'\n')) if at > self.line => {
                    self.seen = at + 2;
                    self.line = self.seen;
                }
                (b'\r', Some(b'\n')) if self.line > self.start => return Ok(Some(at + 2)),
                (b'\r', Some(b'\n')) => {
                    self.seen = at + 2;
                    (self.line, self.start) = (self.seen, self.seen);
                    if self.start > 2 * EMPTY_LINES_MAX {
                        return Err(Refusal::BadRequest("it begins with too many empty lines"));
                    }
                }
                (b'\r', Some(_)) => return Err(Refusal::BadRequest("a CR without LF in the header")),
                (b'\n', _) => return Err(Refusal::BadRequest("an LF without CR in the header")),
                (0x16, _) if at == 0 => {
                    return Err(Refusal::BadRequest("it begins like TLS, and this port speaks plain HTTP"));
                }
                _ => return Err(Refusal::BadRequest("a control character in the header")),
            }
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

/// Where the first control character stands: looked for in blocks, of which a processor compares all bytes at once.
fn first_control(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let clean = |block: &&[u8]| !block.iter().fold(false, |found, byte| found | is_control(*byte));
    let skipped = bytes.chunks_exact(BLOCK).take_while(clean).count() * BLOCK;
    bytes[skipped..].iter().position(|byte| is_control(*byte)).map(|at| skipped + at)
}

/// White space within a line is none.
fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// RFC 9110 s5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// By byte.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        token[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mark = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < mark.len() {
        token[mark[at] as usize] = true;
        at += 1;
    }
    token
};

/// What was found out about a head.
struct Checked {
    framing: Framing,
    waits_for_continue: bool,
}

impl Checked {
    fn head(&self, start: usize, end: usize) -> Head {
        Head { start, end, framing: self.framing, waits_for_continue: self.waits_for_continue }
    }
}

/// Checks a whole head; each of its lines ends in CRLF, and the last one is empty.
fn check(head: &[u8], fields_max: usize) -> Result<Checked, Refusal> {
    let mut lines = Lines(head);
    let line = RequestLine::parse(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    for (count, field) in lines.take_while(|line| !line.is_empty()).enumerate() {
        if count == fields_max {
            return Err(Refusal::HeaderTooLarge);
        }
        let (name, value) = split_field(field)?;
        fields.note(name, value)?;
    }
    line.agree_on_host(fields.host)?;
    fields.check(&line)
}

/// The lines of a head without their CRLF, in which no other CR or LF stands.
struct Lines<'h>(&'h [u8]);

impl<'h> Iterator for Lines<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let end = memchr(b'\r', self.0)?;
        let line = &self.0[..end];
        self.0 = self.0.get(end + 2..).unwrap_or_default();
        Some(line)
    }
}

/// Name and value of a field line.
pub(super) fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if line.first().is_some_and(|first| matches!(first, b' ' | b'\t')) {
        return Err(Refusal::BadRequest("a header line begins with white space"));
    }
    let colon = memchr(b':', line).ok_or(Refusal::BadRequest("a header line without a colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err(Refusal::BadRequest("a header name with a character that is none of a name"));
    }
    if name.len() > TEXT_MAX {
        return Err(Refusal::HeaderTooLarge);
    }
    Ok((name, value.trim_ascii()))
}

/// The first line, taken apart.
struct RequestLine<'h> {
    /// Host and port of an absolute form.
    authority: Option<&'h [u8]>,
    http_1_0: bool,
}

impl<'h> RequestLine<'h> {
    /// The version comes first: in another one, nothing else need be as it is here.
    fn parse(line: &'h [u8]) -> Result<Self, Refusal> {
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::BadRequest("the first line is not method, target and version with a space between"));
        };
        let http_1_0 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(Refusal::UnsupportedVersion),
            _ => return Err(Refusal::BadRequest("the version is not `HTTP/1.1` or `HTTP/1.0`")),
        };
        if !(1..=METHOD_MAX).contains(&method.len()) || !method.iter().all(|byte| is_token(*byte)) {
            return Err(Refusal::BadRequest("the method is not valid"));
        }
        if method == b"CONNECT" {
            return Err(Refusal::MethodNotAllowed(METHODS.to_owned()));
        }
        check_characters(target)?;
        Ok(Self { authority: authority(target)?, http_1_0 })
    }

    /// RFC 9112 s3.2: one host, and the same in both places. One written in two ways is a different one here.
    fn agree_on_host(&self, host: Option<&[u8]>) -> Result<(), Refusal> {
        let host = host.ok_or(Refusal::BadRequest("no host"))?;
        if self.authority.is_some_and(|authority| authority != host) {
            return Err(Refusal::BadRequest("the host differs from the request target"));
        }
        let host = str::from_utf8(host).map_err(|_invalid| Refusal::BadRequest("the host is not text"))?;
        identify::host_of(host).map(|_valid| ())
    }
}

/// A target is visible ASCII without what no browser sends unencoded (<https://url.spec.whatwg.org>, path and query
/// percent-encode sets) and Pingora cannot read; browsers do send the rest of what RFC 3986 wants encoded.
fn check_characters(target: &[u8]) -> Result<(), Refusal> {
    if target.len() > TEXT_MAX {
        return Err(Refusal::HeaderTooLarge);
    }
    if memchr(b'#', target).is_some() {
        return Err(Refusal::BadRequest("the target holds a fragment"));
    }
    let path = &target[..memchr(b'?', target).unwrap_or(target.len())];
    let sendable = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>');
    if !target.iter().all(sendable) || memchr(b'`', path).is_some() {
        return Err(Refusal::BadRequest("the target holds a character that must be encoded"));
    }
    Ok(())
}

/// Host and port of an absolute form; `None` in a path.
fn authority(target: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    if target.starts_with(b"/") {
        return Ok(None);
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme)));
    let rest = scheme.map(|scheme| &target[scheme.len()..]).ok_or(Refusal::BadRequest("the target is not a path"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    Ok(Some(&rest[..end]))
}

/// The fields that decide about framing, as they are met.
#[derive(Default)]
struct Fields<'h> {
    host: Option<&'h [u8]>,
    length: Option<u64>,
    coding: Option<&'h [u8]>,
    expects: bool,
    upgrade: bool,
}

impl<'h> Fields<'h> {
    fn note(&mut self, name: &'h [u8], value: &'h [u8]) -> Result<(), Refusal> {
        // By length first: nearly all fields are none of these.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => only(&mut self.host, value, "more than one host"),
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects = true;
                Ok(())
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                only(&mut self.length, length(value)?, "more than one content length")
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                only(&mut self.coding, value, "more than one line of transfer encodings")
            }
            _ => Ok(()),
        }
    }

    /// RFC 9112 s6: what the fields say together.
    fn check(&self, line: &RequestLine<'_>) -> Result<Checked, Refusal> {
        let framing = match (self.coding, self.length) {
            (Some(_), Some(_)) => {
                return Err(Refusal::BadRequest("both a content length and a transfer encoding"));
            }
            (Some(_), None) if line.http_1_0 => {
                return Err(Refusal::BadRequest("a transfer encoding in HTTP/1.0"));
            }
            (Some(coding), None) => chunked(coding)?,
            (None, length) => Framing::Length(length.unwrap_or(0)),
        };
        if self.upgrade && framing != Framing::Length(0) {
            return Err(Refusal::BadRequest("an upgrade with a body"));
        }
        // RFC 9110 s10.1.1: of an HTTP/1.0 client, the expectation is ignored.
        let waits_for_continue = self.expects && !line.http_1_0 && framing != Framing::Length(0);
        Ok(Checked { framing, waits_for_continue })
    }
}

fn only<T>(place: &mut Option<T>, value: T, again: &'static str) -> Result<(), Refusal> {
    place.replace(value).map_or(Ok(()), |_before| Err(Refusal::BadRequest(again)))
}

fn length(value: &[u8]) -> Result<u64, Refusal> {
    const INVALID: Refusal = Refusal::BadRequest("the content length is not one number");
    if !(1..=LENGTH_DIGITS_MAX).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return Err(INVALID);
    }
    str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).ok_or(INVALID)
}

/// Chunked, and nothing else. Where something unknown comes before a last `chunked`, the body's end could be found but
/// not its meaning (RFC 9112 s6.1: 501); anything else leaves even the end open (s6.3: 400).
fn chunked(coding: &[u8]) -> Result<Framing, Refusal> {
    if coding.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    let mut codings = coding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).rev();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let last_is_chunked = codings.next().is_some_and(is_chunked);
    let unknown =
        |coding: &[u8]| !coding.is_empty() && coding.iter().all(|byte| is_token(*byte)) && !is_chunked(coding);
    if last_is_chunked && codings.all(unknown) {
        return Err(Refusal::UnknownCoding);
    }
    Err(Refusal::BadRequest("the transfer encoding is not `chunked`"))
}

#[cfg(test)]
mod tests;

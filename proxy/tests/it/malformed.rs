//! Requests that can be read in more than one way, or in none, and what the edge answers to each.
//!
//! The file stands alone, so that other servers can be asked the same.
//! A case ends where its bytes end: the client waits for an answer then, and has not closed its side.

/// One connection's bytes that must be refused.
pub(crate) struct Case {
    /// What is wrong with it.
    pub(crate) name: &'static str,
    /// What the client sends.
    pub(crate) sent: Sent,
    /// What the edge answers, before it closes the connection.
    pub(crate) status: u16,
}

/// Bytes of a request.
pub(crate) enum Sent {
    /// As they stand here.
    Whole(&'static [u8]),
    /// With `filler` so many times between.
    Long { before: &'static [u8], filler: &'static [u8], times: usize, after: &'static [u8] },
}

impl Sent {
    /// All of them.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) => bytes.to_vec(),
            Self::Long { before, filler, times, after } => [before, &filler.repeat(*times)[..], after].concat(),
        }
    }
}

const fn case(name: &'static str, status: u16, bytes: &'static [u8]) -> Case {
    Case { name, sent: Sent::Whole(bytes), status }
}

const fn long(name: &'static str, status: u16, [before, filler, after]: [&'static [u8]; 3], times: usize) -> Case {
    Case { name, sent: Sent::Long { before, filler, times, after }, status }
}

/// Every case. The edge that is asked allows 16 KiB and 100 fields of header.
pub(crate) const CASES: &[Case] = &[
    // Which length the body has.
    case("length and chunked", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    case("chunked and length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    case("two lengths", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    case("the same length twice", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    case("a list of lengths", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello"),
    case("a list of the same length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"),
    case("a length with plus", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    case("a negative length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello"),
    case("a length with a space in it", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 0\r\n\r\nhello"),
    case("a hexadecimal length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"),
    case("a length that is no number", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello"),
    case("an empty length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello"),
    case("a fractional length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello"),
    case("a length above 64 bits", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello"),
    case("a length of 32 digits", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000000000000000000000000000005\r\n\r\nhello"),
    // Which codings.
    case("xchunked", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    case("chunked, identity", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    case("chunked twice", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    case("chunked, gzip", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    case("identity", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nhello"),
    case("a coding that the edge does not know", 501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    case("two lines of codings", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    case("identity in a line of its own", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    case("an empty coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    case("a quoted coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    case("a coding with a parameter", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    case("a coding behind a vertical tab", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    case("chunked in HTTP/1.0", 400, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    // Where a line ends.
    case("bare LF after the request line", 400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    case("bare LF after a field", 400, b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    case("bare LF only", 400, b"GET / HTTP/1.1\nHost: a\n\n"),
    case("bare LF at the end of the header", 400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    case("bare CR in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    case("bare CR instead of CRLF", 400, b"GET / HTTP/1.1\rHost: a\r\r"),
    case("a folded line", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    case("a line folded with a tab", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"),
    case("a folded coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    case("too many empty lines before the request", 400, b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("bare LF before the request", 400, b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Names and values.
    case("a space before the colon", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
    case("a space before the colon of a length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello"),
    case("a tab before the colon of a coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    case("a space before the first field", 400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    case("an empty name", 400, b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    case("a line without a colon", 400, b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
    case("a parenthesis in a name", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
    case("NUL in a name", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"),
    case("a name beyond ASCII", 400, b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\x9c: b\r\n\r\n"),
    case("NUL in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    case("a control character in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n"),
    case("DEL in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n"),
    long("a long value", 431, [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x", b"\r\n\r\n"], 100_000),
    long("too many fields", 431, [b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n", b"\r\n"], 200),
    // The request line.
    case("a bad character in the method", 400, b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("no method", 400, b" / HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("NUL before the method", 400, b"\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    long("a long method", 400, [b"", b"G", b" / HTTP/1.1\r\nHost: a\r\n\r\n"], 200),
    long("a long target", 431, [b"GET /", b"a", b" HTTP/1.1\r\nHost: a\r\n\r\n"], 100_000),
    case("a space in the target", 400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a tab in the target", 400, b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("NUL in the target", 400, b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a control character in the target", 400, b"GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a target beyond ASCII", 400, b"GET /\xc3\x9c HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a fragment", 400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("no slash", 400, b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("no target", 400, b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("two spaces before the target", 400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("two spaces after the target", 400, b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a space after the version", 400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    case("an asterisk", 400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("OPTIONS with an asterisk", 400, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("CONNECT", 405, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    case("an authority for a target", 400, b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    case("a target with another host", 400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a target with another scheme", 400, b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    case("a target with a user", 400, b"GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    case("a target without an authority", 400, b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    // The version.
    case("HTTP/0.9", 400, b"GET /\r\n\r\n"),
    case("HTTP/1.2", 505, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    case("HTTP/2.0", 505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    case("the version in lower case", 400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    case("a version of two digits", 400, b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    case("a version without a digit", 400, b"GET / HTTP/1.\r\nHost: a\r\n\r\n"),
    case("another protocol", 400, b"GET / ICY/1.1\r\nHost: a\r\n\r\n"),
    case("the preface of HTTP/2", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    case("the beginning of TLS", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    // The host.
    case("no host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    case("no host in HTTP/1.0", 400, b"GET / HTTP/1.0\r\n\r\n"),
    case("an empty host", 400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    case("two hosts", 400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    case("the same host twice", 400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    case("a list of hosts", 400, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    case("a host with a path", 400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    case("a host with a user", 400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    case("a host with a space", 400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    case("a port out of range", 400, b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
    case("a port that is no number", 400, b"GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"),
    case("an open bracket in the host", 400, b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    // What a field asks for.
    case("an upgrade with a length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello"),
    case("an upgrade with chunks", 400, b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    case("an expectation that nobody knows", 417, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\nhello"),
    // Chunks. The header is whole, so the origin may have seen it; it must never see the end.
    case("a space after a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"),
    case("a space before a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n"),
    case("a tab after a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\t\r\nhello\r\n0\r\n\r\n"),
    case("a bare semicolon after a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n"),
    case("a bad character in an extension", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a(b\r\nhello\r\n0\r\n\r\n"),
    case("an extension without a value", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\r\nhello\r\n0\r\n\r\n"),
    case("an open quote in an extension", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    case("bare LF in an extension", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\nhello\r\n0\r\n\r\n"),
    long("a long extension", 400, [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a", b"\r\nhello\r\n0\r\n\r\n"], 10_000),
    long("many extensions", 400, [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;aaaaaaaa=bbbbbbbb\r\nx\r\n", b"0\r\n\r\n"], 1_000),
    case("a chunk's size with 0x", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    case("a chunk's size with plus", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
    case("a negative chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n"),
    case("no chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n"),
    case("a chunk's size above 64 bits", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n"),
    case("a chunk's size of 24 digits", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n000000000000000000000005\r\nhello\r\n0\r\n\r\n"),
    case("bare LF after a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
    case("bare CR after a chunk's size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n"),
    case("bare LF after a chunk", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n"),
    case("nothing after a chunk", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n"),
    case("a chunk longer than its size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"),
    case("bare LF after the last chunk", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\n"),
    case("bare LF at the end of the trailers", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n"),
    case("a trailer without a colon", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    case("a space before a trailer's colon", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX : y\r\n\r\n"),
    case("NUL in a trailer", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n"),
    case("a folded trailer", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"),
    case("bare LF after a trailer", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: a\n\r\n"),
    long("long trailers", 400, [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: ", b"x", b"\r\n\r\n"], 100_000),
];

//! The PROXY protocol, versions 1 and 2: a proxy in front says whose connection it passes on.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>
//!
//! | byte of version 2 | what |
//! |--:|---|
//! | 0 | signature, 12 bytes |
//! | 12 | version (2) in the upper half, command in the lower: 0 `LOCAL`, 1 `PROXY` |
//! | 13 | family in the upper half: 0 none, 1 IPv4, 2 IPv6, 3 Unix; transport in the lower: 0 none, 1 stream, 2 datagram |
//! | 14 | length of what follows, big endian |
//! | 16 | addresses and ports of source and destination, then TLVs: type, length (2 bytes, big endian), value |

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use config::model::ProxyProtocol;
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Bytes of a header of version 1 with its CRLF, as its specification has it.
const V1_MAX: usize = 107;
/// Bytes of a header of version 2: what every TCP stack takes in one segment, says its specification; a longer one is
/// refused, so that nobody has the edge hold 64 KiB before it knows who is there.
const V2_MAX: usize = 536;
const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes before the addresses of version 2.
const V2_FIXED: usize = 16;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The proxy's own, such as a health check, or one that has no address.
    Proxy,
    /// That of a client at this address.
    Client(SocketAddr),
}

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

/// Reads a header, and not one byte of what follows it.
pub(crate) async fn read(tcp: &mut TcpStream, expected: ProxyProtocol) -> io::Result<Source> {
    let mut header = [0; V2_MAX];
    let mut taken = 0;
    loop {
        // A peek that finds room always fits: a whole header is never longer.
        let seen = taken + tcp.peek(&mut header[taken..]).await?;
        if seen == taken {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let found =
            parse(&header[..seen], expected).map_err(|Fault(why)| io::Error::new(io::ErrorKind::InvalidData, why))?;
        // What is no whole header yet is all of one.
        let end = found.map_or(seen, |(length, _)| length);
        tcp.read_exact(&mut header[taken..end]).await?;
        taken = end;
        if let Some((_, source)) = found {
            return Ok(source);
        }
    }
}

/// The header's length and what it says, once it is all there. `expected` is never `Off`.
pub(crate) fn parse(bytes: &[u8], expected: ProxyProtocol) -> Result<Option<(usize, Source)>, Fault> {
    let begins = |start: &[u8]| start.iter().zip(bytes).all(|(expected, byte)| expected == byte);
    match expected {
        ProxyProtocol::V1 | ProxyProtocol::Any if begins(V1_START) => parse_v1(bytes),
        ProxyProtocol::V2 | ProxyProtocol::Any if begins(V2_START) => parse_v2(bytes),
        _ => Err(Fault("no header of the PROXY protocol in an expected version")),
    }
}

fn parse_v1(bytes: &[u8]) -> Result<Option<(usize, Source)>, Fault> {
    let within = &bytes[..bytes.len().min(V1_MAX)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < V1_MAX { Ok(None) } else { Err(Fault("a header of version 1 without an end")) };
    };
    const INVALID: Fault = Fault("a header of version 1 that is not valid");
    let line = str::from_utf8(&within[V1_START.len()..end]).map_err(|_not_text| INVALID)?;
    let parts: Vec<_> = line.split(' ').collect();
    let source = match parts[..] {
        // What follows is to be ignored.
        ["UNKNOWN", ..] => Source::Proxy,
        [family @ ("TCP4" | "TCP6"), source, destination, source_port, destination_port] => {
            let address = |text: &str| text.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv4() == (family == "TCP4"));
            let plain = |text: &&str| {
                text.bytes().all(|byte| byte.is_ascii_digit()) && (*text == "0" || !text.starts_with('0'))
            };
            let port = |text| Some(text).filter(plain).and_then(|text: &str| text.parse::<u16>().ok());
            address(destination).zip(port(destination_port)).ok_or(INVALID)?;
            let (ip, port) = address(source).zip(port(source_port)).ok_or(INVALID)?;
            Source::Client(SocketAddr::new(ip, port))
        }
        _ => return Err(INVALID),
    };
    Ok(Some((end + 2, source)))
}

fn parse_v2(bytes: &[u8]) -> Result<Option<(usize, Source)>, Fault> {
    let Some(fixed) = bytes.get(..V2_FIXED) else { return Ok(None) };
    let end = V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if end > V2_MAX {
        return Err(Fault("a header of version 2 that is too long"));
    }
    let Some(rest) = bytes.get(V2_FIXED..end) else { return Ok(None) };
    let source = match (fixed[12], fixed[13]) {
        // What follows is to be skipped, whatever it is.
        (0x20, _) => Source::Proxy,
        (0x21, family) => addresses(family, rest)?,
        _ => return Err(Fault("a header of version 2 with an unknown version or command")),
    };
    Ok(Some((end, source)))
}

/// The client among the addresses of a header of version 2, with whatever TLVs behind them.
fn addresses(family: u8, rest: &[u8]) -> Result<Source, Fault> {
    const SHORT: Fault = Fault("a header of version 2 that is too short for its addresses");
    let (length, source) = match family {
        0x00 => (0, Source::Proxy),
        0x11 => {
            let [a, b, c, d, _, _, _, _, port @ ..] = rest.first_chunk::<10>().ok_or(SHORT)?;
            (12, client(Ipv4Addr::new(*a, *b, *c, *d).into(), *port))
        }
        0x21 => {
            let (ip, after) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
            let port = after.get(16..).and_then(<[u8]>::first_chunk).ok_or(SHORT)?;
            (36, client(Ipv6Addr::from(*ip).into(), *port))
        }
        0x31 => (216, Source::Proxy),
        _ => return Err(Fault("a header of version 2 for something other than a stream")),
    };
    check_tlvs(rest.get(length..).ok_or(SHORT)?)?;
    Ok(source)
}

fn client(ip: IpAddr, port: [u8; 2]) -> Source {
    Source::Client(SocketAddr::new(ip, u16::from_be_bytes(port)))
}

/// Nothing in them is used; that they fill the header exactly shows that it was read as it was written.
fn check_tlvs(mut rest: &[u8]) -> Result<(), Fault> {
    const BROKEN: Fault = Fault("a header of version 2 with a broken TLV");
    while let Some((_type, after)) = rest.split_first() {
        let (length, after) = after.split_first_chunk().ok_or(BROKEN)?;
        rest = after.get(usize::from(u16::from_be_bytes(*length))..).ok_or(BROKEN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [ProxyProtocol; 3] = [ProxyProtocol::V1, ProxyProtocol::V2, ProxyProtocol::Any];

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [V2_START, &[command, family], &length, rest].concat()
    }

    /// A header is the same however much has arrived behind it, and is waited for until it is all there.
    fn is_read(header: &[u8], expected: ProxyProtocol, source: Source) {
        let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&followed, expected), Ok(Some((header.len(), source))), "{header:?}");
        for end in 0..header.len() {
            assert_eq!(parse(&header[..end], expected), Ok(None), "{header:?} to {end}");
        }
    }

    #[test]
    fn version_1_is_read() {
        for (header, source) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", Some("192.0.2.1:56324")),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", Some("[2001:db8::1]:0")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 anything at all\r\n", None),
        ] {
            let source = source.map_or(Source::Proxy, |source| Source::Client(source.parse().unwrap()));
            is_read(header.as_bytes(), ProxyProtocol::V1, source);
            is_read(header.as_bytes(), ProxyProtocol::Any, source);
            assert!(parse(header.as_bytes(), ProxyProtocol::V2).is_err());
        }
    }

    #[test]
    fn version_2_is_read() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 4, 1, 0xbb];
        let v6: Vec<u8> = (0..32).chain([0xdc, 4, 1, 0xbb]).collect();
        let with_tlv = [&v4[..], &[4, 0, 2, b'x', b'y'], &[0xee, 0, 0]].concat();
        let unix = [0; 216];
        let ipv6: SocketAddr = "[1:203:405:607:809:a0b:c0d:e0f]:56324".parse().unwrap();
        let client = |address| Source::Client(address);
        for (header, source) in [
            (v2(0x21, 0x11, &v4), client("192.0.2.1:56324".parse().unwrap())),
            (v2(0x21, 0x11, &with_tlv), client("192.0.2.1:56324".parse().unwrap())),
            (v2(0x21, 0x21, &v6), client(ipv6)),
            (v2(0x21, 0x31, &unix), Source::Proxy),
            (v2(0x21, 0x00, &[]), Source::Proxy),
            (v2(0x20, 0x00, &[]), Source::Proxy),
            (v2(0x20, 0x11, b"anything"), Source::Proxy),
        ] {
            is_read(&header, ProxyProtocol::V2, source);
            is_read(&header, ProxyProtocol::Any, source);
            assert!(parse(&header, ProxyProtocol::V1).is_err());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        for header in [
            "GET / HTTP/1.1\r\n",
            "proxy TCP4 ",
            "PROXY  \r\n",
            "PROXY \r\n",
            "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
            "PROXY TCP4 192.0.2.1 x 1 2\r\n",
            &long,
        ] {
            let found = parse(header.as_bytes(), ProxyProtocol::Any);
            assert!(found.is_err(), "{header}: {found:?}");
        }
        for header in [
            v2(0x11, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x12, &[0; 12]),
            v2(0x21, 0x41, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
            v2(0x21, 0x21, &[0; 35]),
            v2(0x21, 0x31, &[0; 215]),
            v2(0x21, 0x11, &[0; 13]),
            v2(0x21, 0x11, &[&[0; 12][..], &[4, 0, 9, 1]].concat()),
            v2(0x20, 0x00, &[0; 521]),
        ] {
            assert!(parse(&header, ProxyProtocol::Any).is_err(), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(version_1: bool, tail: Vec<u8>) {
            for start in [&b""[..], if version_1 { V1_START } else { V2_START }] {
                let bytes = [start, &tail].concat();
                for expected in ALL {
                    if let Ok(Some((length, _))) = parse(&bytes, expected) {
                        prop_assert!(length <= bytes.len().min(V2_MAX));
                    }
                }
            }
        }
    }
}

//! Any bytes as a header of the PROXY protocol: more of them never change what was found, and nothing is read behind it.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::model::ProxyProtocol::{Any, V1, V2};
use libfuzzer_sys::fuzz_target;
use proxy::fuzzing::proxy_header;

/// Bytes of the longest header that is taken.
const LENGTH_MAX: usize = 536;

fuzz_target!(|bytes: &[u8]| {
    for expected in [V1, V2, Any] {
        let whole = proxy_header(bytes, expected);
        for end in 0..=bytes.len().min(LENGTH_MAX + 1) {
            let early = proxy_header(&bytes[..end], expected);
            let waits = early == Ok(None) && !matches!(whole, Ok(Some((length, _))) if length <= end);
            assert!(waits || early == whole, "{whole:?}, and of {end} bytes: {early:?}");
        }
        match whole {
            Ok(Some((length, _))) => assert!(length <= bytes.len().min(LENGTH_MAX), "{length}"),
            Ok(None) => assert!(bytes.len() < LENGTH_MAX, "it is waited for beyond the longest header"),
            Err(_) => {}
        }
    }
    let (first, second) = (proxy_header(bytes, V1), proxy_header(bytes, V2));
    assert!([&first, &second].contains(&&proxy_header(bytes, Any)));
    assert!(first.is_err() || second.is_err() || bytes.is_empty(), "one header in both versions");

    if let Ok(Some((_, Some(client)))) = second {
        let at = |from: usize| u16::from_be_bytes([bytes[from], bytes[from + 1]]);
        let read = match bytes[13] >> 4 {
            1 => (IpAddr::from(Ipv4Addr::new(bytes[16], bytes[17], bytes[18], bytes[19])), at(24)),
            _ => (Ipv6Addr::from(*bytes[16..].first_chunk::<16>().expect("an address")).into(), at(48)),
        };
        assert_eq!((client.ip(), client.port()), read);
    }
    if let Ok(Some((length, Some(client)))) = first {
        let line = str::from_utf8(&bytes[..length]).expect("text");
        let parts: Vec<_> = line.trim_end_matches("\r\n").split(' ').collect();
        assert_eq!((parts[2].parse().ok(), parts[4]), (Some(client.ip()), &*client.port().to_string()), "{line}");
    }
});

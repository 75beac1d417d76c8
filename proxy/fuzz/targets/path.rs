//! Any text as a path: refused, or one spelling that is its own, in which nobody reads dot segments.
#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

fuzz_target!(|text: &str| {
    let sent = format!("/{text}");
    let Some(path) = proxy::fuzzing::normalise_path(&sent) else { return };
    assert_eq!(proxy::fuzzing::normalise_path(&path).as_ref(), Some(&path), "{sent:?}");
    assert!(path.starts_with('/') && !path.contains("//") && path.bytes().all(|b| b.is_ascii_graphic()), "{path:?}");
    assert!(!path.contains(['?', '#', '\\']), "{path:?}");

    // An origin that decodes, takes backslashes for slashes and cuts off parameters, in either order.
    let decoded: Vec<u8> = percent_decode_str(&path).collect();
    assert!(!decoded.iter().any(|byte| byte.is_ascii_control()), "{path:?}");
    for part in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
        assert!(name != b"." && name != b"..", "{path:?}");
    }

    // What Unicode text there is in it is all that there is: no overlong form that only some decode.
    let overlong = decoded.windows(2).any(|two| matches!(two, [0xc0 | 0xc1, 0x80..=0xbf]));
    assert!(!overlong, "{path:?}");

    // Unreserved characters mean the same encoded, dots among them (RFC 3986 s2.3).
    if !text.contains('%') {
        let encode = |c: char| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => format!("%{:02x}", u32::from(c)),
            c => c.to_string(),
        };
        let encoded: String = text.chars().map(encode).collect();
        assert_eq!(proxy::fuzzing::normalise_path(&format!("/{encoded}")), Some(path), "{sent:?}");
    }
});

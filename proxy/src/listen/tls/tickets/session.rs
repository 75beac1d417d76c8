//! What is known of a session in a ticket: whether the client still is whom it has proven to be.
//!
//! rustls looks at a client's certificates when a session begins, and takes them as they are when it is resumed. Only what
//! it wrote into the ticket tells whom they are; as of 0.23 (`msgs/persist.rs`, `ServerSessionValue`):
//!
//! | bytes | what                                                                                |
//! |-------|-------------------------------------------------------------------------------------|
//! | 1     | 1 if a server name follows                                                          |
//! | 1 + n | its length, the name                                                                |
//! | 4     | version, cipher suite                                                               |
//! | 1 + n | length of the secret, the secret                                                    |
//! | 1     | 1 if the master secret is extended                                                  |
//! | 1     | 1 if certificates follow                                                            |
//! | 3 + n | their length; each is its length in 3 bytes and the certificate in DER, leaf first  |
//!
//! Should that change, this finds no certificates, and such sessions are dropped after the handshake: safe, but a client
//! with a renewed certificate then stays outside until its tickets have ended. A test with real sessions would tell.

use x509_parser::parse_x509_certificate;

/// Whether all certificates that the client of a session has shown are still valid, if it has shown any.
pub(super) fn proof_holds(session: &[u8], now_s: u64) -> bool {
    chain(session).is_none_or(|chain| {
        let mut ends = chain.into_iter().map(|der| Some(parse_x509_certificate(der).ok()?.1.validity().not_after));
        ends.all(|end| end.is_some_and(|end| i64::try_from(now_s).is_ok_and(|now_s| now_s <= end.timestamp())))
    })
}

/// The certificates that the client has shown; `None` where it has shown none.
fn chain(mut session: &[u8]) -> Option<Vec<&[u8]>> {
    if flag(&mut session)? {
        counted(&mut session, 1)?;
    }
    session.split_off(..4)?;
    counted(&mut session, 1)?;
    flag(&mut session)?;
    if !flag(&mut session)? {
        return None;
    }
    let mut rest = counted(&mut session, 3)?;
    let mut chain = Vec::new();
    while !rest.is_empty() {
        chain.push(counted(&mut rest, 3)?);
    }
    Some(chain)
}

fn flag(rest: &mut &[u8]) -> Option<bool> {
    rest.split_off_first().map(|byte| *byte == 1)
}

/// What stands behind its length, which is written in so many bytes.
fn counted<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = rest.split_off(..width)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_off(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session as it is laid out above; what follows the certificates is nobody's business.
    fn session(name: &[u8], chain: Option<&[&[u8]]>) -> Vec<u8> {
        let counted = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat();
        let named = if name.is_empty() { vec![0] } else { [&[1, u8::try_from(name.len()).unwrap()], name].concat() };
        let chain = chain.map(|chain| chain.iter().flat_map(|one| counted(one)).collect::<Vec<_>>());
        let shown = chain.map_or(vec![0], |chain| [vec![1], counted(&chain)].concat());
        [&named[..], &[3, 3, 0xc0, 0x2b, 3, 9, 9, 9, 1], &shown, b"and more"].concat()
    }

    #[test]
    fn the_certificates_are_found_in_whatever_they_stand() {
        let long = [7; 700];
        for name in [&b""[..], b"shop.example"] {
            assert_eq!(chain(&session(name, None)), None);
            let whole = session(name, Some(&[&long, b"ca"]));
            assert_eq!(chain(&whole), Some(vec![&long[..], b"ca"]));
            let end = whole.len() - b"and more".len();
            assert!((0..end).all(|at| chain(&whole[..at]).is_none()), "cut off, it is nothing");
        }
    }

    #[test]
    fn a_session_without_certificates_proves_nothing_that_could_end() {
        assert!(proof_holds(&session(b"shop.example", None), 0));
        assert!(!proof_holds(&session(b"shop.example", Some(&[b"no certificate"])), 0));
    }
}

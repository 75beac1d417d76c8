//! Which coding a client gets (RFC 9110 s12.5.3).

use config::model::Coding;
use http::{HeaderMap, header};

/// A weight in thousandths (RFC 9110 s12.4.2).
type Weight = u16;

const WHOLE: Weight = 1000;

/// What a client says of the codings that there are.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    named: [Option<Weight>; Coding::ALL.len()],
    identity: Option<Weight>,
    any_other: Option<Weight>,
}

/// The coding of `ours`, the preferred one first, that the client likes best; none if it likes best what is not coded, or
/// does not speak of codings at all.
pub(crate) fn choose(request: &HeaderMap, ours: &[Coding]) -> Option<Coding> {
    if ours.is_empty() || !request.contains_key(header::ACCEPT_ENCODING) {
        return None;
    }
    let mut wishes = Wishes::default();
    for line in request.get_all(header::ACCEPT_ENCODING) {
        line.as_bytes().split(|&b| b == b',').for_each(|member| wishes.hear(member));
    }
    let mut best: Option<(Coding, Weight)> = None;
    for coding in ours.iter().copied() {
        let weight = wishes.named[coding as usize].or(wishes.any_other).unwrap_or(0);
        if weight > best.map_or(0, |(_, best)| best) {
            best = Some((coding, weight));
        }
    }
    best.filter(|(_, weight)| wishes.identity.is_none_or(|identity| identity <= *weight)).map(|(coding, _)| coding)
}

impl Wishes {
    /// Takes one member of the list; one that makes no sense says nothing.
    fn hear(&mut self, member: &[u8]) {
        let mut parts = member.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let Some(weight) = parts.next().map_or(Some(WHOLE), weight) else { return };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let slot = if is("*") {
            &mut self.any_other
        } else if is("identity") {
            &mut self.identity
        } else {
            // RFC 9110 s8.4.1.3: `x-gzip` is gzip.
            let known = |coding: &Coding| is(coding.token()) || (*coding == Coding::Gzip && is("x-gzip"));
            let Some(coding) = Coding::ALL.into_iter().find(known) else { return };
            &mut self.named[coding as usize]
        };
        *slot = Some(weight);
    }
}

/// `q=0.5`; `None` if it is no weight.
fn weight(parameter: &[u8]) -> Option<Weight> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let digit = |b: &u8| b.is_ascii_digit().then(|| Weight::from(b - b'0'));
    let thousandths = fraction.iter().chain(b"000").take(3).try_fold(0, |sum, b| Some(sum * 10 + digit(b)?))?;
    Some(digit(whole)? * WHOLE + thousandths).filter(|weight| *weight <= WHOLE)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(accept: &'static str) -> Option<&'static str> {
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        choose(&request, &[Coding::Brotli, Coding::Zstd, Coding::Gzip]).map(Coding::token)
    }

    #[test]
    fn the_client_weighs_and_ties_are_ours() {
        for (accept, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate, zstd", Some("zstd")),
            ("x-gzip", Some("gzip")),
            ("br;q=0.5, gzip", Some("gzip")),
            ("br;q=0.5, gzip;q=0.501", Some("gzip")),
            ("*", Some("br")),
            ("*;q=0.1, br;q=0", Some("zstd")),
            ("br;q=0, zstd;q=0.0, gzip;q=0.000", None),
            ("identity", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some("gzip")),
            ("identity;q=0, gzip;q=0.001", Some("gzip")),
            ("deflate", None),
            ("", None),
            ("BR ; Q=1.000", Some("br")),
        ] {
            assert_eq!(of(accept), coding, "{accept:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for accept in ["br;q=2", "br;q=1.001", "br;q=", "br;q=0.1234", "br;q=-1", "br;x=1", ";;,,", "br;q=1,5;"] {
            assert!(matches!(of(accept), None | Some("br")), "{accept:?}");
        }
        assert_eq!(of("br;q=2, gzip"), Some("gzip"));
        assert_eq!(choose(&HeaderMap::new(), &Coding::ALL), None, "a client that says nothing gets it as it is");
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut request = HeaderMap::new();
        request.append(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        request.append(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd"));
        assert_eq!(choose(&request, &Coding::ALL), Some(Coding::Zstd));
        assert_eq!(choose(&request, &[]), None);
    }
}

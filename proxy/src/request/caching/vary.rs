//! Which of the answers under one key fits a request (RFC 9111 s4.1).

use config::model::CachePolicy;
use http::{HeaderMap, HeaderName, header};
use pingora::cache::{VarianceBuilder, key::HashBinary};

use super::negotiate;

/// Whether an answer is for this one request: `Vary: *`.
pub(crate) fn is_any(answer: &HeaderMap) -> bool {
    names(answer).any(|name| name == b"*")
}

/// A digest of the request fields that the stored answer names in `Vary`; `None` if it names none. Fields that the route
/// brings down to a few values are compared in these.
pub(crate) fn variance(stored: &HeaderMap, request: &HeaderMap, policy: &CachePolicy) -> Option<HashBinary> {
    if !stored.contains_key(header::VARY) {
        return None;
    }
    let mut names: Vec<HeaderName> = names(stored).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    let mut variance = VarianceBuilder::new();
    for name in &names {
        // An origin that answers in a coding although it was asked for none has more than one answer after all.
        let is_coded = *name == header::ACCEPT_ENCODING && stored.contains_key(header::CONTENT_ENCODING);
        let value = match negotiate::normalised(request, name, policy).filter(|_| !is_coded) {
            Some(normalised) => normalised.unwrap_or_default().into_owned().into_bytes(),
            None => joined(request, name),
        };
        variance.add_owned_value(name.as_str(), value);
    }
    variance.finalize()
}

fn names(answer: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = answer.get_all(header::VARY).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

/// All lines of a field, framed by their length: an absent field differs from an empty one, and two lines from one
/// line with a comma, which costs a miss at worst.
fn joined(request: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in request.get_all(name) {
        let value = value.as_bytes().trim_ascii();
        bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use config::model::{ByteSize, Coding, VaryRules, ZoneId};
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    fn of(vary: &'static str, request: &[(&'static str, &'static str)], policy: &CachePolicy) -> Option<HashBinary> {
        variance(&headers(&[("vary", vary)]), &headers(request), policy)
    }

    fn as_sent() -> CachePolicy {
        let vary = VaryRules { languages: Vec::new(), codings: false, max: 9 };
        CachePolicy { vary, ..CachePolicy::of_zone(ZoneId(0), ByteSize(1 << 20)) }
    }

    #[test]
    fn only_the_named_fields_count() {
        let of = |fields| of("Accept-Language, accept-encoding", fields, &as_sent());
        let german = of(&[("accept-language", "de"), ("cookie", "a")]);
        assert!(german.is_some());
        assert_eq!(german, of(&[("accept-language", "de"), ("cookie", "b")]));
        assert_ne!(german, of(&[("accept-language", "en")]));
        assert_ne!(german, of(&[]));
        assert_ne!(of(&[]), of(&[("accept-language", "")]));
    }

    #[test]
    fn the_order_and_case_of_names_do_not_matter() {
        let request = [("a", "1"), ("b", "2")];
        assert_eq!(of("A, b", &request, &as_sent()), of("B,a", &request, &as_sent()));
        assert_eq!(variance(&headers(&[]), &headers(&request), &as_sent()), None);
    }

    #[test]
    fn what_means_the_same_is_the_same_where_the_route_says_so() {
        let vary = VaryRules { languages: vec!["en".to_owned(), "de".to_owned()], codings: true, max: 9 };
        let rules = CachePolicy { vary, ..as_sent() };
        let (chrome, firefox) = ([("accept-encoding", "gzip, deflate, br")], [("accept-encoding", "br;q=1.0, gzip")]);
        assert_eq!(of("accept-encoding", &chrome, &rules), of("accept-encoding", &firefox, &rules));
        assert_ne!(of("accept-encoding", &chrome, &as_sent()), of("accept-encoding", &firefox, &as_sent()));
        assert_ne!(of("accept-encoding", &chrome, &rules), of("accept-encoding", &[], &rules));
        let german = [("accept-language", "de-AT, en;q=0.5")];
        assert_eq!(of("accept-language", &german, &rules), of("accept-language", &[("accept-language", "de")], &rules));
    }

    #[test]
    fn where_the_edge_compresses_codings_make_no_difference() {
        let policy = CachePolicy { compress: vec![Coding::Gzip], ..as_sent() };
        let gzip = [("accept-encoding", "gzip")];
        assert_eq!(of("accept-encoding", &gzip, &policy), of("accept-encoding", &[], &policy));
    }

    #[test]
    fn a_star_among_others_is_a_star() {
        assert!(is_any(&headers(&[("vary", "accept, *")])) && is_any(&headers(&[("vary", "*")])));
        assert!(!is_any(&headers(&[("vary", "accept")])) && !is_any(&headers(&[])));
    }
}

//! Which of the answers under one key fits a request (RFC 9111 s4.1).

use http::{HeaderMap, HeaderName, header};
use pingora::cache::{VarianceBuilder, key::HashBinary};

/// A digest of the request fields that the stored answer names in `Vary`; `None` if it names none. Where the edge compresses,
/// what a client accepts of codings made no difference to the origin.
pub(crate) fn variance(stored: &HeaderMap, request: &HeaderMap, compresses: bool) -> Option<HashBinary> {
    let mut names: Vec<HeaderName> = stored
        .get_all(header::VARY)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !compresses || *name != header::ACCEPT_ENCODING)
        .collect();
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    let mut variance = VarianceBuilder::new();
    for name in &names {
        variance.add_owned_value(name.as_str(), joined(request, name));
    }
    variance.finalize()
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
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_the_named_fields_count() {
        let stored = headers(&[("vary", "Accept-Language, accept-encoding")]);
        let of = |fields| variance(&stored, &headers(fields), false);
        let german = of(&[("accept-language", "de"), ("cookie", "a")]);
        assert!(german.is_some());
        assert_eq!(german, of(&[("accept-language", "de"), ("cookie", "b")]));
        assert_ne!(german, of(&[("accept-language", "en")]));
        assert_ne!(german, of(&[]));
        assert_ne!(of(&[]), of(&[("accept-language", "")]));
    }

    #[test]
    fn the_order_and_case_of_names_do_not_matter() {
        let request = headers(&[("a", "1"), ("b", "2")]);
        assert_eq!(
            variance(&headers(&[("vary", "A, b")]), &request, false),
            variance(&headers(&[("vary", "B,a")]), &request, false)
        );
        assert_eq!(variance(&headers(&[]), &request, false), None);
    }
}

//! Reads the `Cache-Status` header (RFC 9211): did a cache have the answer?

/// `Some(true)` when a cache on the way says `hit`, `Some(false)` when caches speak but none had it, `None` without
/// the header. `values` are the header's values; each is a list of caches with parameters.
pub(crate) fn served_from_cache<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<bool> {
    values.map(has_hit).reduce(|any, hit| any || hit)
}

/// Whether a list has the parameter `hit`; it is a Boolean, whose true value is not written (RFC 8941 section 3.3.6).
fn has_hit(list: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let mut parameters = list.split(|&byte| {
        let separates = !quoted && matches!(byte, b';' | b',');
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
        separates
    });
    // The first of all is the first cache's name; later names look like parameters, and none is called "hit".
    parameters.next();
    parameters.any(|parameter| matches!(parameter.trim_ascii(), b"hit" | b"hit=?1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<bool> {
        served_from_cache(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn hits_and_misses_are_told_apart() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["floodgate; hit; ttl=12"]), Some(true));
        assert_eq!(read(&["floodgate;hit"]), Some(true));
        assert_eq!(read(&["floodgate; fwd=uri-miss; stored"]), Some(false));
        assert_eq!(read(&["floodgate; fwd=stale; fwd-status=304"]), Some(false));
        assert_eq!(read(&["origin; fwd=miss, floodgate; hit"]), Some(true));
        assert_eq!(read(&["origin; fwd=miss", "floodgate; hit"]), Some(true));
        assert_eq!(read(&["floodgate; hit=?0"]), Some(false));
    }

    #[test]
    fn a_hit_in_quotes_or_in_a_name_is_none() {
        assert_eq!(read(&["floodgate; detail=\"a; hit; b\""]), Some(false));
        assert_eq!(read(&[r#"floodgate; detail="a\"; hit""#]), Some(false));
        assert_eq!(read(&["hit; fwd=miss"]), Some(false));
    }
}

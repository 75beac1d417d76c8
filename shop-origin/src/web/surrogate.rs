//! Tags: under which names an answer that the edge keeps could be purged there.

use std::fmt;

use http::{HeaderName, HeaderValue};

const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// Something whose change makes an answer old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Home,
    Search,
    Category(u32),
    Product(u64),
}

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Home => out.write_str("home"),
            Tag::Search => out.write_str("search"),
            Tag::Category(id) => write!(out, "category:{id}"),
            Tag::Product(id) => write!(out, "product:{id}"),
        }
    }
}

/// `Cache-Tag: product:42,category:7`; nothing without tags.
pub(super) fn header(tags: &[Tag]) -> Option<(HeaderName, HeaderValue)> {
    if tags.is_empty() {
        return None;
    }
    let names: Vec<String> = tags.iter().map(Tag::to_string).collect();
    Some((CACHE_TAG, HeaderValue::from_str(&names.join(",")).expect("tags are plain ASCII")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stand_in_one_header() {
        let (name, value) = header(&[Tag::Home, Tag::Product(42), Tag::Category(7)]).unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("cache-tag", "home,product:42,category:7"));
        assert_eq!(header(&[]), None);
    }
}

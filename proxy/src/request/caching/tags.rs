//! What an answer can be purged by: the tags that it lists, and those that its route gives it.

use cache::Tag;
use http::HeaderMap;

/// Tags that one answer may have. One with more is not kept: it could not be purged by all of them.
pub(crate) const TAGS_MAX: usize = 1024;

/// The tags of an answer, each once: what the fields of these names list, by commas or blanks, and `given`. `None` if
/// there are too many.
pub(crate) fn of(answer: &HeaderMap, fields: &[String], given: impl Iterator<Item = String>) -> Option<Box<[Tag]>> {
    let lines = fields.iter().flat_map(|field| answer.get_all(field.as_str()));
    let listed = lines.flat_map(|line| line.as_bytes().split(|byte| matches!(byte, b',' | b' ' | b'\t')));
    let listed = listed.filter(|tag| !tag.is_empty()).map(|tag| Tag::of(&String::from_utf8_lossy(tag)));
    let mut tags: Vec<Tag> = listed.chain(given.map(|tag| Tag::of(&tag))).take(TAGS_MAX + 1).collect();
    if tags.len() > TAGS_MAX {
        return None;
    }
    tags.sort_unstable();
    tags.dedup();
    Some(tags.into())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn listed_and_given_tags_each_once() {
        let lines = [("surrogate-key", "a b  a"), ("cache-tag", "c,d, b"), ("cache-tag", ""), ("x-tag", "no")];
        let answer: HeaderMap =
            lines.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
        let fields = ["surrogate-key", "cache-tag"].map(str::to_owned);
        let tags = of(&answer, &fields, ["product:7".to_owned()].into_iter()).unwrap();
        let mut expected = ["a", "b", "c", "d", "product:7"].map(Tag::of);
        expected.sort_unstable();
        // Lines of one name are merged by `HeaderMap::from_iter` into the last.
        assert!(tags.iter().all(|tag| expected.contains(tag)) && tags.contains(&Tag::of("product:7")));
    }

    #[test]
    fn with_too_many_it_is_not_kept() {
        let given = |count: usize| of(&HeaderMap::new(), &[], (0..count).map(|number| number.to_string()));
        assert_eq!(given(TAGS_MAX).map(|tags| tags.len()), Some(TAGS_MAX));
        assert_eq!(given(TAGS_MAX + 1), None);
    }
}

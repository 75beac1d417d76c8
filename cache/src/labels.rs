//! What a purge knows an answer by: when it was asked for, its tags, its URL.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// What a fill says of its answer beside Pingora's meta. The proxy puts it into `CacheMeta::extensions_mut`, and the store
/// takes it out of there.
///
/// A fill that brings none has no tags, and counts as asked for when its header came: a purge in between misses it. A
/// revalidation that brings none leaves those that are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// What [`crate::Store::generation`] said before the origin was asked.
    pub asked_at: Generation,
    /// By which the answer can be purged, each once.
    pub tags: Box<[Tag]>,
}

/// How long a body may be to be kept, in bytes, where that is less than what its zone permits. The proxy puts it into
/// `CacheMeta::extensions_mut`; it binds bodies whose header did not say how long they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyBound(pub u64);

/// A moment in the life of a zone, told by its purges: it moves on with each. Of an answer that was asked for at one
/// generation, every purge of a later generation is true, however late the answer comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub(crate) u64);

impl Generation {
    /// The number, for a receipt or a log line.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A surrogate key by its hash. Two texts of one hash are purged together: too much, never too little.
///
/// The hash is the same in every process, for it is kept on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub(crate) u64);

impl Tag {
    /// The hash.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Of the tag's text. Letter case counts.
    pub fn of(text: &str) -> Self {
        Tag(stable_hash(0, text.as_bytes()))
    }
}

/// A URL, as it is spelt in keys, by its hash; as stable as [`Tag`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlHash(pub(crate) u64);

impl UrlHash {
    /// Of the text that follows the last blank of a primary key.
    pub fn of(url: &str) -> Self {
        Self::of_bytes(url.as_bytes())
    }

    fn of_bytes(url: &[u8]) -> Self {
        UrlHash(stable_hash(1, url))
    }

    /// Of the URL in a whole primary key.
    pub(crate) fn of_primary(primary: &[u8]) -> Self {
        Self::of_bytes(url_part(primary))
    }
}

/// The URL in a primary key: what follows its last blank. What stands before says who it is for.
pub(crate) fn url_part(primary: &[u8]) -> &[u8] {
    let start = primary.iter().rposition(|byte| *byte == b' ').map_or(0, |blank| blank + 1);
    &primary[start..]
}

/// SipHash under a fixed key, one for each kind of text. The key is no secret, so somebody may find two texts of one
/// hash: what comes of it is that one is purged with the other.
fn stable_hash(kind: u64, text: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(0x666c_6f6f_6467_6174, kind);
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Tag, UrlHash, url_part};

    #[test]
    fn hashes_are_the_same_in_every_process() {
        assert_eq!(Tag::of("product:42").0, 0x51c2_ffce_4401_70a8);
        assert_eq!(UrlHash::of("https://shop.example/").0, 0x0bfa_4434_ed9f_e4ff);
        assert_ne!(Tag::of("/").0, UrlHash::of("/").0);
    }

    #[test]
    fn the_url_is_what_follows_the_last_blank_of_a_key() {
        assert_eq!(url_part(b"route=shop pool=blue https://a/b?c"), b"https://a/b?c");
        assert_eq!(url_part(b"https://a/b"), b"https://a/b");
        assert_eq!(url_part(b"route=shop "), b"");
        assert_eq!(UrlHash::of_primary(b"route=shop https://a/b"), UrlHash::of("https://a/b"));
    }
}

//! The cache: its zones, and how the answers of a route are kept in them.

use std::{path::PathBuf, time::Duration};

use super::{ByteSize, Template, ZoneId};

/// A part of the cache with a budget of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name, as written.
    pub name: String,
    /// Memory for bodies, headers, keys and index together.
    pub memory: ByteSize,
    /// Largest object kept; larger ones pass through.
    pub max_object: ByteSize,
    /// What is kept beyond the memory and a restart; `None` keeps nothing there.
    pub disk: Option<ZoneDisk>,
}

/// The disk beneath a zone's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDisk {
    /// Where its files are; for this zone alone.
    pub folder: PathBuf,
    /// All files together.
    pub size: ByteSize,
}

/// How the answers of a route are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Where they are kept.
    pub zone: ZoneId,
    /// Lifetime of an answer that states none; `None` does not keep it.
    pub default_ttl: Option<Duration>,
    /// How long past its lifetime an answer may be served while one request refreshes it, where the origin says
    /// nothing.
    pub stale_while_revalidate: Duration,
    /// How long past its lifetime an answer may be served when the origin fails, where the origin says nothing.
    pub stale_if_error: Duration,
    /// Times that hold whatever the origin says.
    pub overrides: Overrides,
    /// Lifetimes of errors that state none, by status; these may be kept at all.
    pub negative: Vec<Negative>,
    /// Which parameters of the query belong to the key.
    pub query: QueryKey,
    /// Whether the parameters in the key are sorted by name.
    pub sort_query: bool,
    /// What of a request belongs to the key beside its URL.
    pub key: KeyParts,
    /// How the fields that `Vary` names are compared.
    pub vary: VaryRules,
    /// What answers can be purged by.
    pub tags: TagRules,
    /// Which directives of clients are not heard.
    pub ignore_client: Vec<ClientDirective>,
    /// Largest object kept, at most that of the zone.
    pub max_object: ByteSize,
    /// What is done with an answer that sets a cookie.
    pub set_cookie: SetCookie,
    /// How long it is remembered that an answer could not be kept, so that requests do not wait for each other in vain.
    pub uncacheable_for: Duration,
    /// Codings that stored answers are compressed in, the preferred one first; empty compresses nothing.
    pub compress: Vec<Coding>,
}

impl CachePolicy {
    /// What a route has that names a zone and nothing else.
    pub fn of_zone(zone: ZoneId, max_object: ByteSize) -> Self {
        Self {
            zone,
            default_ttl: None,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            overrides: Overrides::default(),
            negative: Vec::new(),
            query: QueryKey::All,
            sort_query: false,
            key: KeyParts::default(),
            vary: VaryRules { languages: Vec::new(), codings: true, max: 64 },
            tags: TagRules { headers: ["surrogate-key", "cache-tag"].map(str::to_owned).into(), add: Vec::new() },
            ignore_client: Vec::new(),
            max_object,
            set_cookie: SetCookie::Refuse,
            uncacheable_for: Duration::from_secs(120),
            compress: Vec::new(),
        }
    }
}

/// Times that hold whatever the origin says. What must not be shared is not kept for them either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Lifetime.
    pub ttl: Option<Duration>,
    /// How long past its lifetime an answer may be served while one request refreshes it.
    pub stale_while_revalidate: Option<Duration>,
    /// How long past its lifetime an answer may be served when the origin fails.
    pub stale_if_error: Option<Duration>,
}

/// The lifetime of errors of one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negative {
    /// 400 to 599.
    pub status: u16,
    /// Where the answer states none.
    pub ttl: Duration,
}

/// Which parameters of the query belong to the cache key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryKey {
    /// All, as sent.
    All,
    /// All but these, for parameters such as `utm_source` that change nothing.
    Drop(Vec<String>),
    /// These alone, sorted by name.
    Keep(Vec<String>),
}

/// What of a request belongs to the key beside its URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyParts {
    /// Header fields, in lower case.
    pub headers: Vec<String>,
    /// Cookies.
    pub cookies: Vec<String>,
}

/// How the fields that `Vary` names are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaryRules {
    /// Languages, in lower case, that `Accept-Language` is brought down to; empty compares it as it is.
    pub languages: Vec<String>,
    /// Whether `Accept-Encoding` is brought down to the codings that the edge knows.
    pub codings: bool,
    /// Answers that one key may have, at least 1; further ones are not kept.
    pub max: u32,
}

/// What answers can be purged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRules {
    /// Fields of answers that list tags, in lower case; they are not passed on to clients.
    pub headers: Vec<String>,
    /// Tags that every answer of the route has.
    pub add: Vec<Template>,
}

/// A directive with which a client asks something of caches (RFC 9111 section 5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientDirective {
    /// `no-cache`, and `Pragma: no-cache`.
    NoCache,
    /// `no-store`.
    NoStore,
    /// `max-age`.
    MaxAge,
    /// `min-fresh`.
    MinFresh,
    /// `max-stale`.
    MaxStale,
    /// `only-if-cached`.
    OnlyIfCached,
}

impl ClientDirective {
    /// Every one, in the order of declaration, with its name in a configuration.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::NoCache, "no_cache"),
        (Self::NoStore, "no_store"),
        (Self::MaxAge, "max_age"),
        (Self::MinFresh, "min_fresh"),
        (Self::MaxStale, "max_stale"),
        (Self::OnlyIfCached, "only_if_cached"),
    ];
}

/// What is done with an answer that sets a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetCookie {
    /// It is passed on and not kept.
    Refuse,
    /// It is kept without the cookie, which nobody gets.
    Strip,
}

/// A content coding that the edge compresses in (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// Every one, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

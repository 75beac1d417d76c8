//! Zones of the cache, and how routes keep answers in them.

use std::time::Duration;

use super::{
    describe::Shape,
    path::FolderPath,
    read::{Named, OneOrMany, Read, Written, mapping, refuse_kind, words},
};
use crate::{
    model::{ByteSize, ClientDirective, Coding, SetCookie},
    problem::{At, Code, Report},
    tree::{Node, Value},
};

mapping! {
    /// One zone of the cache.
    Zone {
        /// Memory for bodies, headers, keys and index together, `64KiB` to `16TiB`. When it is full, what is least
        /// likely to be asked for again goes. Live.
        required memory: Written<ByteSize>,

        /// Largest object kept, at most `memory`. Default `8MiB`, or `memory` if that is less: one film must not push
        /// out every page. Larger ones pass through. Live.
        optional max_object: Written<ByteSize>,

        /// A disk beneath the memory, which keeps answers beyond it and beyond a restart. Default: none. Live.
        optional disk: Written<ZoneDisk>,
    }
}

mapping! {
    /// The disk beneath a zone's memory. When it fails or fills up, the edge goes on without it and says so; it is used
    /// again as soon as it can be.
    ZoneDisk {
        /// Folder of the zone's files, for this zone and this edge alone; it is made if its parent is there. A relative
        /// path starts from the folder of this file. Another folder starts empty, and the files in the old one stay. Live.
        required folder: Written<FolderPath>,

        /// All files together, `16MiB` to `64TiB`, at least four times the largest object. When they have grown to it, the oldest answers that nobody has asked
        /// for since go. Beside it the index takes memory of the zone for each answer. Live.
        required size: Written<ByteSize>,
    }
}

mapping! {
    /// How answers are cached. Times are for answers that say nothing themselves.
    Cache {
        /// The zone that keeps them.
        required zone: Written<String>,

        /// Lifetime of an answer that states none, up to `365d`. Default: it is not kept, because only the origin
        /// knows what may be. Live.
        optional default_ttl: Written<Duration>,

        /// How long past its lifetime an answer may be served while one request refreshes it, up to `365d`. Default
        /// `0s`: an old answer is the origin's decision, or yours here. Live.
        optional stale_while_revalidate: Written<Duration>,

        /// How long past its lifetime an answer may be served when the origin fails, up to `365d`. Default `0s`, for
        /// the same reason. Live.
        optional stale_if_error: Written<Duration>,

        /// Times that hold whatever the origin says. Default: the origin decides. Live.
        optional r#override: Written<Override>,

        /// Lifetimes of errors that state none, by status: `{404: 10s, 503: 1s}`; 400 to 599, `1s` to `1d`. An error of a
        /// server is only kept where it stands here. Default: none, so 404, 405, 410, 414 and 501 as other answers, and
        /// nothing else. Live.
        optional negative: Named<Written<Duration>>,

        /// Which parameters of the query tell answers apart: `all`, `{drop: [utm_source]}` all but these, or
        /// `{keep: [page]}` these alone. Default `all`: a page is never served for another. Live.
        optional query: Query,

        /// Whether the parameters in the key are sorted by name, so that their order makes no difference. Default
        /// `false`: it may to the origin. What is kept by `query: {keep: ...}` is always sorted. Live.
        optional sort_query: Written<bool>,

        /// What of a request tells answers apart beside its URL, where the origin does not say so in `Vary`. Default:
        /// nothing. Live.
        optional key: Written<KeyParts>,

        /// How the fields that an answer names in `Vary` are compared. Default: as they are. Live.
        optional vary: Written<Vary>,

        /// What answers can be purged by. Default: what `surrogate-key` and `cache-tag` of the answer list. Live.
        optional tags: Written<Tags>,

        /// What clients ask of caches and do not get here, so that nobody can make the edge ask the origin each time: `all`,
        /// or a list of `no_cache` (and `Pragma`), `no_store`, `max_age`, `min_fresh`, `max_stale`, `only_if_cached`.
        /// Default: each is heard (RFC 9111). Live.
        optional ignore_client: IgnoreClient,

        /// Largest object kept, at most the zone's `max_object`. Default: that. Live.
        optional max_object: Written<ByteSize>,

        /// What becomes of an answer that sets a cookie: `refuse`, it is passed on and not kept; `strip`, it is kept without
        /// the cookie, which nobody gets. Default `refuse`: a cookie is for one client. Live.
        optional set_cookie: Written<SetCookie>,

        /// How long it is remembered that an answer could not be kept, up to `1h`: until then requests for it do not wait
        /// for each other. `0s` remembers nothing. Default `2m`, as Varnish has it. Live.
        optional uncacheable_for: Written<Duration>,

        /// Codings that answers are compressed in, the preferred one first: `[zstd, br, gzip]`. Text of at least 1 KiB is,
        /// once for each coding, and kept beside the answer as it came, within the zone's memory; what is compressed
        /// already or says `no-transform` is not. Default: none, because it takes time on the edge. Live.
        optional compress: Written<Vec<Written<Coding>>>,
    }
}

mapping! {
    /// Times that hold whatever the origin says. What must not be shared is not kept for them either: `no-store`,
    /// `private`, cookies, credentials.
    Override {
        /// Lifetime, up to `365d`. Default: as the origin says. Live.
        optional ttl: Written<Duration>,

        /// How long past its lifetime an answer may be served while one request refreshes it, up to `365d`. Default: as
        /// the origin says. Live.
        optional stale_while_revalidate: Written<Duration>,

        /// How long past its lifetime an answer may be served when the origin fails, up to `365d`; also one that must be
        /// validated. Default: as the origin says. Live.
        optional stale_if_error: Written<Duration>,
    }
}

mapping! {
    /// What of a request belongs to the key beside its URL. The origin gets all of it as it came.
    KeyParts {
        /// Header fields. Default: none. Live.
        optional headers: Written<Vec<Written<String>>>,

        /// Cookies. Default: none. Live.
        optional cookies: Written<Vec<Written<String>>>,
    }
}

mapping! {
    /// How the fields that an answer names in `Vary` are compared: what is brought down to a few values is asked of the
    /// origin in these as well.
    Vary {
        /// Languages that the origin has, the one for everybody else first: `[en, de, fr]`. `Accept-Language` becomes the
        /// one that the client likes best. Default: compared as it is. Live.
        optional accept_language: Written<Vec<Written<String>>>,

        /// Whether `Accept-Encoding` becomes those of zstd, br and gzip that the client takes. Default `true`: browsers
        /// spell the same wish in many ways. Live.
        optional accept_encoding: Written<bool>,

        /// Answers that one key may have, 1 to 10000; a further one replaces the one that was stored longest ago. The first,
        /// by which the others are found, may be there beside them. Default 64: more than languages and codings make. Live.
        optional max: Written<u32>,
    }
}

mapping! {
    /// What answers can be purged by.
    Tags {
        /// Fields of an answer that list tags, by commas or blanks; clients do not see them. Default
        /// `[surrogate-key, cache-tag]`. Live.
        optional headers: Written<Vec<Written<String>>>,

        /// Tags that every answer of the route gets, such as `product:{id}`, filled in from its path. Default: none. Live.
        optional add: Written<Vec<Written<String>>>,
    }
}

/// Which parameters of the query belong to the cache key.
#[derive(Debug)]
pub(crate) enum Query {
    All,
    Drop(Written<Vec<Written<String>>>),
    Keep(Written<Vec<Written<String>>>),
}

mapping! {
    /// The long form of `query`: one of the two.
    QueryList {
        /// All but these. Default: `keep` says it.
        optional drop: Written<Vec<Written<String>>>,

        /// These alone. Default: `drop` says it.
        optional keep: Written<Vec<Written<String>>>,
    }
}

impl Read for Query {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`all`, `{drop: [...]}` or `{keep: [...]}`";
        match &node.value {
            Value::Text(text) if text == "all" => Some(Self::All),
            Value::Map(_) => match QueryList::read(node, at, report)? {
                QueryList { drop: Some(names), keep: None } => Some(Self::Drop(names)),
                QueryList { drop: None, keep: Some(names) } => Some(Self::Keep(names)),
                QueryList { drop: Some(_), keep: Some(_) } => {
                    report.refuse(Code::OneOfSeveral, at, format!("expected {EXPECTED}, found both lists"));
                    None
                }
                QueryList { drop: None, keep: None } => {
                    report.refuse(Code::OneOfSeveral, at, format!("expected {EXPECTED}, found neither"));
                    None
                }
            },
            _ => refuse_kind(node, at, report, EXPECTED),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(vec!["all"]), QueryList::shape()])
    }
}

/// Which directives of clients are not heard.
#[derive(Debug)]
pub(crate) enum IgnoreClient {
    All,
    These(Written<OneOrMany<Written<ClientDirective>>>),
}

impl Read for IgnoreClient {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "all" => Some(Self::All),
            _ => Written::read(node, at, report).map(Self::These),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(vec!["all"]), OneOrMany::<Written<ClientDirective>>::shape()])
    }
}

words! {
    ClientDirective {
        "no_cache" => ClientDirective::NoCache,
        "no_store" => ClientDirective::NoStore,
        "max_age" => ClientDirective::MaxAge,
        "min_fresh" => ClientDirective::MinFresh,
        "max_stale" => ClientDirective::MaxStale,
        "only_if_cached" => ClientDirective::OnlyIfCached,
    }
}

words! {
    SetCookie {
        "refuse" => SetCookie::Refuse,
        "strip" => SetCookie::Strip,
    }
}

words! {
    Coding {
        "zstd" => Coding::Zstd,
        "br" => Coding::Brotli,
        "gzip" => Coding::Gzip,
    }
}

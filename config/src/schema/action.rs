//! What happens to the requests of a route, as it is written.

use super::{
    describe::{Form, Shape},
    path::{BodyPath, FolderPath},
    read::{Named, Read, Written, mapping, text},
};
use crate::{
    model::SplitKey,
    problem::{At, Code, Report},
    tree::Node,
};

mapping! {
    /// Several pools by weight, for a canary. Each client sees one of them; the cache keeps their answers apart.
    Split {
        /// Weight of each pool, 0 to 10000, in an order to keep: clients are dealt out in it, so that moving weight from
        /// one pool to the next moves only so many clients. With `cookie:NAME`, weight 0 keeps the clients that it has and
        /// gets no new ones; with a hash, they move at once. Live.
        required pools: Named<Written<u16>>,

        /// By what clients are told apart. `hash:address`, `hash:cookie:NAME` or `hash:header:NAME` spreads them
        /// evenly by that value, by the address where there is none. `cookie:NAME` draws a pool for each new client
        /// and names it in this cookie, which is followed from then on. Default `hash:address`: needs nothing of the
        /// client; but a company behind one address is one client. Live.
        optional by: SplitKey,
    }
}

mapping! {
    /// What the origin is asked for in place of what the client asked for. The cache key stays what the client asked for.
    Rewrite {
        /// The path: `/v2/{id}` with parameters of the route's path, `{rest}` is what `**` took. The query stays.
        /// Default: the client's path. Live.
        optional path: Written<String>,

        /// The host, with a port if the origin wants one. Default: the client's host. `X-Forwarded-Host` is always the
        /// client's. Live.
        optional host: Written<String>,
    }
}

mapping! {
    /// The client is sent elsewhere.
    Redirect {
        /// Where to: a path such as `/product/{id}` or a URL such as `https://{host}/{rest}`, with parameters of the
        /// route's path, `{rest}` for what `**` took, and `{host}`. Live.
        required to: Written<String>,

        /// `301`, `302`, `303`, `307` or `308`. Default `307`: keeps the method, and can be taken back, whereas
        /// browsers remember a permanent one. Live.
        optional status: Written<u16>,

        /// Whether the client's query is appended. Default `true`. Live.
        optional keep_query: bool,
    }
}

mapping! {
    /// An answer that is always the same.
    Respond {
        /// Status, 200 to 599 without 206 and 304. Default `200`. Live.
        optional status: Written<u16>,

        /// `Content-Type` of the body. Default `text/plain; charset=utf-8`, or `text/html; charset=utf-8` for a file
        /// that ends in `.html`. Live.
        optional r#type: Written<String>,

        /// The body as text. Default: none. Live.
        optional body: Written<String>,

        /// File with the body, up to `1MiB`, read when the configuration is taken over; a relative path starts from the
        /// folder of this file. In place of `body`. Default: none. Live.
        optional file: Written<BodyPath>,
    }
}

mapping! {
    /// Files below a folder: `GET` and `HEAD`, with ranges and validators. What `**` of the route's path took is the
    /// path below the folder. Names that start with a dot, links that lead out of the folder or are
    /// absolute, and what the edge's user must not read, are `404`.
    Files {
        /// The folder; a relative path starts from the folder of this file. Live.
        required root: Written<FolderPath>,

        /// The file that stands for a folder. Default `index.html`. Live.
        optional index: Written<String>,
    }
}

mapping! {
    /// Changes to a header, in this order: `remove`, `set`, `add`. Fields that frame a message or that the edge itself
    /// sets cannot be named. Towards an origin, `authorization`, `proxy-authorization` and `cookie` can only be removed:
    /// their values are secrets.
    HeaderRules {
        /// Fields that are removed. Default: none. Live.
        optional remove: Written<Vec<Written<String>>>,

        /// Fields that get this value in place of any other. Default: none. Live.
        optional set: Named<Written<String>>,

        /// Fields that get this value as one more line. Default: none. Live.
        optional add: Named<Written<String>>,
    }
}

impl Read for SplitKey {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`hash:address`, `hash:cookie:NAME`, `hash:header:NAME` or `cookie:NAME`";
        let text = text(node, at, report, EXPECTED)?;
        let named = |prefix| text.strip_prefix(prefix).filter(|name| is_token(name)).map(str::to_owned);
        let key = match text {
            "hash:address" => Some(Self::HashAddress),
            _ => named("hash:cookie:")
                .map(Self::HashCookie)
                .or_else(|| named("hash:header:").map(|name| Self::HashHeader(name.to_ascii_lowercase())))
                .or_else(|| named("cookie:").map(Self::Cookie)),
        };
        if key.is_none() {
            report.refuse(Code::UnknownWord, at, format!("expected {EXPECTED}, found `{text}`"));
        }
        key
    }

    fn shape() -> Shape {
        let pattern = "^(hash:address|(hash:cookie|hash:header|cookie):.+)$";
        Shape::Text(Form { what: "a way to tell clients apart", example: "hash:address", pattern })
    }
}

/// A name of a header field or cookie (RFC 9110 section 5.6.2).
pub(crate) fn is_token(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=256).contains(&name.len()) && name.bytes().all(token)
}

//! How one endpoint of several is chosen, and how a client is kept there.

use std::time::Duration;

use super::{
    action::is_token,
    describe::{Form, Shape},
    quantity::WholePercent,
    read::{Read, Written, mapping, refuse_kind, text},
};
use crate::{
    model::{Balance, HashKey, Secret},
    problem::{At, Code, Report, suggest},
    tree::{Node, Value},
};

/// How an endpoint is chosen: a word, or with rules of its own.
#[derive(Debug)]
pub(crate) enum AnyBalance {
    Simple(Balance),
    Hash(Hashing),
}

const WORDS: [(&str, Balance); 3] =
    [("least_requests", Balance::LeastRequests), ("round_robin", Balance::RoundRobin), ("p2c_ewma", Balance::P2cEwma)];

impl Read for AnyBalance {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`least_requests`, `round_robin`, `p2c_ewma` or `{hash: {by: path}}`";
        let text = match &node.value {
            Value::Map(_) => return HashBalance::read(node, at, report).map(|balance| Self::Hash(balance.hash)),
            Value::Text(text) => text,
            _ => return refuse_kind(node, at, report, EXPECTED),
        };
        let found = WORDS.iter().find(|(word, _)| word == text).map(|(_, balance)| balance.clone());
        if found.is_none() {
            let message = format!("expected {EXPECTED}, found `{text}`");
            match suggest::nearest(text, WORDS.iter().map(|(word, _)| *word)) {
                Some(word) => {
                    report.refuse_with_hint(Code::UnknownWord, at, message, format!("did you mean `{word}`?"))
                }
                None => report.refuse(Code::UnknownWord, at, message),
            }
        }
        found.map(Self::Simple)
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(WORDS.map(|(word, _)| word).into()), HashBalance::shape()])
    }
}

mapping! {
    /// The long form of `balance`.
    HashBalance {
        /// Requests with the same key go to the same server. Live.
        required hash: Hashing,
    }
}

mapping! {
    /// Consistent hashing with bounded loads: requests with the same key go to the same server, as long as that one is
    /// not overloaded. A server that leaves takes its own keys with it and no others, and gets them back. Edges with
    /// the same endpoints agree on who has which.
    Hashing {
        /// What is hashed: `path` without the query, as it is before a `rewrite`; `address` of the client;
        /// `header:NAME` or `cookie:NAME` by value. A request without it is drawn by chance. Live.
        required by: HashKey,

        /// Requests in flight that a server may have, `101%` to `1000%` of its fair share of all that are in flight;
        /// more go to the next server. Default `125%`: a page that everybody wants does not take its server down, and
        /// with one request in four to spare most keys stay where they are. Live.
        optional load: Written<WholePercent>,
    }
}

mapping! {
    /// Keeps each client at one server by a cookie, which holds no address: who sees it learns nothing, and nobody can
    /// choose a server. It is set with the answer, never with one out of the cache, and anew where the server is gone,
    /// down, ejected or full. One that is draining keeps its clients.
    Sticky {
        /// Name of the cookie; of this pool alone. Live.
        required cookie: Written<String>,

        /// With what it is signed: `file:` and a path, or `env:` and a name. Edges that share the pool share it. With
        /// another one, all clients are dealt out anew. Live.
        required key: Written<Secret>,

        /// How long a client keeps it, whole seconds from `1s` to `365d`. Default: until the browser is closed. Live.
        optional max_age: Written<Duration>,
    }
}

impl Read for HashKey {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`path`, `address`, `header:NAME` or `cookie:NAME`";
        let text = text(node, at, report, EXPECTED)?;
        let named = |prefix| text.strip_prefix(prefix).filter(|name| is_token(name));
        let key = match text {
            "path" => Some(Self::Path),
            "address" => Some(Self::Address),
            _ => named("header:")
                .map(|name| Self::Header(name.to_ascii_lowercase()))
                .or_else(|| named("cookie:").map(|name| Self::Cookie(name.to_owned()))),
        };
        if key.is_none() {
            report.refuse(Code::UnknownWord, at, format!("expected {EXPECTED}, found `{text}`"));
        }
        key
    }

    fn shape() -> Shape {
        Shape::Text(Form { what: "a key", example: "cookie:sid", pattern: "^(path|address|(header|cookie):.+)$" })
    }
}

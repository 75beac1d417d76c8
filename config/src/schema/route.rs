//! Routes: which requests, and what happens to them.

use std::time::Duration;

use super::{
    action::{Files, HeaderRules, Redirect, Respond, Rewrite, Split},
    cache::Cache,
    condition::AnyTest,
    read::{Named, OneOrMany, Written, mapping, words},
};
use crate::model::{ByteSize, HostPattern, PathPattern, Rate, RateKey};

mapping! {
    /// One route: which requests, and one of `pool`, `split`, `redirect`, `respond` and `files`. All of it is live.
    Route {
        /// Its name in logs and metrics.
        required name: Written<String>,

        /// Which requests are meant.
        required r#match: Match,

        /// The pool that they go to. Default: one of the four below says what happens.
        optional pool: Written<String>,

        /// The pools that they go to, by weight. Default: `pool` or another says what happens.
        optional split: Written<Split>,

        /// Send the client elsewhere. Default: `pool` or another says what happens.
        optional redirect: Written<Redirect>,

        /// Give an answer that is always the same. Default: `pool` or another says what happens.
        optional respond: Written<Respond>,

        /// Answer with files. Default: `pool` or another says what happens.
        optional files: Written<Files>,

        /// How important they are: needed where a pool is asked, and only there. Default: none, as only a pool can be full.
        optional class: Written<String>,

        /// Largest request body, up to `1TiB`; where a pool is asked. Default `1MiB`: more than any form of a shop. More
        /// is refused with `413`. Live.
        optional max_body: Written<ByteSize>,

        /// For how long anybody waits for the beginning of an answer, `1ms` to `1h`; where a pool is asked. It counts
        /// from the request's header, and anew from the end of its body, for which a client may take its time; every
        /// try is within it. Default `30s`: two tries that each run into their limits, and longer than anybody waits
        /// for a page. Past it `504`. A trusted proxy can shorten it by `X-Request-Deadline-Ms`; origins are told in
        /// the same field what is left, so that they do not work for nobody. With `protocol: h2` of the pool, a try
        /// that has been sent is bounded by `timeouts.header` alone. Live.
        optional deadline: Written<Duration>,

        /// Rate limits; a request must be within each. Default: none. Live.
        optional rate: Written<Vec<RateLimit>>,

        /// Keep answers in the cache; where a pool is asked. Default: everything passes through. Live.
        optional cache: Written<Cache>,

        /// `true`: exchanges may stay open here, silent for up to `timeouts.stream` of the pool. They are WebSocket,
        /// server-sent events (asked for with `Accept: text/event-stream`) and gRPC. Default `false`, because it is the
        /// client who asks for them: elsewhere an `Upgrade` is taken away from the request, and whatever is asked for is
        /// bounded by the other `timeouts`, so that nobody holds a place in a pool for longer. Not beside `cache`. Live.
        optional streams: Written<bool>,

        /// `required`: only for clients that have shown a certificate; others get `403`. Needs a listener with
        /// `client_certificates`. Default: for everybody whom a listener lets in. Live.
        optional client_certificate: Written<Demand>,

        /// Ask the origin for something else than the client asked for. Default: the same. Live.
        optional rewrite: Written<Rewrite>,

        /// Changes to the header on its way to the origin, after the edge has set its own fields. Default: none. Live.
        optional request_headers: Written<HeaderRules>,

        /// Changes to the header of every answer on its way to the client, refusals included; the cache keeps the
        /// origin's. Default: none. Live.
        optional response_headers: Written<HeaderRules>,
    }
}

mapping! {
    /// Which requests are meant. The most specific match wins: first by host (exact, then `*.`, then any), then by
    /// path (segment by segment: literal, then `{name}`, then `**`), then by method (named, then any), then by the number
    /// of conditions in `headers` and `query`. Where a method or condition does not hold, the next specific route is
    /// tried.
    Match {
        /// Host names: `shop.example.com`, or `*.example.com` for any one label; one or a list. Default: every host.
        optional host: Written<OneOrMany<Written<HostPattern>>>,

        /// Paths: `/cart` is exact, `/product/{id}` takes one segment, `/assets/**` takes `/assets` and everything
        /// below it; one or a list.
        required path: Written<OneOrMany<Written<PathPattern>>>,

        /// Methods such as `GET`; one or a list. Default: every method.
        optional method: Written<OneOrMany<Written<String>>>,

        /// Header fields that must be so, each a value, `{prefix: ...}`, `{contains: ...}` or `{present: true}`. Default:
        /// any header.
        optional headers: Named<AnyTest>,

        /// Parameters of the query that must be so, in the same forms, after percent-decoding. Default: any query.
        optional query: Named<AnyTest>,
    }
}

mapping! {
    /// A limit on how often something may happen.
    RateLimit {
        /// What is counted: `address`, the client's address, IPv6 by its /64.
        required per: RateKey,

        /// The sustained rate, such as `50/s`, `5k/s`, `100/m` or `1000/h`. More is refused with `429` and
        /// `Retry-After`. Live.
        required at: Rate,

        /// Requests above the rate that are let through at once, at least 1. Default: the count of `at`, so that a
        /// whole period's worth may come together, as a browser's first page does. Live.
        optional burst: Written<u32>,
    }
}

/// That something is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Demand {
    Required,
}

words! {
    Demand {
        "required" => Demand::Required,
    }
}

words! {
    RateKey {
        "address" => RateKey::Address,
    }
}

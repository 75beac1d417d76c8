//! What may be written, key by key: the reference of the configuration language.
//!
//! Each key says what it does, its unit, its default and why, what happens at the limit, and whether a reload changes
//! it (live) or only a restart. Types that need no reference to other parts of the file are read into their model
//! types at once; ranges, references and conflicts are for [`crate::check`].

use std::time::Duration;

pub(crate) mod describe;
pub(crate) mod read;
pub(crate) mod quantity;
mod network;
mod path;
mod secret;
mod place;
pub(crate) mod pattern;
mod listener;
mod tls;
mod endpoint;
mod balance;
mod failure;
mod pool;
pub(crate) mod condition;
pub(crate) mod action;
mod cache;
mod route;
mod telemetry;
pub(crate) mod include;

pub(crate) use balance::{AnyBalance, Hashing, Sticky};
pub(crate) use cache::{Cache, IgnoreClient, KeyParts, Override, Query, Tags, Vary, Zone, ZoneDisk};
pub(crate) use endpoint::{AnyEndpoint, Endpoint};
pub(crate) use failure::{Comparison, Ejection, Health, OrOff, Retry, RetryOn};
pub(crate) use listener::{Admin, Connections, Listener};
pub(crate) use path::AuthoritiesPath;
pub(crate) use pool::{ClientCertificate, Limit, Pool, PoolTls, Timeouts};
pub(crate) use route::{RateLimit, Route};
pub(crate) use telemetry::{AccessLog, Telemetry, Trace};
pub(crate) use tls::{Certificate, Tls};

use crate::{
    model::{ForwardingFields, IpNet, Place},
    problem::{At, Code, Report},
    tree::{Node, Value},
};
use describe::{Change, Shape, change};
use read::{Named, OneOrMany, Read, Tried, Written, mapping, refuse_kind, words};

mapping! {
    /// The whole file.
    Config {
        /// Version of this language; 1 is the only one. Stated, so that a later edge can tell old files from wrong
        /// ones. Live.
        #[expect(dead_code, reason = "there is only one")]
        required version: Tried<Version>,

        /// Other files whose `listeners`, `trusted_proxies`, `pools`, `zones` and `routes` are added to those here: paths
        /// such as `pools.yaml` or `routes/*.yaml`, from the folder of this file; one or a list. A name may be defined in
        /// one file only. At most 1,000 files with this one and `16MiB` in all, `4MiB` each, 4 deep. Default: none. Live.
        #[expect(dead_code, reason = "followed while the files are read")]
        optional include: OneOrMany<Written<String>>,

        /// The process itself. Restart; `zone` is live.
        section process: Process,

        /// Where clients connect, by a name of your choice; at least one. Live.
        required listeners: Tried<Named<Tried<Listener>>>,

        /// Where operators connect.
        section admin: Admin,

        /// Networks such as `10.0.0.0/8` of the proxies in front: they are believed whom they speak for, their request
        /// ids are kept, and their traces go on. Default: none, because anyone can send such fields. Live.
        section trusted_proxies: Vec<Written<IpNet>>,

        /// The fields by which `trusted_proxies` say whom they speak for: `x-forwarded` (`X-Forwarded-For` and `-Proto`)
        /// or `forwarded` (RFC 7239), which is then written towards origins, too. The first address from the right that is
        /// no trusted proxy is the client; a hop that cannot be read ends the search at the one before, as does the 32nd.
        /// The host is never taken from them. Default `x-forwarded`, which most proxies write. Never both: a proxy sets
        /// the one and passes the other on as the client wrote it. Live.
        optional forwarding_fields: ForwardingFields,

        /// Classes of importance, the most important first; every route that asks a pool belongs to one. When a pool is
        /// full, the last is turned away first. Default: none, as for an edge that only redirects or serves files. Live.
        section classes: Written<Vec<Written<String>>>,

        /// Sets of servers behind the edge, by a name of your choice. Default: none, as for `classes`. Live.
        section pools: Named<Tried<Pool>>,

        /// Parts of the cache, by a name of your choice. Default: none; nothing is cached. Live.
        section zones: Named<Tried<Zone>>,

        /// Which requests go where; at least one. The order does not matter: the most specific match wins. Live.
        required routes: Tried<Written<Vec<Tried<Route>>>>,

        /// What is written down about requests.
        section telemetry: Telemetry,
    }
}

words! {
    ForwardingFields {
        "x-forwarded" => ForwardingFields::XForwarded,
        "forwarded" => ForwardingFields::Forwarded,
    }
}

/// The keys that only a new process can change, as dotted paths in which `*` is any name and `[]` any item.
pub(crate) fn restart_keys() -> Vec<String> {
    let mut keys = Vec::new();
    Config::shape().walk("", &mut |path, key| {
        if change(key.doc) == Some(Change::Restart) {
            keys.push(path.to_owned());
        }
    });
    keys
}

impl Config {
    /// Reads the whole tree.
    pub(crate) fn read_root(root: &Node, report: &mut Report) -> Option<Self> {
        let at = At::root(root.place);
        if matches!(root.value, Value::Null) {
            report.refuse_with_hint(Code::MissingKey, &at, "the file says nothing", "it starts with `version: 1`");
            return None;
        }
        Self::read(root, &at, report)
    }
}

mapping! {
    /// The process itself.
    #[derive(Default)]
    Process {
        /// Threads that serve requests: `auto` or a number from 1 to 1024. Default `auto`, one per processor, because
        /// a worker never waits for anything but the network. Restart.
        optional workers: Workers,

        /// How long connections are still accepted after `/readyz` says that the edge is leaving, up to `1h`. Default `0s`.
        /// Behind a balancer that asks for readiness write a little more than it needs to notice. Restart.
        optional drain_delay: Written<Duration>,

        /// How long a graceful stop then waits for requests in flight, up to `1h`. Default `30s`: longer than a slow
        /// checkout, shorter than the patience of a service manager (systemd kills after 90 s). What is still in
        /// flight then is cut off. Restart.
        optional drain_timeout: Written<Duration>,

        /// The zone that this edge stands in, such as `eu-1a`, or `env:NAME` for the environment variable that holds
        /// it, so that edges of several zones share one file: endpoints of the same `zone` are preferred. A variable
        /// that is not set is refused. Default: none; all endpoints are alike. Live.
        optional zone: Written<Place>,

        /// Reload when this file, or one that it includes, changes, comes or goes: `true` or `false`. Default `false`: an
        /// editor's half-finished save must not go live by surprise. Restart.
        optional watch: bool,
    }
}

/// Version of this language.
#[derive(Debug)]
pub(crate) struct Version;

impl Version {
    const ONLY: u32 = 1;
}

impl Read for Version {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let version = u32::read(node, at, report)?;
        if version != Self::ONLY {
            let message = format!("{version} is out of range: only {} is allowed", Self::ONLY);
            report.refuse(Code::OutOfRange, at, message);
            return None;
        }
        Some(Self)
    }

    fn shape() -> Shape {
        Shape::Only(Self::ONLY.into())
    }
}

/// How many threads serve requests.
#[derive(Debug)]
pub(crate) enum Workers {
    /// One per processor.
    Auto,
    /// So many.
    Fixed(Written<u32>),
}

impl Read for Workers {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "auto" => Some(Self::Auto),
            Value::Integer(_) => Written::read(node, at, report).map(Self::Fixed),
            _ => refuse_kind(node, at, report, "`auto` or a number of threads"),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(vec!["auto"]), u32::shape()])
    }
}

//! What happens to the requests of a route.

use std::{fmt, path::PathBuf, time::Duration};

use super::{ByteSize, CachePolicy, ClassId, PoolId};

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A pool is asked, or the cache before it.
    Forward(Box<Forward>),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The edge gives an answer that is always the same.
    Respond(Respond),
    /// The edge answers with files.
    Files(Files),
}

/// How a pool is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where the request goes.
    pub to: Destination,
    /// How important it is.
    pub class: ClassId,
    /// Largest request body; more is refused with `413`.
    pub max_body: ByteSize,
    /// Caching; `None` passes everything through.
    pub cache: Option<CachePolicy>,
    /// From the end of the request's header to the beginning of an answer, tries and waits together.
    pub deadline: Duration,
    /// Whether exchanges may stay open here. Never together with `cache`.
    pub streams: bool,
    /// What the origin is asked for instead. The cache key stays what the client asked for.
    pub rewrite: Rewrite,
    /// Changes to the header on its way to the origin.
    pub request_headers: HeaderRules,
}

/// One pool, or several by weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// This one.
    Pool(PoolId),
    /// One of these.
    Split(Split),
}

impl Destination {
    /// Each pool that it may lead to, in the order of writing.
    pub fn pools(&self) -> impl Iterator<Item = PoolId> {
        let (one, split) = match self {
            Self::Pool(pool) => (Some(*pool), None),
            Self::Split(split) => (None, Some(split)),
        };
        one.into_iter().chain(split.into_iter().flat_map(|split| split.shares.iter().map(|share| share.pool)))
    }
}

/// A split between pools, for a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// At least two, no pool twice, in the order of writing; the weights add up to at least 1.
    pub shares: Vec<Share>,
    /// By what a client is told from another.
    pub by: SplitKey,
}

/// One pool's share of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The pool.
    pub pool: PoolId,
    /// Its share relative to the others, 0 to 10,000.
    pub weight: u16,
}

/// By what a split tells clients apart, so that each sees one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitKey {
    /// The edge draws a pool and names it in a cookie of this name, which it then follows.
    Cookie(String),
    /// Hash of the client's address; IPv6 by its /64.
    HashAddress,
    /// Hash of this cookie's value; of the address where there is none.
    HashCookie(String),
    /// Hash of this header field, its name in lower case; of the address where there is none.
    HashHeader(String),
}

impl fmt::Display for SplitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::HashAddress => f.write_str("hash:address"),
            Self::HashCookie(name) => write!(f, "hash:cookie:{name}"),
            Self::HashHeader(name) => write!(f, "hash:header:{name}"),
        }
    }
}

/// What the origin is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The path; `None` is the client's. The query stays.
    pub path: Option<Template>,
    /// The host, with its port if one is written; `None` is the client's.
    pub host: Option<String>,
}

/// Text with places that are filled in from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// As written.
    pub raw: String,
    /// In order.
    pub parts: Vec<TemplatePart>,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// As it stands.
    Text(String),
    /// `{name}`: the segment that the path's parameter of this name took. Each path of the route has it.
    Parameter(String),
    /// `{rest}`: what `**` took, without its first slash; may be empty. Each path of the route ends in `**`.
    Rest,
    /// `{host}`: the host that was asked for, without port.
    Host,
}

/// The client is sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// An absolute URL, or a path that starts with `/`.
    pub to: Template,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Whether the query is appended.
    pub keep_query: bool,
}

/// An answer that is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respond {
    /// 200 to 599 without 206 and 304.
    pub status: u16,
    /// `Content-Type`; `None` only without a body.
    pub content_type: Option<String>,
    /// What is sent.
    pub body: Body,
}

/// The body of a fixed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// This text.
    Text(String),
    /// What this file holds when the configuration is taken over.
    File(PathBuf),
}

/// Files below a folder. Each path of the route ends in `**`; what that took is the path below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder.
    pub root: PathBuf,
    /// The file that stands for a folder; a plain name.
    pub index: String,
}

/// Changes to a header, in this order: remove, set, add. Names are in lower case, values are sendable as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// Fields that are removed.
    pub remove: Vec<String>,
    /// Fields that get just this value.
    pub set: Vec<(String, String)>,
    /// Fields that get this value as one more line.
    pub add: Vec<(String, String)>,
}

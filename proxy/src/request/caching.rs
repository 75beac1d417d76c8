//! The cache policy: what may be kept, for how long, under which key, and what may be served from it (RFC 9111 as a shared
//! cache). Each rule is a function of headers, times and the route's policy; the callbacks that ask them are in `cached.rs`.

pub(crate) mod list;
pub(crate) mod directives;
pub(crate) mod demands;
pub(crate) mod conditional;
pub(crate) mod key;
pub(crate) mod negotiate;
pub(crate) mod vary;
pub(crate) mod variants;
pub(crate) mod reuse;
pub(crate) mod range;
pub(crate) mod storable;
pub(crate) mod freshness;
pub(crate) mod tags;
pub(crate) mod storing;
pub(crate) mod uncacheable;
pub(crate) mod validation;
pub(crate) mod invalidation;
pub(crate) mod status;
pub(crate) mod lookup;

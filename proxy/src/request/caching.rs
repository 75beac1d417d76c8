//! The cache policy: what may be kept, for how long, and under which key (RFC 9111 as a shared cache).

pub(crate) mod directives;
pub(crate) mod key;
pub(crate) mod storable;
pub(crate) mod freshness;
pub(crate) mod storing;
pub(crate) mod vary;
pub(crate) mod status;

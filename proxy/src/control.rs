//! The control plane: it may be slow and may fail, and nothing on a request's way waits for it.

pub(crate) mod boot;
mod doors;
mod handover;
mod notify;
mod descriptors;
mod running;
mod signals;
mod drain;
mod compile;
pub(crate) mod digest;
pub(crate) mod problem;
pub(crate) mod outside;
pub(crate) mod secret;
mod history;
mod reload;
mod watch;
pub(crate) mod certs;
mod upstream_tls;
mod file;
mod probe;
mod discover;
mod tend;
pub(crate) mod pools;
pub(crate) mod cache;
pub(crate) mod explain;
mod admin;
pub(crate) mod dev_certificate;

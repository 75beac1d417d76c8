//! The control plane: it may be slow and may fail, and nothing on a request's way waits for it.

pub(crate) mod boot;
pub(crate) mod compile;
mod digest;
mod problem;
mod secret;
mod history;
mod reload;
mod watch;
mod certs;
mod probe;
mod admin;
pub(crate) mod dev_certificate;

//! The control plane: it may be slow and may fail, and nothing on a request's way waits for it.

pub(crate) mod boot;
pub(crate) mod compile;
pub(crate) mod reload;
pub(crate) mod certs;
pub(crate) mod probe;
pub(crate) mod admin;
pub(crate) mod dev_certificate;

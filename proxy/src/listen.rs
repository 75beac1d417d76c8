//! The data plane per connection: accepting, admission, TLS.

pub(crate) mod door;
pub(crate) mod worker;
mod accept;
pub(crate) mod admit;
pub(crate) mod connection;
pub(crate) mod tls;

//! The data plane per connection: accepting, admission, TLS, HTTP.

pub(crate) mod door;
pub(crate) mod worker;
pub(crate) mod accept;
pub(crate) mod admit;
pub(crate) mod connection;
pub(crate) mod closed;
pub(crate) mod proxy_protocol;
mod socket;
mod pace;
mod transport;
pub(crate) mod http2;
pub(crate) mod tls;
pub(crate) mod front;

//! The data plane per connection: accepting, admission, TLS, HTTP/2.

pub(crate) mod door;
pub(crate) mod worker;
pub(crate) mod accept;
pub(crate) mod admit;
pub(crate) mod connection;
pub(crate) mod http2;
pub(crate) mod tls;

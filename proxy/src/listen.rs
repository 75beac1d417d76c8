//! The data plane per connection: accepting, and TLS.

pub(crate) mod accept;
pub(crate) mod tls;

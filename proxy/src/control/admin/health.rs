//! `GET /healthz`: the process lives. `GET /readyz`: it takes new requests.

use http::StatusCode;

use super::answer::{Answer, text};

/// Who can answer lives.
pub(super) fn alive() -> Answer {
    text(StatusCode::OK, "alive\n")
}

/// Whether load balancers should send new connections here.
pub(super) fn ready(draining: bool) -> Answer {
    match draining {
        true => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        false => text(StatusCode::OK, "ready\n"),
    }
}

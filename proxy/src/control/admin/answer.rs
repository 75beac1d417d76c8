//! Answers of the operators' listener: text or JSON.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_type(status, "text/plain; charset=utf-8", body.into())
}

/// JSON, with a line break at its end for those who read it in a terminal.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut text = serde_json::to_vec_pretty(body).expect("our own answers have text for keys");
    text.push(b'\n');
    with_type(status, "application/json", text.into())
}

/// What went wrong, in JSON.
pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    json(status, &serde_json::json!({ "error": message }))
}

/// There is no such resource.
pub(super) fn not_found() -> Answer {
    let there_is = "there is /metrics, /healthz, /readyz, /config, /config/history, /config/rollback, /explain, /pools, \
                    /pools/{pool}/endpoints/{address}, /purge, /cache, /cache/keys, /cache/object\n";
    text(StatusCode::NOT_FOUND, there_is)
}

/// The resource is there and takes other methods.
pub(super) fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {methods}\n"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// Anything.
pub(super) fn with_type(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Whether text is asked for by name; who takes anything gets JSON.
pub(super) fn wants_text(header: &HeaderMap) -> bool {
    let accept = header.get_all(header::ACCEPT).iter().filter_map(|field| field.to_str().ok());
    accept.flat_map(|field| field.split(',')).any(|range| range.trim().starts_with("text/plain"))
}

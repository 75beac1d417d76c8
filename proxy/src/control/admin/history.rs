//! `GET /config/history`: what was live. `POST /config/rollback`: one of these again.

use std::sync::Arc;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Answer, error, json},
    config::{BODY_MAX, outcome, read},
};
use crate::control::{
    history::History,
    reload::{self, Reloader},
};

/// One configuration that went live.
#[derive(Serialize)]
struct Line<'a> {
    hash: &'a str,
    /// RFC 3339.
    at: String,
    cause: &'static str,
    live: bool,
}

/// The last that went live, the latest first.
pub(super) fn get(history: &History) -> Answer {
    let lines = history.iter().enumerate().map(|(n, entry)| Line {
        hash: &entry.hash,
        at: Timestamp::try_from(entry.at).map_or_else(|_| String::new(), |at| format!("{at:.0}")),
        cause: entry.cause.name(),
        live: n == 0,
    });
    json(StatusCode::OK, &lines.collect::<Vec<_>>())
}

/// Where to.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    to: Option<String>,
}

/// Takes an earlier configuration over again.
pub(super) async fn roll_back(request: Request<Incoming>, reloader: &Arc<Reloader>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match read(body, BODY_MAX).await {
        Ok(body) => body,
        Err((status, message)) => return error(status, &message),
    };
    let target = if body.is_empty() { Ok(Target::default()) } else { serde_json::from_slice(&body) };
    match target {
        Ok(Target { to }) => outcome(reloader.reload(reload::Request::Rollback(to)).await, &head.headers),
        Err(cause) => error(StatusCode::BAD_REQUEST, &format!("expected {{\"to\": HASH}} or nothing: {cause}")),
    }
}

//! `GET /config`: what is live, as it was written. `POST /config`: another one in the place of the file.

use std::sync::Arc;

use bytes::Bytes;
use config::{Diff, Difference};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;

use super::answer::{Answer, error, json, text, wants_text};
use crate::control::{
    history::History,
    problem::ProblemLine,
    reload::{self, ReloadError, Reloader, TakenOver},
};

/// Larger than any file that is read.
pub(super) const BODY_MAX: usize = 4 << 20;

/// The live sources. Of several files, each is headed by its name.
pub(super) fn get(history: &History) -> Answer {
    let files: Vec<_> = history.live().sources.files().collect();
    match files[..] {
        [(_, only)] => text(StatusCode::OK, only.to_owned()),
        _ => {
            let headed = files.iter().map(|(path, text)| format!("# ---- {}\n{text}", path.display()));
            text(StatusCode::OK, headed.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Takes the body over as if it stood in the file.
pub(super) async fn post(request: Request<Incoming>, reloader: &Arc<Reloader>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match read(body, BODY_MAX).await {
        Ok(body) => body,
        Err((status, message)) => return error(status, &message),
    };
    match String::from_utf8(body.into()) {
        Ok(text) => outcome(reloader.reload(reload::Request::Post(text)).await, &head.headers),
        Err(_) => error(StatusCode::UNPROCESSABLE_ENTITY, "the body is not UTF-8 text"),
    }
}

/// A whole body, as much of it as may come.
pub(super) async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, (StatusCode, String)> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(cause) if cause.is::<http_body_util::LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {bytes_max} bytes")))
        }
        Err(cause) => Err((StatusCode::BAD_REQUEST, format!("the body broke off: {cause}"))),
    }
}

/// What went live.
#[derive(Serialize)]
struct Done<'a> {
    hash: &'a str,
    previous: &'a str,
    changed: &'a Diff,
    differs_from_file: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// What came of a reload.
pub(super) fn outcome(result: Result<Option<TakenOver>, ReloadError>, header: &HeaderMap) -> Answer {
    let refused = match result {
        Ok(None) => return error(StatusCode::OK, "nothing has changed"),
        Ok(Some(TakenOver { hash, previous, changed, differs_from_file })) => {
            let notice = differs_from_file
                .then_some("the file holds something else: write this there too, or the next restart undoes it");
            let done = Done { hash: &hash, previous: &previous, changed: &changed, differs_from_file, notice };
            return json(StatusCode::OK, &done);
        }
        Err(refused) => refused,
    };
    let status = match &refused {
        ReloadError::NeedsRestart(_) => StatusCode::CONFLICT,
        ReloadError::Leaving => StatusCode::SERVICE_UNAVAILABLE,
        ReloadError::NoSuchConfiguration(_) => StatusCode::NOT_FOUND,
        ReloadError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if wants_text(header) {
        return text(status, format!("{refused}\n"));
    }
    let message = match &refused {
        ReloadError::Config(problems) => format!("the configuration has {} problems", problems.count()),
        other => other.to_string(),
    };
    let needs_restart: &[Difference] =
        if let ReloadError::NeedsRestart(differences) = &refused { differences } else { &[] };
    let problems = ProblemLine::of_refusal(&refused);
    json(status, &serde_json::json!({ "error": message, "problems": problems, "needs_restart": needs_restart }))
}

//! `POST /explain`: what would happen to a request now.

use std::sync::Arc;

use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::{
    Admin,
    answer::{Answer, error, json, text, wants_text},
    config::{BODY_MAX, read},
};
use crate::{
    clock,
    control::explain::{self, Asked, Question, state},
};

/// Explains what the body asks, under the live configuration and in the present state.
pub(super) async fn post(request: Request<Incoming>, admin: &Admin) -> Answer {
    let (head, body) = request.into_parts();
    let body = match read(body, BODY_MAX).await {
        Ok(body) => body,
        Err((status, message)) => return error(status, &message),
    };
    let asked = serde_json::from_slice::<Asked>(&body).map_err(|cause| format!("the question is not clear: {cause}"));
    let question = asked.and_then(|asked| Question::try_from(asked).map_err(|cause| cause.to_string()));
    let question = match question {
        Ok(question) => question,
        Err(message) => return error(StatusCode::BAD_REQUEST, &message),
    };
    let history = admin.reloader.standing().history;
    let live = Arc::clone(history.live());
    let sources = live.sources.clone();
    // Reading the configuration again takes a moment for thousands of routes.
    let explained = tokio::task::spawn_blocking(move || {
        let config = sources.interpret().map_err(|problems| problems.to_string())?;
        explain::explain(&config, &question, &|path| sources.place(path)).map_err(|cause| cause.to_string())
    });
    match explained.await {
        Ok(Ok(mut explanation)) => {
            if !state::add(&mut explanation, &live.hash, admin.tender.edge(), clock::nanos(), clock::wall()).await {
                return error(StatusCode::CONFLICT, "another configuration went live meanwhile: ask again");
            }
            if wants_text(&head.headers) {
                text(StatusCode::OK, explanation.to_string())
            } else {
                json(StatusCode::OK, &explanation)
            }
        }
        Ok(Err(message)) => error(StatusCode::UNPROCESSABLE_ENTITY, &message),
        Err(_panicked) => error(StatusCode::INTERNAL_SERVER_ERROR, "the explanation failed"),
    }
}

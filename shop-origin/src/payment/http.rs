//! Where providers tell us what became of a payment.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use http::{HeaderMap, StatusCode};

use super::api::{CAPTURED, Payment, WebhookError};
use super::signature;
use crate::backing::queue::Courier;
use crate::clock;
use crate::web::problem::Problem;

#[derive(Clone)]
struct Context {
    payment: Payment,
    courier: Arc<Courier>,
}

pub(crate) fn routes(payment: Payment, courier: Arc<Courier>) -> Router {
    Router::new().route("/payment/webhook/{provider}", post(webhook)).with_state(Context { payment, courier })
}

async fn webhook(
    State(context): State<Context>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let signature = headers.get(signature::HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let order = context.payment.receive(&provider, signature, &body, clock::now()).await?;
    let Some(order) = order else { return Ok(StatusCode::OK) };
    // The capture is committed, and its message with it. Carrying that now lets the buyer, who comes back next, find the
    // order paid; should it fail, it is carried a little later.
    if let Err(fault) = context.courier.deliver_about(CAPTURED, order).await {
        tracing::warn!(error = &fault as &dyn std::error::Error, "a captured payment waits to be settled");
    }
    context.courier.wake(); // who is told that the order is paid
    Ok(StatusCode::OK)
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Problem {
        let (status, code) = match &error {
            WebhookError::Fault(fault) => return fault.into(),
            WebhookError::Distrust(_) => (StatusCode::UNAUTHORIZED, "signature"),
            WebhookError::NotAnEvent(_) => (StatusCode::BAD_REQUEST, "not_an_event"),
            WebhookError::UnknownProvider(_) => (StatusCode::NOT_FOUND, "unknown_provider"),
            WebhookError::UnknownSession(_) => (StatusCode::NOT_FOUND, "unknown_session"),
            WebhookError::Mismatch(_) => (StatusCode::UNPROCESSABLE_ENTITY, "mismatch"),
        };
        tracing::warn!(%error, "a webhook was refused");
        Problem::new(status, code, error.to_string())
    }
}

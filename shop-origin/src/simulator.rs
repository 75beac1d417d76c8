//! Plays the outside payment provider: opens sessions for a merchant, shows a payment page, tells webhooks.
//!
//! It is the other side of `payment/provider.rs` and shares with it the key, the signature and the shapes on the wire, as
//! a provider's published library would. Its memory is its own: what it forgets in a restart, the shop asks for again.

mod session;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::backing::secret::SharedKey;
use crate::cli;
use crate::outbound::Outbound;
use crate::payment::provider::{NewSession, Session, bearer};
use crate::serving;
use crate::web::assets;
use crate::web::freshness::{self, Freshness};
use crate::web::pages::ProviderPage;
use crate::web::site::html;

use session::{Decision, Sessions};
use webhook::Webhooks;

#[derive(Clone)]
struct Simulator {
    sessions: Arc<Sessions>,
    webhooks: Arc<Webhooks>,
    bearer: Arc<str>,
}

/// Serves until the process is asked to stop.
pub(crate) async fn run(options: cli::PaySimulator) -> Result<(), anyhow::Error> {
    let key = SharedKey::read_or_create(&options.secret_file)?;
    let listener = serving::listen(options.listen).await?;
    let simulator = Simulator {
        sessions: Arc::default(),
        bearer: bearer(&key).into(),
        webhooks: Arc::new(Webhooks::new(options.webhook, Outbound::new(), key)),
    };
    serving::serve(listener, routes(simulator)).await
}

fn routes(simulator: Simulator) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/v1/checkout/sessions", post(open))
        .route("/v1/checkout/sessions/{id}/expire", post(expire))
        .route("/pay/{id}", get(page).post(decide))
        .route("/assets/{name}", get(asset))
        .with_state(simulator)
}

/// For the merchant: a session, the same for the same idempotency key.
async fn open(
    State(simulator): State<Simulator>,
    headers: HeaderMap,
    Json(new): Json<NewSession>,
) -> Result<Json<Session>, StatusCode> {
    simulator.check_merchant(&headers)?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).ok_or(StatusCode::BAD_REQUEST)?;
    let id = simulator.sessions.open(new, text(header::HeaderName::from_static("idempotency-key")));
    Ok(Json(Session { url: format!("http://{host}/pay/{id}"), id }))
}

/// For the merchant: no money may be taken any more. 409 when it was taken already.
async fn expire(
    State(simulator): State<Simulator>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, StatusCode> {
    simulator.check_merchant(&headers)?;
    match simulator.sessions.expire(&id) {
        Some(true) => Ok(StatusCode::OK),
        Some(false) => Err(StatusCode::CONFLICT),
        None => Err(StatusCode::NOT_FOUND),
    }
}

/// For the buyer.
async fn page(State(simulator): State<Simulator>, Path(id): Path<String>) -> Response {
    simulator.page(&id, StatusCode::OK)
}

/// The buyer has pressed a button. Pressing twice takes the money once.
async fn decide(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let decision = match form.get("decision").map(String::as_str) {
        Some("pay") => Decision::Pay,
        Some("decline") => Decision::Decline,
        _ => return simulator.page(&id, StatusCode::BAD_REQUEST),
    };
    let Some(seen) = simulator.sessions.find(&id) else { return simulator.page(&id, StatusCode::OK) };
    match decision {
        Decision::Decline => Redirect::to(&seen.terms.cancel_url).into_response(),
        Decision::Pay => match simulator.sessions.pay(&id) {
            Some(event) => {
                // The buyer goes back when the shop knows, or after a while in any case.
                simulator.webhooks.tell(event).await;
                Redirect::to(&seen.terms.success_url).into_response()
            }
            None => simulator.page(&id, StatusCode::CONFLICT),
        },
    }
}

async fn asset(Path(name): Path<String>) -> Response {
    match assets::find(&name) {
        Some((content_type, bytes)) => freshness::kept(Freshness::Immutable, content_type, bytes, &[]),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Simulator {
    /// The secret is as long as a hash and compared as one: time tells nothing of it.
    fn check_merchant(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        use sha2::{Digest, Sha256};
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let same = given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(&*self.bearer));
        if same { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    }

    fn page(&self, id: &str, status: StatusCode) -> Response {
        let Some(session) = self.sessions.find(id) else {
            return (StatusCode::NOT_FOUND, "There is no such payment. Please begin again at the shop.\n")
                .into_response();
        };
        let return_url = session.terms.cancel_url.split('?').next().unwrap_or_default().to_owned();
        let page = ProviderPage {
            merchant: "Harbour".to_owned(),
            order: session.terms.client_reference_id.clone(),
            amount: session.terms.amount_total,
            action: format!("/pay/{id}"),
            outcome: session.outcome().map(str::to_owned),
            reference: session.intent,
            return_url,
        };
        let mut response = (status, html(&page)).into_response();
        freshness::stamp(&mut response, Freshness::Personal);
        response
    }
}

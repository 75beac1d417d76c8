//! The outside payment provider as seen from here: opening a session for its hosted page, and reading its events.
//!
//! The wire has the shapes of Stripe's Checkout (docs.stripe.com/api/checkout/sessions), in JSON both ways.

use serde::{Deserialize, Serialize};

use super::api::Bill;
use super::rules::Terms;
use crate::backing::secret::SharedKey;
use crate::money::{CURRENCY, Cents};
use crate::outbound::{self, Base, Outbound};

/// Its name in webhook paths and in our tables.
pub(crate) const NAME: &str = "simulator";
/// The only event that says money was taken.
pub(crate) const COMPLETED: &str = "checkout.session.completed";
/// What the shared key is used for when we call.
const API_PURPOSE: &str = "api";

/// A connection to the provider.
#[derive(Clone)]
pub(crate) struct Provider {
    base: Base,
    outbound: Outbound,
    bearer: String,
}

/// A session that the provider has opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Its hosted page.
    pub(crate) url: String,
}

/// What a session is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewSession {
    pub(crate) client_reference_id: String,
    pub(crate) amount_total: Cents,
    pub(crate) currency: String,
    pub(crate) success_url: String,
    pub(crate) cancel_url: String,
}

/// An event as it is sent to a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) data: EventData,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EventData {
    pub(crate) object: EventObject,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EventObject {
    pub(crate) id: String,
    pub(crate) payment_intent: String,
    pub(crate) client_reference_id: String,
    pub(crate) amount_total: Cents,
    pub(crate) currency: String,
    pub(crate) payment_status: String,
}

/// Cents was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Completed {
    pub(super) session: String,
    pub(super) txn: String,
    pub(super) terms: Terms,
}

/// Why a call to the provider failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    #[error("the provider's answer is not a session: {0}")]
    NotASession(String),
    #[error("the provider's page {0:?} is not at the provider")]
    ForeignPage(String),
}

/// What we show to prove that it is us who call.
pub(crate) fn bearer(key: &SharedKey) -> String {
    use hmac::Mac;
    crate::backing::secret::hex(&key.hmac(API_PURPOSE).finalize().into_bytes())
}

impl Provider {
    pub(crate) fn new(base: Base, outbound: Outbound, key: &SharedKey) -> Provider {
        Provider { base, outbound, bearer: bearer(key) }
    }

    pub(super) async fn open(&self, bill: &Bill) -> Result<Session, CallError> {
        let request = NewSession {
            client_reference_id: bill.order.clone(),
            amount_total: bill.amount,
            currency: CURRENCY.to_owned(),
            success_url: format!("{}?payment=done", bill.return_url),
            cancel_url: format!("{}?payment=declined", bill.return_url),
        };
        let headers = self.headers(Some(&bill.order));
        let body = serde_json::to_vec(&request).map_err(|error| CallError::NotASession(error.to_string()))?;
        let answer = self.outbound.post(&self.base.join("/v1/checkout/sessions"), &headers, body).await?;
        let session: Session =
            serde_json::from_slice(&answer).map_err(|error| CallError::NotASession(error.to_string()))?;
        // Buyers are sent there: an answer must not be able to send them anywhere else.
        match session.url.starts_with(&self.base.join("/")) {
            true => Ok(session),
            false => Err(CallError::ForeignPage(session.url)),
        }
    }

    pub(super) async fn expire(&self, session: &str) -> Result<(), CallError> {
        let url = self.base.join(&format!("/v1/checkout/sessions/{session}/expire"));
        match self.outbound.post(&url, &self.headers(None), Vec::new()).await {
            // It is gone, or was paid: then its webhook is on the way.
            Ok(_) | Err(outbound::Error::Refused(404 | 409)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn headers(&self, idempotency_key: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = vec![("authorization", format!("Bearer {}", self.bearer))];
        headers.extend(idempotency_key.map(|key| ("idempotency-key", key.to_owned())));
        headers
    }
}

/// What a webhook's body says: `None` for events that are not about money taken.
pub(super) fn completed(body: &[u8]) -> Result<Option<Completed>, String> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    let Kind { kind } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if kind != COMPLETED {
        return Ok(None);
    }
    let event: Event = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let object = event.data.object;
    if object.payment_status != "paid" {
        return Ok(None);
    }
    Ok(Some(Completed {
        session: object.id,
        txn: object.payment_intent,
        terms: Terms { order: object.client_reference_id, amount: object.amount_total, currency: object.currency },
    }))
}

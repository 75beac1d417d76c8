//! What other subsystems may ask of payments, and what they are told.

use serde::{Deserialize, Serialize};

use super::provider::{self, Provider};
use super::rules::{Mismatch, Terms, compare};
use super::signature::{self, Distrust};
use super::store::{self, NewCapture};
use crate::backing::db::{Db, Fault};
use crate::backing::queue;
use crate::backing::secret::SharedKey;
use crate::clock::Timestamp;
use crate::money::{CURRENCY, Cents};

/// The topic of [`Captured`].
pub(crate) const CAPTURED: &str = "payment.captured";

/// The payments of this process.
#[derive(Clone)]
pub(crate) struct Payment {
    pub(super) db: Db,
    key: SharedKey,
    provider: Provider,
}

/// Published when a provider has taken money for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Captured {
    pub(crate) capture: i64,
    pub(crate) order: String,
    pub(crate) amount: Cents,
}

/// Something to be paid for on the provider's page.
#[derive(Debug, Clone)]
pub(crate) struct Bill {
    pub(crate) order: String,
    pub(crate) amount: Cents,
    /// Where the buyer comes back to.
    pub(crate) return_url: String,
}

/// Why a buyer could not be sent to the provider.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the payment provider does not answer as agreed")]
    Provider(#[from] provider::CallError),
}

/// Why a webhook was not accepted; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Distrust(#[from] Distrust),
    #[error("the body is not an event: {0}")]
    NotAnEvent(String),
    #[error("no payment provider is called {0:?}")]
    UnknownProvider(String),
    #[error("no session {0:?} was opened")]
    UnknownSession(String),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

impl Payment {
    pub(crate) fn new(db: Db, key: SharedKey, provider: Provider) -> Payment {
        Payment { db, key, provider }
    }

    /// Opens a session at the provider and returns the address of its page. Asking again for the same order leads to the
    /// same session for as long as the provider keeps it.
    pub(crate) async fn open(&self, bill: Bill, now: Timestamp) -> Result<String, OpenError> {
        let session = self.provider.open(&bill).await?;
        let terms = Terms { order: bill.order, amount: bill.amount, currency: CURRENCY.to_owned() };
        // Before the buyer can pay, it must be known here what for.
        let id = session.id;
        self.db.write(move |tx| store::open_session(tx, provider::NAME, &id, &terms, now)).await?;
        Ok(session.url)
    }

    /// Takes a webhook from the provider `name`. `Ok` means that it need not be sent again; with the order for which money
    /// was taken, if it is about that.
    pub(crate) async fn receive(
        &self,
        name: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<String>, WebhookError> {
        if name != provider::NAME {
            return Err(WebhookError::UnknownProvider(name.chars().take(40).collect()));
        }
        signature::verify(&self.key, signature, body, now.as_seconds())?;
        let Some(completed) = provider::completed(body).map_err(WebhookError::NotAnEvent)? else {
            return Ok(None); // a kind of event that says nothing about money
        };
        self.db
            .write(move |tx| {
                let agreed = store::agreed(tx, provider::NAME, &completed.session)?
                    .ok_or_else(|| WebhookError::UnknownSession(completed.session.clone()))?;
                compare(&agreed, &completed.terms)?;
                let capture = NewCapture {
                    provider: provider::NAME,
                    txn: &completed.txn,
                    session: &completed.session,
                    order: &agreed.order,
                    amount: agreed.amount,
                };
                if let Some(capture) = store::capture(tx, &capture, now)? {
                    let captured = Captured { capture, order: agreed.order.clone(), amount: agreed.amount };
                    queue::publish(tx, CAPTURED, &agreed.order, &captured, now)?;
                }
                Ok(Some(agreed.order))
            })
            .await
    }

    /// Notes that a capture must be given back: nothing will be delivered for it. Doing so again changes nothing.
    pub(crate) async fn refund_due(&self, capture: i64, reason: &'static str, now: Timestamp) -> Result<(), Fault> {
        self.db.write(move |tx| store::refund_due(tx, capture, reason, now)).await
    }

    /// Asks the provider to take no (more) money for `order`: a buyer who left in two windows has two sessions. A payment
    /// already under way may still arrive.
    pub(crate) async fn close(&self, order: String) -> Result<(), OpenError> {
        let sessions = self.db.read(move |tx| store::sessions(tx, &order)).await?;
        for session in sessions {
            self.provider.expire(&session).await?;
        }
        Ok(())
    }
}

//! Tells the shop of events until it says that it knows: signed anew for each attempt, over its addresses in turn.

use std::sync::Arc;
use std::time::Duration;

use crate::backing::secret::SharedKey;
use crate::clock;
use crate::outbound::Outbound;
use crate::payment::provider::Event;
use crate::payment::signature;

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// With the waits between them, some two hours.
const ATTEMPTS_MAX: u32 = 250;
/// A buyer is not kept waiting longer than this for the shop to know.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Webhooks {
    urls: Vec<String>,
    outbound: Outbound,
    key: SharedKey,
}

impl Webhooks {
    pub(super) fn new(urls: Vec<String>, outbound: Outbound, key: SharedKey) -> Webhooks {
        Webhooks { urls, outbound, key }
    }

    /// Tells of `event` for as long as it takes; returns when it is known, or when the buyer has waited long enough.
    pub(super) async fn tell(self: &Arc<Self>, event: Event) {
        let webhooks = Arc::clone(self);
        let telling = tokio::spawn(async move { webhooks.repeat(event).await });
        tokio::time::timeout(PATIENCE, telling).await.ok(); // it goes on by itself
    }

    async fn repeat(&self, event: Event) {
        let body = match serde_json::to_vec(&event) {
            Ok(body) => body,
            Err(error) => return tracing::error!(%error, "an event cannot be written"),
        };
        for (attempt, url) in (0..ATTEMPTS_MAX).zip(self.urls.iter().cycle()) {
            let header = signature::sign(&self.key, clock::now().as_seconds(), &body);
            match self.outbound.post(url, &[(signature::HEADER, header)], body.clone()).await {
                Ok(_) => return tracing::info!(event = event.id, url, attempt, "an event was taken"),
                Err(error) => tracing::warn!(event = event.id, url, attempt, %error, "an event was not taken"),
            }
            tokio::time::sleep(RETRY_FIRST.saturating_mul(1 << attempt.min(10)).min(RETRY_MAX)).await;
        }
        tracing::error!(event = event.id, "an event was given up");
    }
}

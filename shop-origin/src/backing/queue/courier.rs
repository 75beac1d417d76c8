//! Takes messages out of the outbox and to those who have bound to their topics.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Message;
use crate::backing::db::{Db, Fault};
use crate::clock::{self, Timestamp};

/// Longer than a consumer takes for a batch: after it, another courier may carry the messages again.
const LEASE: Duration = Duration::from_secs(60);
/// How soon a message left by another process, or one that is due again, is noticed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
const BATCH: u32 = 8;

type Answer = Pin<Box<dyn Future<Output = Result<(), anyhow::Error>> + Send>>;
/// What a consumer does with a message: an error brings it again later.
pub(crate) type Handler = Box<dyn Fn(Message) -> Answer + Send + Sync>;

/// Carries messages of one process. Each topic has a lane of its own, so that a consumer that is slow, such as one who
/// calls the outside, holds up nobody else.
pub(crate) struct Courier {
    db: Db,
    bound: HashMap<&'static str, Handler>,
    wake: Notify,
}

impl Courier {
    pub(crate) fn new(db: Db, bindings: impl IntoIterator<Item = (&'static str, Handler)>) -> Arc<Courier> {
        Arc::new(Courier { db, bound: bindings.into_iter().collect(), wake: Notify::new() })
    }

    /// Says that something has been published, so that it need not wait to be noticed.
    pub(crate) fn wake(&self) {
        self.wake.notify_waiters();
    }

    /// Delivers for as long as the process lives.
    pub(crate) async fn run(self: Arc<Courier>) {
        let mut lanes = JoinSet::new();
        for topic in self.bound.keys().copied() {
            let courier = Arc::clone(&self);
            lanes.spawn(async move {
                loop {
                    courier.note(courier.deliver(topic).await);
                    courier.pause().await;
                }
            });
        }
        loop {
            self.note(self.dismiss_unbound().await);
            self.pause().await;
        }
    }

    /// Carries all messages of a topic that are due now; returns how many were delivered.
    pub(crate) async fn deliver(&self, topic: &'static str) -> Result<usize, Fault> {
        let Some(consume) = self.bound.get(topic) else { return Ok(0) };
        let mut delivered = 0;
        loop {
            let batch = self.claim(topic, clock::now()).await?;
            if batch.is_empty() {
                return Ok(delivered);
            }
            let (mut done, mut failed) = (Vec::new(), Vec::new());
            for message in batch {
                let (id, attempts) = (message.id, message.attempts);
                match consume(message).await {
                    Ok(()) => done.push(id),
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::warn!(message = id, topic, attempts, error, "a message was not taken");
                        failed.push((id, retry_after(attempts)));
                    }
                }
            }
            delivered += done.len();
            self.settle(done, failed, clock::now()).await?;
        }
    }

    /// Messages that nobody waits for are done.
    pub(super) async fn dismiss_unbound(&self) -> Result<usize, Fault> {
        let bound: Vec<&str> = self.bound.keys().copied().collect();
        let bound = serde_json::to_string(&bound)?;
        let unbound = "delivered_ms IS NULL AND topic NOT IN (SELECT value FROM json_each(?1))";
        let any = format!("SELECT EXISTS (SELECT 1 FROM queue_outbox WHERE {unbound})");
        let wanted = bound.clone();
        let any = self.db.read(move |tx| Ok::<bool, Fault>(tx.query_row(&any, [wanted], |row| row.get(0))?)).await?;
        if !any {
            return Ok(0); // without asking for the writer
        }
        let dismiss = format!("UPDATE queue_outbox SET delivered_ms = ?2 WHERE {unbound}");
        self.db.write(move |tx| Ok(tx.execute(&dismiss, (bound, clock::now()))?)).await
    }

    fn note(&self, round: Result<usize, Fault>) {
        if let Err(fault) = round {
            tracing::warn!(error = &fault as &dyn std::error::Error, "messages wait: the outbox cannot be read");
        }
    }

    async fn pause(&self) {
        // Woken or not, the next round comes; a timeout is the usual case.
        tokio::time::timeout(LOOK_AGAIN, self.wake.notified()).await.ok();
    }

    async fn claim(&self, topic: &'static str, now: Timestamp) -> Result<Vec<Message>, Fault> {
        let any =
            "SELECT EXISTS (SELECT 1 FROM queue_outbox WHERE topic = ?1 AND delivered_ms IS NULL AND due_ms <= ?2)";
        let look = move |tx: &rusqlite::Transaction<'_>| {
            Ok::<bool, Fault>(tx.prepare_cached(any)?.query_row((topic, now), |row| row.get(0))?)
        };
        if !self.db.read(look).await? {
            return Ok(Vec::new()); // without asking for the writer
        }
        let claim = "UPDATE queue_outbox SET due_ms = ?3, attempts = attempts + 1
                     WHERE id IN (SELECT id FROM queue_outbox
                                  WHERE topic = ?1 AND delivered_ms IS NULL AND due_ms <= ?2
                                  ORDER BY due_ms, id LIMIT ?4)
                     RETURNING id, subject, payload, attempts";
        let mut batch: Vec<Message> = self
            .db
            .write(move |tx| {
                let mut statement = tx.prepare_cached(claim)?;
                let rows = statement.query_map(params![topic, now, now.plus(LEASE), BATCH], |row| {
                    Ok(Message { id: row.get(0)?, subject: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
                })?;
                Ok::<_, Fault>(rows.collect::<Result<_, _>>()?)
            })
            .await?;
        batch.sort_by_key(|message| message.id);
        Ok(batch)
    }

    async fn settle(&self, done: Vec<i64>, failed: Vec<(i64, Duration)>, now: Timestamp) -> Result<(), Fault> {
        self.db
            .write(move |tx| {
                let mut deliver = tx.prepare_cached("UPDATE queue_outbox SET delivered_ms = ?2 WHERE id = ?1")?;
                for id in done {
                    deliver.execute((id, now))?;
                }
                let mut postpone = tx.prepare_cached("UPDATE queue_outbox SET due_ms = ?2 WHERE id = ?1")?;
                for (id, wait) in failed {
                    postpone.execute((id, now.plus(wait)))?;
                }
                Ok(())
            })
            .await
    }
}

fn retry_after(attempts: u32) -> Duration {
    RETRY_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(RETRY_MAX)
}

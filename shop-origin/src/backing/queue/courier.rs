//! Takes messages out of the outbox and to those who have bound to their topics.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Message;
use crate::backing::db::{Db, Fault};
use crate::clock::{self, Timestamp};

/// Longer than a consumer takes for a message: after it, another courier may carry that again. Messages are claimed one
/// at a time, so that none spends its lease waiting for another that goes to the outside.
const LEASE: Duration = Duration::from_secs(60);
/// How soon a message left by another process, or one that is due again, is noticed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

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
    pub(super) async fn deliver(&self, topic: &'static str) -> Result<usize, Fault> {
        self.carry(topic, None).await
    }

    /// Carries those about one subject, for somebody who waits for their effect. It goes on when the caller has gone:
    /// else a message already claimed would lie there until its lease ends.
    pub(crate) async fn deliver_about(
        self: &Arc<Courier>,
        topic: &'static str,
        subject: String,
    ) -> Result<usize, Fault> {
        let courier = Arc::clone(self);
        let carrying = tokio::spawn(async move { courier.carry(topic, Some(&subject)).await });
        carrying.await.unwrap_or_else(|_panicked| Err(Fault::Interrupted))
    }

    async fn carry(&self, topic: &'static str, subject: Option<&str>) -> Result<usize, Fault> {
        let Some(consume) = self.bound.get(topic) else { return Ok(0) };
        let mut delivered = 0;
        while let Some(message) = self.claim(topic, subject, clock::now()).await? {
            let (id, attempts) = (message.id, message.attempts);
            match consume(message).await {
                Ok(()) => {
                    self.settle(id, clock::now()).await?;
                    delivered += 1;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(message = id, topic, attempts, error, "a message was not taken");
                    self.postpone(id, attempts, clock::now()).await?;
                }
            }
        }
        Ok(delivered)
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

    async fn claim(
        &self,
        topic: &'static str,
        subject: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Message>, Fault> {
        let due = "topic = ?1 AND delivered_ms IS NULL AND due_ms <= ?2 AND (?3 IS NULL OR subject = ?3)";
        let any = format!("SELECT EXISTS (SELECT 1 FROM queue_outbox WHERE {due})");
        let subject = subject.map(str::to_owned);
        let wanted = subject.clone();
        let look = move |tx: &rusqlite::Transaction<'_>| {
            Ok::<bool, Fault>(tx.prepare_cached(&any)?.query_row((topic, now, wanted), |row| row.get(0))?)
        };
        if !self.db.read(look).await? {
            return Ok(None); // without asking for the writer
        }
        let claim = format!(
            "UPDATE queue_outbox SET due_ms = ?4, attempts = attempts + 1
             WHERE id = (SELECT id FROM queue_outbox WHERE {due} ORDER BY due_ms, id LIMIT 1)
             RETURNING id, subject, payload, attempts"
        );
        self.db
            .write(move |tx| {
                let leased = params![topic, now, subject, now.plus(LEASE)];
                let claimed = tx.prepare_cached(&claim)?.query_row(leased, |row| {
                    Ok(Message { id: row.get(0)?, subject: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
                });
                Ok(claimed.optional()?)
            })
            .await
    }

    /// What was taken is done, whoever holds its lease by now.
    async fn settle(&self, id: i64, now: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE queue_outbox SET delivered_ms = ?2 WHERE id = ?1 AND delivered_ms IS NULL";
        self.db.write(move |tx| Ok(tx.prepare_cached(sql)?.execute((id, now)).map(drop)?)).await
    }

    /// What was refused comes again later, unless another courier has claimed it since: then that one decides.
    async fn postpone(&self, id: i64, attempts: u32, now: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE queue_outbox SET due_ms = ?3 WHERE id = ?1 AND attempts = ?2 AND delivered_ms IS NULL";
        let due = now.plus(retry_after(attempts));
        self.db.write(move |tx| Ok(tx.prepare_cached(sql)?.execute((id, attempts, due)).map(drop)?)).await
    }
}

fn retry_after(attempts: u32) -> Duration {
    RETRY_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(RETRY_MAX)
}

//! Takes messages out of the outbox and to those who have bound to their topics.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;
use tokio::sync::Notify;

use super::Message;
use crate::backing::db::{Db, Fault};
use crate::clock::{self, Timestamp};

/// Longer than any consumer takes: after it, another courier may carry the message again.
const LEASE: Duration = Duration::from_secs(30);
/// How soon a message left by another process, or one that is due again, is noticed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
const BATCH: u32 = 32;

type Answer = Pin<Box<dyn Future<Output = Result<(), anyhow::Error>> + Send>>;
/// What a consumer does with a message: an error brings it again later.
pub(crate) type Handler = Box<dyn Fn(Message) -> Answer + Send + Sync>;

/// Carries messages of one process.
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
        self.wake.notify_one();
    }

    /// Delivers for as long as the process lives.
    pub(crate) async fn run(&self) {
        loop {
            if let Err(fault) = self.deliver_due().await {
                tracing::warn!(error = &fault as &dyn std::error::Error, "messages wait: the outbox cannot be read");
            }
            // Either way there is a next round; a timeout is the usual case.
            tokio::time::timeout(LOOK_AGAIN, self.wake.notified()).await.ok();
        }
    }

    /// Carries all that is due now; returns when nothing is left, with how many were delivered.
    pub(crate) async fn deliver_due(&self) -> Result<usize, Fault> {
        let mut delivered = 0;
        loop {
            let batch = self.claim(clock::now()).await?;
            if batch.is_empty() {
                return Ok(delivered);
            }
            let (mut done, mut failed) = (Vec::new(), Vec::new());
            for message in batch {
                let (id, attempts) = (message.id, message.attempts);
                match self.carry(message).await {
                    Ok(()) => done.push(id),
                    Err(error) => {
                        tracing::warn!(message = id, attempts, error = format!("{error:#}"), "a message was not taken");
                        failed.push((id, retry_after(attempts)));
                    }
                }
            }
            delivered += done.len();
            self.settle(done, failed, clock::now()).await?;
        }
    }

    async fn carry(&self, message: Message) -> Result<(), anyhow::Error> {
        match self.bound.get(message.topic.as_str()) {
            Some(consume) => consume(message).await,
            None => Ok(()),
        }
    }

    async fn claim(&self, now: Timestamp) -> Result<Vec<Message>, Fault> {
        let waiting = "SELECT EXISTS (SELECT 1 FROM queue_outbox WHERE delivered_ms IS NULL AND due_ms <= ?1)";
        let any = self.db.read(move |tx| Ok::<bool, Fault>(tx.query_row(waiting, [now], |row| row.get(0))?)).await?;
        if !any {
            return Ok(Vec::new()); // without asking for the writer
        }
        let claim = "UPDATE queue_outbox SET due_ms = ?2, attempts = attempts + 1
                     WHERE id IN (SELECT id FROM queue_outbox WHERE delivered_ms IS NULL AND due_ms <= ?1
                                  ORDER BY due_ms, id LIMIT ?3)
                     RETURNING id, topic, subject, payload, attempts";
        let mut batch: Vec<Message> = self
            .db
            .write(move |tx| {
                let mut statement = tx.prepare_cached(claim)?;
                let rows = statement.query_map(params![now, now.plus(LEASE), BATCH], |row| {
                    Ok(Message {
                        id: row.get(0)?,
                        topic: row.get(1)?,
                        subject: row.get(2)?,
                        payload: row.get(3)?,
                        attempts: row.get(4)?,
                    })
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

//! How long an origin may take to begin the answer of an exchange that stays open.
//!
//! Pingora knows one time limit for every read. While nothing is read for longer than an ordinary answer may take, that
//! one must be long; so the wait for the header is bounded from outside, by closing the connection.

use std::{
    net::Shutdown,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::task::AbortHandle;

/// Closes a connection unless it is dropped in time.
#[derive(Debug)]
pub(crate) struct HeaderDeadline {
    /// A descriptor of its own for the socket, until it begins.
    connection: Option<OwnedFd>,
    limit: Duration,
    passed: Arc<AtomicBool>,
    task: Option<AbortHandle>,
}

impl HeaderDeadline {
    /// Has not begun yet. `connection` is a descriptor of its own for the socket.
    pub(crate) fn new(connection: OwnedFd, limit: Duration) -> Self {
        Self { connection: Some(connection), limit, passed: Arc::default(), task: None }
    }

    /// Begins now, where the request ends; a client may take its time to send that. Does nothing the second time.
    pub(crate) fn begin(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (limit, says) = (self.limit, Arc::clone(&self.passed));
        let task = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            says.store(true, Ordering::Relaxed);
            if let Err(error) = SockRef::from(&connection).shutdown(Shutdown::Both) {
                tracing::debug!(%error, "the origin closed first");
            }
        });
        self.task = Some(task.abort_handle());
    }

    /// Whether this is why the connection is closed.
    pub(crate) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for HeaderDeadline {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

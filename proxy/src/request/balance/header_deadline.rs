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
    passed: Arc<AtomicBool>,
    task: AbortHandle,
}

impl HeaderDeadline {
    /// Begins now. `connection` is a descriptor of its own for the socket.
    pub(crate) fn begin(connection: OwnedFd, limit: Duration) -> Self {
        let passed = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&passed);
        let task = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            says.store(true, Ordering::Relaxed);
            if let Err(error) = SockRef::from(&connection).shutdown(Shutdown::Both) {
                tracing::debug!(%error, "the origin closed first");
            }
        });
        Self { passed, task: task.abort_handle() }
    }

    /// Whether this is why the connection is closed.
    pub(crate) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for HeaderDeadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}

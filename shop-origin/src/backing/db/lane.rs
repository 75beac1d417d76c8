//! A bounded number of connections, each used by one blocking task at a time.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Fault;

pub(super) struct Lane {
    /// One permit per connection; who waits for one and goes away leaves no trace.
    free: Arc<Semaphore>,
    /// One permit per request that is waiting or at work.
    room: Semaphore,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lane {
    pub(super) fn new(connections: Vec<Connection>, waiting_max: usize) -> Lane {
        Lane {
            free: Arc::new(Semaphore::new(connections.len())),
            room: Semaphore::new(waiting_max + connections.len()),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Waits for a connection and works with it on a thread that may block.
    ///
    /// Work that has begun ends even when the caller has gone: a transaction is never left open.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let Ok(_place) = self.room.try_acquire() else { return Err(Fault::Overloaded.into()) };
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else { return Err(Fault::Interrupted.into()) };
        let mut loan = Loan::take(Arc::clone(&self.idle), permit);
        tokio::task::spawn_blocking(move || work(loan.connection()))
            .await
            .unwrap_or_else(|_panicked| Err(Fault::Interrupted.into()))
    }
}

/// A connection on loan: it goes back before its permit does, however the work ends.
struct Loan {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Loan {
    fn take(idle: Arc<Mutex<Vec<Connection>>>, permit: OwnedSemaphorePermit) -> Loan {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Loan { connection, idle, _permit: permit }
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a permit stands for an idle connection")
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Fields are dropped after this body: the connection is home before the permit is free.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

//! How long an origin may take to begin an answer on HTTP/1.
//!
//! Pingora knows one time limit for each read: an origin that sends its header byte by byte would have as many times
//! that. So the wait is bounded from outside, by closing the connection. Each worker keeps one queue of what is due;
//! a try that is answered in time costs it an entry and a system call.

use std::{
    future::poll_fn,
    net::Shutdown,
    os::fd::{BorrowedFd, RawFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use pingora::protocols::SocketDigest;
use socket2::SockRef;
use tokio_util::time::{DelayQueue, delay_queue::Key};

use crate::clock;

/// How exact the kernel is about when it last received something: its clock ticks at 100 Hz at the least, and both
/// ends of a span are rounded.
const KERNEL_TICK: Duration = Duration::from_millis(20);

/// The tries of one worker that wait for an answer.
#[derive(Default)]
pub(crate) struct TimeLimits {
    due: Mutex<DelayQueue<Arc<Waiting>>>,
}

/// One wait.
struct Waiting {
    connection: Connection,
    limits: Limits,
    begun: Instant,
    state: Mutex<State>,
}

/// How long a try may take, from the end of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// To the first byte that comes: of the answer, of what announces it, or of the session tickets of a new TLS
    /// connection.
    pub(crate) first_byte: Duration,
    /// To the end of its header; at least `first_byte`.
    pub(crate) header: Duration,
}

/// What a try waits for, and where that stands in the queue.
#[derive(Clone, Copy)]
enum State {
    FirstByte(Key),
    Header(Key),
    /// For nothing any more: the connection was closed.
    Passed,
}

/// A connection that may be gone when its time is up, and its descriptor another one's.
struct Connection {
    descriptor: RawFd,
    digest: Arc<SocketDigest>,
    /// The kernel never gives a number of these to a second socket.
    cookie: u64,
}

/// The wait of one try; over when dropped.
pub(crate) struct Wait {
    limits: Arc<TimeLimits>,
    connection: Option<Connection>,
    waiting: Option<Arc<Waiting>>,
}

impl TimeLimits {
    /// Watches over the tries of this worker, for ever.
    pub(crate) async fn enforce(self: Arc<Self>) {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// A wait on a connection that is held for a try; it begins when the request is sent. `None` if the kernel does not
    /// know the connection: then it is gone.
    pub(crate) fn wait(self: &Arc<Self>, descriptor: RawFd, digest: &Arc<SocketDigest>) -> Option<Wait> {
        let cookie = digest.socket_cookie().ok()?;
        let connection = Connection { descriptor, digest: Arc::clone(digest), cookie };
        Some(Wait { limits: Arc::clone(self), connection: Some(connection), waiting: None })
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut due = self.due();
        // A queue that is empty remembers whom to wake, too.
        while let Poll::Ready(Some(expired)) = due.poll_expired(cx) {
            let when = expired.deadline();
            let waiting = expired.into_inner();
            let Limits { first_byte, header } = waiting.limits;
            let mut state = waiting.state();
            *state = match *state {
                State::FirstByte(_) if waiting.has_heard(clock::instant()) => {
                    State::Header(due.insert_at(Arc::clone(&waiting), when + header.saturating_sub(first_byte)))
                }
                _ => {
                    waiting.connection.close();
                    State::Passed
                }
            };
        }
        Poll::Pending
    }

    fn due(&self) -> MutexGuard<'_, DelayQueue<Arc<Waiting>>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether anything has come since it began. When that is asked for may be later than planned.
    fn has_heard(&self, now: Instant) -> bool {
        self.connection.has_received_within(now.duration_since(self.begun))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Whether it is the one that it was.
    fn is_same(&self) -> bool {
        self.digest.socket_cookie().is_ok_and(|now| now == self.cookie)
    }

    /// Whether something has come within this time.
    fn has_received_within(&self, time: Duration) -> bool {
        let info = self.digest.tcp_info().filter(|_| self.is_same());
        info.is_some_and(|info| Duration::from_millis(info.tcpi_last_data_recv.into()) + KERNEL_TICK < time)
    }

    fn close(&self) {
        if !self.is_same() {
            return;
        }
        #[expect(unsafe_code, reason = "it was just found to be the connection's, which lives on this thread")]
        let socket = unsafe { BorrowedFd::borrow_raw(self.descriptor) };
        if let Err(error) = SockRef::from(&socket).shutdown(Shutdown::Both) {
            tracing::debug!(%error, "the origin closed first");
        }
    }
}

impl Wait {
    /// Begins where the request ends; a client may take its time to send that. Does nothing the second time.
    pub(crate) fn begin(&mut self, limits: Limits, now: Instant) {
        let Some(connection) = self.connection.take() else { return };
        let waiting = Arc::new(Waiting { connection, limits, begun: now, state: Mutex::new(State::Passed) });
        let first = limits.first_byte.min(limits.header);
        let key = self.limits.due().insert_at(Arc::clone(&waiting), (now + first).into());
        *waiting.state() = State::FirstByte(key);
        self.waiting = Some(waiting);
    }

    /// Whether the request has come to its end.
    pub(crate) fn has_begun(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether this is why the connection is closed.
    pub(crate) fn is_passed(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| matches!(*waiting.state(), State::Passed))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        let mut due = self.limits.due();
        // A key is good for as long as the queue holds what it stands for.
        if let State::FirstByte(key) | State::Header(key) = *waiting.state() {
            due.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let edge = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (edge, listener.accept().await.unwrap().0)
    }

    fn watched(edge: &TcpStream) -> (Arc<TimeLimits>, Wait) {
        let limits = Arc::new(TimeLimits::default());
        tokio::spawn(Arc::clone(&limits).enforce());
        let digest = Arc::new(SocketDigest::from_raw_fd(edge.as_raw_fd()));
        let wait = limits.wait(edge.as_raw_fd(), &digest).unwrap();
        (limits, wait)
    }

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn silence_ends_with_the_limit_of_the_first_byte() {
        let (mut edge, _origin) = connection().await;
        let (_limits, mut wait) = watched(&edge);
        wait.begin(Limits { first_byte: SHORT, header: LONG }, clock::instant());
        assert_eq!(edge.read(&mut [0; 8]).await.unwrap(), 0, "closed by the edge itself");
        assert!(wait.is_passed());
    }

    #[tokio::test]
    async fn a_header_that_drips_has_the_longer_limit_and_no_more() {
        let (mut edge, mut origin) = connection().await;
        let (_limits, mut wait) = watched(&edge);
        let begun = clock::instant();
        wait.begin(Limits { first_byte: 5 * SHORT, header: 10 * SHORT }, begun);
        let dripping = tokio::spawn(async move {
            while origin.write_all(b"H").await.is_ok() {
                tokio::time::sleep(SHORT / 5).await;
            }
        });
        while edge.read(&mut [0; 8]).await.unwrap() > 0 {}
        assert!(wait.is_passed() && clock::instant() - begun >= 10 * SHORT);
        drop(edge);
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_answered_leaves_nothing_behind() {
        let (edge, _origin) = connection().await;
        let (limits, mut wait) = watched(&edge);
        wait.begin(Limits { first_byte: LONG, header: LONG }, clock::instant());
        assert_eq!(limits.due().len(), 1);
        assert!(!wait.is_passed());
        drop(wait);
        assert!(limits.due().is_empty());
    }

    #[tokio::test]
    async fn another_connection_of_the_same_number_is_left_alone() {
        let (edge, _origin) = connection().await;
        let (_limits, mut wait) = watched(&edge);
        wait.begin(Limits { first_byte: SHORT, header: SHORT }, clock::instant());
        let (other, _far) = connection().await;
        // The number now stands for the other one, as it does when a descriptor is closed and given out again.
        let mut number = std::os::fd::OwnedFd::from(edge.into_std().unwrap());
        rustix::io::dup2(&other, &mut number).unwrap();
        while !wait.is_passed() {
            tokio::task::yield_now().await;
        }
        assert_eq!(rustix::io::write(&other, b"still open"), Ok(10), "a connection that was shut down takes nothing");
    }
}

//! A client that behaves: how long it waits while others do not.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

/// From one request to the next. Each comes on a connection of its own, so that it meets every worker.
const EVERY: Duration = Duration::from_millis(20);
/// What does not come in this time has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks until it is told to stop.
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Waits>,
}

/// How long it waited.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    answered: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Prober {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut waits = Waits::default();
            let mut due = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                sleep(due.saturating_duration_since(Instant::now()));
                match ask(server) {
                    // From when the request was due: a server that stands still for a second delays all of that second.
                    Ok(()) => waits.answered.push(due.elapsed()),
                    Err(_) => waits.failed += 1,
                }
                due += EVERY;
            }
            waits.answered.sort_unstable();
            waits
        });
        Self { stop, thread }
    }

    /// Asks for so long.
    pub(crate) fn run(server: SocketAddr, time: Duration) -> Waits {
        let prober = Self::start(server);
        sleep(time);
        prober.stop()
    }

    pub(crate) fn stop(self) -> Waits {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the prober does not panic")
    }
}

impl Waits {
    /// The wait that this share of the requests did not exceed, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let at = (self.answered.len() as f64 * share) as usize;
        self.answered.get(at).or(self.answered.last()).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
    }

    /// Median, 99th percentile and failures in a few characters.
    pub(crate) fn text(&self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{:.1}/{:.1} ms{failed}", self.quantile(0.5), self.quantile(0.99))
    }
}

/// One request over a new connection.
fn ask(server: SocketAddr) -> io::Result<()> {
    let mut connection = TcpStream::connect_timeout(&server, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_nodelay(true)?;
    connection.write_all(b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

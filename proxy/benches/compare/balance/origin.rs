//! Four endpoints whose manners change while they run, and that remember when they were asked.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};

/// What an answer takes, by sleeping: it must not take processor time from those who are measured.
const SERVICE: Duration = Duration::from_millis(10);
/// Answers at a time; further requests wait. So an endpoint that is well does 400 requests a second.
const WORKERS: usize = 4;

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Well,
    /// So many times as slow.
    Slow(u32),
    /// Answers this share of the requests, in percent, with `502`.
    Failing(u32),
    /// Accepts and never answers.
    Silent,
    /// Does not listen; what was connected is cut.
    Down,
}

/// One endpoint.
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    manner: watch::Sender<Manner>,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What came to it, checks apart.
struct Seen {
    workers: Semaphore,
    arrivals: Mutex<Vec<Instant>>,
    now: AtomicU32,
    most: AtomicU32,
}

impl Endpoint {
    /// One that behaves well, at a port of its own.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (manner, changes) = watch::channel(Manner::Well);
        let seen = Arc::new(Seen {
            workers: Semaphore::new(WORKERS),
            arrivals: Mutex::default(),
            now: AtomicU32::new(0),
            most: AtomicU32::new(0),
        });
        let task = tokio::spawn(run(listener, changes, Arc::clone(&seen)));
        Ok(Self { address, manner, seen, task })
    }

    /// Changes how it behaves.
    pub(super) fn behave(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// When requests came.
    pub(super) fn arrivals(&self) -> Vec<Instant> {
        self.seen.arrivals.lock().expect("nobody panics with it").clone()
    }

    /// The most that were under way at a time since this was last asked.
    pub(super) fn most(&self) -> u32 {
        self.seen.most.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(listener: TcpListener, mut manner: watch::Receiver<Manner>, seen: Arc<Seen>) {
    let address = listener.local_addr().expect("it listens");
    let mut listening = Some(listener);
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let down = *manner.borrow_and_update() == Manner::Down;
        if down {
            listening = None;
            connections.shutdown().await;
        } else if listening.is_none() {
            listening = TcpListener::bind(address).await.ok();
        }
        tokio::select! {
            changed = manner.changed() => if changed.is_err() { return },
            accepted = accept(listening.as_ref()) => {
                if let Ok(tcp) = accepted {
                    connections.spawn(serve(tcp, manner.clone(), Arc::clone(&seen)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

async fn serve(tcp: TcpStream, manner: watch::Receiver<Manner>, seen: Arc<Seen>) {
    tcp.set_nodelay(true).ok();
    let answer = service_fn(|request| {
        let (manner, seen) = (*manner.borrow(), Arc::clone(&seen));
        async move { Ok::<_, Infallible>(answer(&request, manner, &seen).await) }
    });
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), answer).await.ok();
}

async fn answer(request: &Request<Incoming>, manner: Manner, seen: &Seen) -> Response<Full<Bytes>> {
    let (time, status) = match manner {
        Manner::Well | Manner::Down => (SERVICE, StatusCode::OK),
        Manner::Slow(times) => (SERVICE * times, StatusCode::OK),
        Manner::Failing(percent) if rand::random_range(0..100) < percent => (SERVICE, StatusCode::BAD_GATEWAY),
        Manner::Failing(_) => (SERVICE, StatusCode::OK),
        Manner::Silent => (Duration::from_secs(3600), StatusCode::OK),
    };
    let check = request.uri().path() == "/healthz";
    if !check {
        let _under_way = UnderWay::begin(seen);
        let _worker = seen.workers.acquire().await;
        tokio::time::sleep(time).await;
    } else if manner == Manner::Silent {
        tokio::time::sleep(time).await;
    }
    let mut response = Response::new(Full::new(Bytes::from_static(b"done")));
    *response.status_mut() = if check { StatusCode::OK } else { status };
    response
}

/// Counts a request while it is under way, however it ends.
struct UnderWay<'a>(&'a Seen);

impl<'a> UnderWay<'a> {
    fn begin(seen: &'a Seen) -> Self {
        seen.arrivals.lock().expect("nobody panics with it").push(Instant::now());
        let now = seen.now.fetch_add(1, Ordering::Relaxed) + 1;
        seen.most.fetch_max(now, Ordering::Relaxed);
        Self(seen)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

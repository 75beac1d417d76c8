//! A scripted origin, Pingora's proxy with the store, and a client that shows whether a body came to its proper end.

use async_trait::async_trait;
use cache::{Options, Store, ZoneOptions, ZoneStat};
use pingora::apps::ServerApp;
use pingora::cache::lock::{CacheKeyLockImpl, CacheLock};
use pingora::cache::{CacheKey, CacheMeta, RespCacheable};
use pingora::http::ResponseHeader;
use pingora::prelude::{HttpPeer, Result};
use pingora::protocols::Stream as Connection;
use pingora::protocols::l4::stream::Stream as PlainStream;
use pingora::proxy::{ProxyHttp, Session, http_proxy};
use pingora::server::configuration::ServerConf;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};

/// What `/gated` and `/torn` send before they wait for the gate.
pub(crate) const HALF: usize = 100_000;
/// What `/long` sends, without saying so beforehand.
pub(crate) const LONG: usize = 24 << 20;
const PIECE: usize = 50_000;

/// Bytes of a body that differ from place to place.
pub(crate) fn body(length: usize) -> Vec<u8> {
    let mut body = (0..251).collect::<Vec<u8>>().repeat(length / 251 + 1);
    body.truncate(length);
    body
}

pub(crate) struct World {
    store: &'static Store,
    origin: Arc<Origin>,
    proxy: SocketAddr,
    _shutdown: watch::Sender<bool>,
}

struct Origin {
    requests: AtomicUsize,
    gate: Semaphore,
}

impl World {
    pub(crate) async fn start(memory_bytes: usize, max_object_bytes: usize) -> Self {
        let zone = ZoneOptions {
            name: "pages".into(),
            memory_bytes: memory_bytes as u64,
            max_object_bytes: max_object_bytes as u64,
            disk: None,
        };
        let store: &'static Store = Box::leak(Box::new(Store::new(Options { zones: vec![zone] }).unwrap()));
        let lock: &'static CacheKeyLockImpl = Box::leak(CacheLock::new_boxed(Duration::from_secs(60)));
        let origin = Arc::new(Origin { requests: AtomicUsize::new(0), gate: Semaphore::new(0) });

        let at_origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let edge = Edge { store, lock, origin: at_origin.local_addr().unwrap() };
        let serving = Arc::clone(&origin);
        tokio::spawn(async move {
            while let Ok((connection, _)) = at_origin.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(connection));
            }
        });

        let at_proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = at_proxy.local_addr().unwrap();
        let app = Arc::new(http_proxy(&Arc::new(ServerConf::default()), edge));
        let (_shutdown, watching) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((connection, _)) = at_proxy.accept().await {
                let (app, watching) = (Arc::clone(&app), watching.clone());
                let connection: Connection = Box::new(PlainStream::from(connection));
                tokio::spawn(async move { app.process_new(connection, &watching).await });
            }
        });
        World { store, origin, proxy, _shutdown }
    }

    /// Sends a request. The client takes little at once, so that its slowness is felt at the other end.
    pub(crate) async fn get(&self, path: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(32 << 10).unwrap();
        let mut connection = socket.connect(self.proxy).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        Client { connection, received: Vec::new(), pause: Duration::ZERO }
    }

    pub(crate) fn open_gate(&self) {
        self.origin.gate.add_permits(1000);
    }

    pub(crate) fn requests_at_origin(&self) -> usize {
        self.origin.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn stat(&self) -> ZoneStat {
        self.store.stats().remove(0)
    }
}

impl Origin {
    async fn serve(self: Arc<Self>, mut connection: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await?);
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").await?;
        if request.starts_with(b"GET /long ") {
            send(&mut connection, &body(LONG)).await?;
        } else {
            let body = body(2 * HALF);
            send(&mut connection, &body[..HALF]).await?;
            self.gate.acquire().await.unwrap().forget();
            if request.starts_with(b"GET /torn ") {
                return Ok(());
            }
            send(&mut connection, &body[HALF..]).await?;
        }
        connection.write_all(b"0\r\n\r\n").await
    }
}

async fn send(connection: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    for piece in body.chunks(PIECE) {
        connection.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
        connection.write_all(piece).await?;
        connection.write_all(b"\r\n").await?;
    }
    Ok(())
}

/// The least proxy that caches everything for a minute.
struct Edge {
    store: &'static Store,
    lock: &'static CacheKeyLockImpl,
    origin: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Edge {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.origin, false, String::new())))
    }

    fn request_cache_filter(&self, session: &mut Session, (): &mut ()) -> Result<()> {
        session.cache.enable(self.store, None, None, Some(self.lock), None);
        Ok(())
    }

    fn cache_key_callback(&self, session: &Session, (): &mut ()) -> Result<CacheKey> {
        Ok(CacheKey::new(session.req_header().uri.path(), "pages"))
    }

    fn response_cache_filter(&self, _: &Session, header: &ResponseHeader, (): &mut ()) -> Result<RespCacheable> {
        let now = now();
        Ok(RespCacheable::Cacheable(CacheMeta::new(now + Duration::from_secs(60), now, 0, 0, header.clone())))
    }
}

#[expect(clippy::disallowed_methods, reason = "Pingora compares freshness with the real time")]
fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) struct Client {
    connection: TcpStream,
    received: Vec<u8>,
    pause: Duration,
}

impl Client {
    /// Makes it a slow one.
    pub(crate) fn pause_between_reads(&mut self, pause: Duration) {
        self.pause = pause;
    }

    /// Waits for so much of the body, which must be what the origin sent.
    pub(crate) async fn read_until_body_has(&mut self, length: usize) {
        loop {
            let (so_far, _) = self.decode();
            if so_far.len() >= length {
                assert_eq!(so_far, body(so_far.len()));
                return;
            }
            assert_ne!(self.read().await, 0, "it ended after {} bytes of body", so_far.len());
        }
    }

    /// The whole body; none if it did not come to its proper end.
    pub(crate) async fn read_to_end(mut self) -> Option<Vec<u8>> {
        while self.read().await > 0 {}
        let (body, ended) = self.decode();
        ended.then_some(body)
    }

    async fn read(&mut self) -> usize {
        tokio::time::sleep(self.pause).await;
        // A reset is an end too, and not a proper one.
        self.connection.read_buf(&mut self.received).await.unwrap_or(0)
    }

    /// The chunked body as far as it is there, and whether its last chunk is.
    fn decode(&self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        let Some(head) = self.received.windows(4).position(|four| four == b"\r\n\r\n") else { return (body, false) };
        let mut rest = &self.received[head + 4..];
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            if size == 0 {
                return (body, true);
            }
            let chunk = &rest[line + 2..];
            body.extend_from_slice(&chunk[..size.min(chunk.len())]);
            let Some(next) = chunk.get(size + 2..) else { break };
            rest = next;
        }
        (body, false)
    }
}

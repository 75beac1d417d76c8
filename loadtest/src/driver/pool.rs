//! Keeps connections to the target: HTTP/1.1 one exchange each at a time, HTTP/2 many exchanges over few.

use std::cell::{Cell, RefCell};

use http::{Method, Request};
use hyper::client::conn::http2;
use tokio::sync::Mutex;

use super::connector::{Answer, Body, Broken, Connector, Link, Protocol};
use crate::measure::{Failure, Fault};

/// Exchanges over one HTTP/2 connection at a time: what RFC 9113 section 6.5.2 recommends servers to allow at least.
const STREAMS_PER_CONNECTION: usize = 100;

/// Connections of one worker.
pub(super) struct Pool {
    connector: Connector,
    kind: Kind,
    opened: Cell<u64>,
}

enum Kind {
    /// Connections that nobody uses, the latest used last. How many there are in all is bounded by the exchanges
    /// under way, which the driver bounds.
    Http1 { idle: RefCell<Vec<Link>> },
    /// A fixed number of places; each is filled when it is first needed, and again when its connection has ended.
    Http2 { places: Vec<Mutex<Option<http2::SendRequest<Body>>>>, next: Cell<usize> },
}

impl Pool {
    /// A pool of up to `connections` connections; none is open yet.
    pub(super) fn new(connector: Connector, protocol: Protocol, connections: usize) -> Pool {
        let kind = match protocol {
            Protocol::Http1 => Kind::Http1 { idle: RefCell::default() },
            Protocol::Http2 => {
                let places = (0..connections).map(|_| Mutex::default()).collect();
                Kind::Http2 { places, next: Cell::new(0) }
            }
        };
        Pool { connector, kind, opened: Cell::new(0) }
    }

    /// How many exchanges may be under way over `connections` connections.
    pub(super) fn exchanges_max(protocol: Protocol, connections: usize) -> usize {
        match protocol {
            Protocol::Http1 => connections,
            Protocol::Http2 => connections * STREAMS_PER_CONNECTION,
        }
    }

    /// A request to the target, still without its own headers.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<Request<Body>, Fault> {
        self.connector.request(method, path)
    }

    /// How many connections were opened so far, those that broke included.
    pub(super) fn opened(&self) -> u64 {
        self.opened.get()
    }

    /// Sends `request` over a connection that is free, or over a new one, and reads the whole answer.
    ///
    /// A request that a closed connection hands back before it began goes to the next connection, as in any browser.
    pub(super) async fn exchange(&self, request: Request<Body>) -> Result<Answer, Fault> {
        match &self.kind {
            Kind::Http1 { idle } => self.exchange_http1(idle, request).await,
            Kind::Http2 { places, next } => {
                let place = next.get() % places.len();
                next.set(place + 1);
                self.exchange_http2(&places[place], request).await
            }
        }
    }

    async fn exchange_http1(&self, idle: &RefCell<Vec<Link>>, mut request: Request<Body>) -> Result<Answer, Fault> {
        loop {
            let kept = take_ready(idle).await;
            let is_new = kept.is_none();
            let mut link = match kept {
                Some(link) => link,
                None => self.open().await?,
            };
            match link.exchange(request).await {
                Ok(answer) => {
                    idle.borrow_mut().push(link);
                    return Ok(answer);
                }
                Err(Broken::NotBegun(returned, _)) if !is_new => request = *returned,
                Err(Broken::NotBegun(_, fault) | Broken::Begun(fault)) => return Err(fault),
            }
        }
    }

    async fn exchange_http2(
        &self,
        place: &Mutex<Option<http2::SendRequest<Body>>>,
        mut request: Request<Body>,
    ) -> Result<Answer, Fault> {
        loop {
            let (sender, is_new) = self.http2_sender(place).await?;
            match Link::Http2(sender).exchange(request).await {
                Ok(answer) => return Ok(answer),
                Err(Broken::NotBegun(returned, _)) if !is_new => request = *returned,
                Err(Broken::NotBegun(_, fault) | Broken::Begun(fault)) => return Err(fault),
            }
        }
    }

    /// The connection of a place, and whether it was opened for this call.
    async fn http2_sender(
        &self,
        place: &Mutex<Option<http2::SendRequest<Body>>>,
    ) -> Result<(http2::SendRequest<Body>, bool), Fault> {
        // Held while connecting, so that those who come meanwhile share the connection.
        let mut place = place.lock().await;
        if let Some(sender) = place.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok((sender.clone(), false));
        }
        let Link::Http2(sender) = self.open().await? else {
            return Err(Fault::new(Failure::Protocol, "the target no longer speaks HTTP/2"));
        };
        *place = Some(sender.clone());
        Ok((sender, true))
    }

    async fn open(&self) -> Result<Link, Fault> {
        let link = self.connector.open().await?;
        self.opened.set(self.opened.get() + 1);
        Ok(link)
    }
}

/// The latest kept connection that still takes a request. It does so as soon as its task has seen the last answer's end.
async fn take_ready(idle: &RefCell<Vec<Link>>) -> Option<Link> {
    loop {
        let mut link = idle.borrow_mut().pop()?;
        if link.ready().await {
            return Some(link);
        }
    }
}

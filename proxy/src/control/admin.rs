//! The operators' listener: metrics and readiness for everybody, the configuration for those who show the token.
//!
//! A connection carries one request and lives for a minute at most; so nothing that hangs stays, whatever it waits for.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Method, Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use pingora::server::ShutdownWatch;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

mod answer;
mod authorize;
mod health;
mod metrics;
mod config;
mod history;
mod explain;
mod pools;
mod purge;
mod cache;

use self::{
    answer::{Answer, not_allowed, not_found},
    authorize::turn_away,
};
use super::{reload::Reloader, tend::Tender};

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// From connecting to the end of the request header; so long, at the most, those who say nothing keep others waiting.
const HEADER_TIMEOUT: Duration = Duration::from_secs(1);
/// A whole connection: longer than any reload takes.
const CONNECTION_MAX: Duration = Duration::from_secs(60);

/// What operators look at and change.
pub(crate) struct Admin {
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) tender: Arc<Tender>,
    /// Whether the edge takes no new requests.
    pub(crate) draining: ShutdownWatch,
}

/// Serves until the process ends; while it drains, `/readyz` says so to load balancers in front.
pub(crate) async fn serve(listener: TcpListener, admin: Arc<Admin>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&free).acquire_owned().await.expect("the semaphore is never closed");
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            if tokio::time::timeout(CONNECTION_MAX, serve_connection(tcp, &admin)).await.is_err() {
                tracing::debug!("an admin connection was ended after {CONNECTION_MAX:?}");
            }
            drop(place);
        });
    }
}

async fn serve_connection(tcp: TcpStream, admin: &Admin) {
    let answer = service_fn(async |request| Ok::<_, Infallible>(answer(request, admin).await));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an admin connection broke");
    }
}

async fn answer(request: Request<Incoming>, admin: &Admin) -> Answer {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let posts = request.method() == Method::POST;
    match request.uri().path() {
        "/metrics" if reads => return metrics::get(&admin.tender),
        "/healthz" if reads => return health::alive(),
        "/readyz" if reads => return health::ready(*admin.draining.borrow()),
        "/metrics" | "/healthz" | "/readyz" => return not_allowed("GET, HEAD"),
        "/config" | "/config/history" | "/config/rollback" | "/explain" | "/pools" => {}
        "/purge" | "/cache" | "/cache/keys" | "/cache/object" => {}
        path if pools::endpoint_of(path).is_some() => {}
        _ => return not_found(),
    }
    let standing = admin.reloader.standing();
    if let Some(refusal) = turn_away(request.headers(), standing.token.as_deref()) {
        return refusal;
    }
    match request.uri().path() {
        "/config" if reads => config::get(&standing.history),
        "/config" if posts => config::post(request, &admin.reloader).await,
        "/config/history" if reads => history::get(&standing.history),
        "/explain" if posts => explain::post(request, admin).await,
        "/config/rollback" if posts => history::roll_back(request, &admin.reloader).await,
        "/pools" if reads => pools::get(admin),
        "/purge" if posts => purge::post(request, admin).await,
        "/cache" if reads => cache::get(admin),
        "/cache/keys" if reads => cache::keys(request.uri().query(), admin).await,
        "/cache/object" if reads => cache::object(request.uri().query(), admin).await,
        "/config" => not_allowed("GET, HEAD, POST"),
        "/config/history" | "/pools" | "/cache" | "/cache/keys" | "/cache/object" => not_allowed("GET, HEAD"),
        path => match pools::endpoint_of(path) {
            Some((pool, endpoint)) if posts => pools::post(request, admin, &pool, &endpoint).await,
            _ => not_allowed("POST"),
        },
    }
}

//! Active health checks: one task per endpoint, which lives as long as its endpoint and check stay configured.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use config::model::{HealthCheck, Probe, Protocol};
use http::header;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use crate::{
    clock,
    request::balance::Verdict,
    snapshot::{Pool, Snapshot},
};

/// The checks that run.
#[derive(Default)]
pub(crate) struct Prober {
    running: HashMap<(String, SocketAddr), Check>,
}

struct Check {
    pool: Arc<Pool>,
    way: Way,
    model: HealthCheck,
    task: JoinHandle<()>,
}

/// How the endpoints of a pool are asked: as its requests ask them.
#[derive(Clone)]
struct Way {
    protocol: Protocol,
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    /// Differs wherever the files for TLS do.
    identity: u64,
}

impl Way {
    fn of(pool: &Pool) -> Self {
        let tls = pool.connector.tls.as_ref();
        Self {
            protocol: pool.model.protocol,
            tls: tls.map(|tls| (tls.server_name.clone(), Arc::clone(&tls.of_checks))),
            identity: tls.map_or(0, |tls| tls.identity),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let name = |way: &Self| way.tls.as_ref().map(|(name, _)| name.clone());
        self.protocol == other.protocol && self.identity == other.identity && name(self) == name(other)
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Prober {
    /// Starts the checks that a snapshot wants and ends those that it does not; equal ones go on undisturbed.
    pub(crate) fn follow(&mut self, snapshot: &Snapshot) {
        let mut previous = std::mem::take(&mut self.running);
        for pool in &snapshot.pools {
            let Some(model) = &pool.model.health else { continue };
            let way = Way::of(pool);
            for member in pool.balancer.members() {
                let key = (pool.model.name.clone(), member.address);
                let same =
                    |check: &Check| check.model == *model && check.way.is_same(&way) && Arc::ptr_eq(&check.pool, pool);
                let check = previous.remove(&key).filter(same).unwrap_or_else(|| Check {
                    pool: Arc::clone(pool),
                    way: way.clone(),
                    model: model.clone(),
                    task: tokio::spawn(check(Arc::clone(pool), member.address, way.clone(), model.clone())),
                });
                self.running.insert(key, check);
            }
        }
    }
}

/// Checks one endpoint for ever. Checks of different endpoints are spread over the interval, so that a pool is never
/// probed as one wave.
async fn check(pool: Arc<Pool>, address: SocketAddr, way: Way, model: HealthCheck) {
    tokio::time::sleep(model.interval.mul_f64(rand::random())).await;
    let mut ticks = tokio::time::interval(model.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut streak = Streak::default();
    loop {
        ticks.tick().await;
        let path = match &model.probe {
            Probe::Http { path, .. } => path,
            Probe::Tcp => "/",
        };
        let result = probe(address, &way, path, model.timeout).await;
        let Some(up) = streak.after(result.is_ok(), &model) else { continue };
        let verdict = if up { Verdict::Well } else { Verdict::Unreachable };
        if pool.balancer.checked(address, verdict, clock::nanos()) {
            let pool = pool.model.name.as_str();
            match result {
                Ok(()) => tracing::info!(pool, endpoint = %address, "endpoint is up"),
                Err(reason) => tracing::warn!(pool, endpoint = %address, reason, "endpoint is down"),
            }
        }
    }
}

/// Equal results in a row.
#[derive(Debug, Default)]
struct Streak {
    passing: bool,
    length: u32,
}

impl Streak {
    /// Takes a result; says up or down once there were enough in a row.
    fn after(&mut self, passed: bool, model: &HealthCheck) -> Option<bool> {
        self.length = if passed == self.passing { self.length.saturating_add(1) } else { 1 };
        self.passing = passed;
        let enough = if passed { model.up_after } else { model.down_after };
        (self.length >= enough).then_some(passed)
    }
}

/// One `GET`; any 2xx within the time limit is good.
async fn probe(address: SocketAddr, way: &Way, path: &str, limit: Duration) -> Result<(), String> {
    tokio::time::timeout(limit, request(address, way, path))
        .await
        .unwrap_or_else(|_elapsed| Err(format!("no answer within {limit:?}")))
}

async fn request(address: SocketAddr, way: &Way, path: &str) -> Result<(), String> {
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let Some((name, config)) = &way.tls else {
        return ask(tcp, way.protocol, "http", &address.to_string(), path).await;
    };
    let tls = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await;
    let tls = tls.map_err(|error| error.to_string())?;
    if way.protocol == Protocol::H2 && tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("it does not speak HTTP/2".to_owned());
    }
    let authority = match name {
        ServerName::DnsName(name) => format!("{}:{}", name.as_ref(), address.port()),
        _ => address.to_string(),
    };
    ask(tls, way.protocol, "https", &authority, path).await
}

async fn ask(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    scheme: &str,
    authority: &str,
    path: &str,
) -> Result<(), String> {
    let text = |error: hyper::Error| error.to_string();
    let request = http::Request::get(match protocol {
        Protocol::Http1 => path.to_owned(),
        Protocol::H2 => format!("{scheme}://{authority}{path}"),
    });
    let request = match protocol {
        Protocol::Http1 => request.header(header::HOST, authority),
        Protocol::H2 => request,
    };
    let request = request.header(header::USER_AGENT, "floodgate-health-check").body(Empty::<Bytes>::new());
    let (request, io) = (request.map_err(|error| error.to_string())?, TokioIo::new(connection));
    // The connection is driven only while the answer's header is awaited, and closed after it.
    let response = match protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = http1::handshake(io).await.map_err(text)?;
            answer(sender.send_request(request), connection).await?
        }
        Protocol::H2 => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(text)?;
            answer(sender.send_request(request), connection).await?
        }
    };
    if response.status().is_success() { Ok(()) } else { Err(format!("answered {}", response.status())) }
}

async fn answer(
    response: impl Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<http::Response<hyper::body::Incoming>, String> {
    tokio::select! {
        response = response => response.map_err(|error| error.to_string()),
        ended = connection => Err(ended.err().map_or("connection closed".to_owned(), |error| error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_enough_results_in_a_row() {
        let model = HealthCheck {
            probe: Probe::Tcp,
            jitter: config::model::Percent::ALL,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            down_after: 3,
            up_after: 2,
        };
        let mut streak = Streak::default();
        let verdicts = [false, false, true, false, false, false, true, true].map(|passed| streak.after(passed, &model));
        assert_eq!(verdicts, [None, None, None, None, None, Some(false), None, Some(true)]);
    }
}

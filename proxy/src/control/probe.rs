//! Active health checks: one task per endpoint, which lives as long as its endpoint and check stay configured.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use config::model::HealthCheck;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{request::balance::Endpoint, snapshot::Snapshot};

/// The checks that run.
#[derive(Default)]
pub(crate) struct Prober {
    running: HashMap<(String, SocketAddr), Check>,
}

struct Check {
    endpoint: Arc<Endpoint>,
    model: HealthCheck,
    task: JoinHandle<()>,
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
            for endpoint in pool.balancer.endpoints() {
                let key = (pool.model.name.clone(), endpoint.address);
                let same = |check: &Check| check.model == *model && Arc::ptr_eq(&check.endpoint, endpoint);
                let check = previous.remove(&key).filter(same).unwrap_or_else(|| Check {
                    endpoint: Arc::clone(endpoint),
                    model: model.clone(),
                    task: tokio::spawn(check(key.0.clone(), Arc::clone(endpoint), model.clone())),
                });
                self.running.insert(key, check);
            }
        }
    }
}

/// Checks one endpoint for ever. Checks of different endpoints are spread over the interval, so that a pool is never
/// probed as one wave.
async fn check(pool: String, endpoint: Arc<Endpoint>, model: HealthCheck) {
    tokio::time::sleep(model.interval.mul_f64(rand::random())).await;
    let mut ticks = tokio::time::interval(model.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut streak = Streak::default();
    loop {
        ticks.tick().await;
        let result = probe(endpoint.address, &model.path, model.timeout).await;
        let Some(up) = streak.after(result.is_ok(), &model) else { continue };
        if endpoint.set_up(up) {
            match result {
                Ok(()) => tracing::info!(pool, endpoint = %endpoint.address, "endpoint is up"),
                Err(reason) => tracing::warn!(pool, endpoint = %endpoint.address, reason, "endpoint is down"),
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
async fn probe(address: SocketAddr, path: &str, limit: Duration) -> Result<(), String> {
    tokio::time::timeout(limit, request(address, path))
        .await
        .unwrap_or_else(|_elapsed| Err(format!("no answer within {limit:?}")))
}

async fn request(address: SocketAddr, path: &str) -> Result<(), String> {
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.map_err(|error| error.to_string())?;
    let request = http::Request::get(path)
        .header(http::header::HOST, address.to_string())
        .header(http::header::USER_AGENT, "floodgate-health-check")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    // The connection is driven only while the answer's header is awaited, and closed after it.
    let response = tokio::select! {
        response = sender.send_request(request) => response.map_err(|error| error.to_string())?,
        ended = connection => return Err(ended.err().map_or("connection closed".to_owned(), |error| error.to_string())),
    };
    if response.status().is_success() { Ok(()) } else { Err(format!("answered {}", response.status())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_enough_results_in_a_row() {
        let model = HealthCheck {
            path: "/".to_owned(),
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

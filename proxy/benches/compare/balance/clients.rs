//! Clients that come at their own rate, whatever becomes of those before them.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::task::JoinSet;

/// What has no answer after this has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// When it was due: a server that stands still delays all that were due meanwhile.
    pub(super) due: Instant,
    pub(super) took: Duration,
    /// `None` without an answer.
    pub(super) status: Option<u16>,
}

/// Sends `rate` requests a second, evenly, for so long; in the order in which they were due.
pub(super) async fn run(server: SocketAddr, rate: u32, time: Duration) -> Result<Vec<Request>> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).tcp_nodelay(true).build()?;
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for number in 0..u32::try_from(time.as_millis())? * rate / 1000 {
        let due = begun + Duration::from_secs(number.into()) / rate;
        tokio::time::sleep_until(due.into()).await;
        let sent = client.get(format!("http://{server}/item/{number}")).send();
        under_way.spawn(async move {
            let answer = async { sent.await.ok().map(|answer| answer.status().as_u16()) }.await;
            Request { due, took: due.elapsed(), status: answer }
        });
    }
    let mut done = under_way.join_all().await;
    done.sort_unstable_by_key(|request| request.due);
    Ok(done)
}

/// The wait that this share of the requests did not exceed, in milliseconds.
pub(super) fn quantile(requests: &[Request], share: f64) -> f64 {
    let mut waits: Vec<_> = requests.iter().map(|request| request.took).collect();
    waits.sort_unstable();
    let at = (waits.len() as f64 * share) as usize;
    waits.get(at).or(waits.last()).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1000.0)
}

/// How many were not answered well, in percent.
pub(super) fn failed(requests: &[Request]) -> f64 {
    let failed = requests.iter().filter(|request| request.status != Some(200)).count();
    100.0 * failed as f64 / requests.len().max(1) as f64
}

//! Clients that ask for objects, some of them in part, and judge each answer; and one that purges.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode};
use tokio::time::sleep;

use super::objects::{Objects, TAGS, Wrong};

const PATIENCE: Duration = Duration::from_secs(20);
/// From one purge to the next.
const PURGE_EVERY: Duration = Duration::from_millis(150);

/// Where the edge is.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) plain: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) token: String,
}

/// What clients met.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    pub(super) answered: u64,
    pub(super) hits: u64,
    pub(super) wrong: u64,
    pub(super) torn: u64,
    pub(super) purged: u64,
    /// Requests on a connection that was closed before anything of an answer came, which HTTP lets a client send again
    /// (RFC 9112 s9.3.1).
    pub(super) again: u64,
    /// Requests that got no whole answer, or one that says that something failed.
    pub(super) failed: u64,
    pub(super) purges: u64,
    /// The first of what went wrong.
    pub(super) how: BTreeMap<String, u64>,
}

/// What all clients share.
pub(super) struct Load {
    pub(super) objects: Arc<Objects>,
    pub(super) target: Target,
    met: Mutex<Met>,
    /// The edge is being killed: what fails now is no fault.
    pub(super) down: AtomicBool,
}

impl Load {
    pub(super) fn new(objects: Arc<Objects>, target: Target) -> Self {
        Self { objects, target, met: Mutex::default(), down: AtomicBool::new(false) }
    }

    fn note(&self, change: impl FnOnce(&mut Met)) {
        change(&mut self.met.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes what there is, and begins anew.
    pub(super) fn take(&self) -> Met {
        std::mem::take(&mut *self.met.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fault(&self, how: &str, count: impl FnOnce(&mut Met)) {
        self.note(|met| {
            count(met);
            if met.how.len() < 20 {
                *met.how.entry(how.to_owned()).or_default() += 1;
            }
        });
    }
}

/// A client that pools no connection across a crash for long.
pub(super) fn client() -> Result<Client> {
    Ok(Client::builder().timeout(PATIENCE).pool_max_idle_per_host(4).build()?)
}

/// One client for ever: popular objects often, all of them sometimes.
pub(super) async fn ask(load: Arc<Load>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let client = client().expect("a client");
    loop {
        let count = load.objects.count() as f64;
        let number = ((count + 1.0).powf(random.random_range(0.0..1.0)) as usize).saturating_sub(1);
        let part = random.random_bool(0.1).then(|| random.random_range(0..50usize));
        let was_down = load.down.load(Ordering::SeqCst);
        let least = load.objects.least(number.min(load.objects.count() - 1));
        let number = number.min(load.objects.count() - 1);
        if let Err(error) = once(&load, &client, number, least, part).await {
            if was_down || load.down.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(20)).await;
            } else {
                load.fault(&format!("{error:#}"), |met| met.failed += 1);
            }
        }
    }
}

async fn once(load: &Load, client: &Client, number: usize, least: u64, part: Option<usize>) -> Result<()> {
    let url = format!("http://{}/o/{number}", load.target.plain);
    let request = || {
        let request = client.get(&url);
        match part {
            Some(from) => request.header("range", format!("bytes={from}-{}", from + 9)),
            None => request,
        }
    };
    let answer = match request().send().await {
        Err(error) if error.is_request() && !error.is_timeout() && !load.down.load(Ordering::SeqCst) => {
            load.note(|met| met.again += 1);
            request().send().await?
        }
        sent => sent?,
    };
    let status = answer.status();
    let field = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let version = field("x-version").and_then(|version| version.parse().ok());
    let is_hit = field("cache-status").is_some_and(|status| status.contains("; hit"));
    let length = answer.content_length();
    let body = answer.bytes().await.context("the body broke off")?;
    if length.is_some_and(|length| length != body.len() as u64) {
        load.fault(&format!("/o/{number}: {length:?} announced, {} came", body.len()), |met| met.torn += 1);
        return Ok(());
    }
    let judged = match (status, part) {
        (StatusCode::OK, _) => Objects::judge(number, least, version, &body),
        (StatusCode::PARTIAL_CONTENT, Some(from)) => {
            let whole = version.map(|version| Objects::whole(number, version));
            let right = whole.is_some_and(|whole| whole[from..from + 10] == body[..]);
            let fresh = version.is_some_and(|version| version >= least);
            if !right {
                Err(Wrong::Content)
            } else if fresh {
                Ok(())
            } else {
                Err(Wrong::Purged)
            }
        }
        _ => bail!("/o/{number}: {status}"),
    };
    match judged {
        Ok(()) => load.note(|met| {
            met.answered += 1;
            met.hits += u64::from(is_hit);
        }),
        Err(wrong) => {
            load.fault(&format!("/o/{number}: {wrong:?}, version {version:?}, least {least}"), |met| match wrong {
                Wrong::Content => met.wrong += 1,
                Wrong::Torn => met.torn += 1,
                Wrong::Purged => met.purged += 1,
            })
        }
    }
    Ok(())
}

/// Renews and purges one tag after the other, for ever. What was not confirmed may or may not have been purged.
pub(super) async fn purge(load: Arc<Load>) {
    let client = client().expect("a client");
    for turn in 0.. {
        let tag = turn % TAGS;
        let renewed = load.objects.renew(tag);
        let sent = client
            .post(format!("http://{}/purge", load.target.admin))
            .bearer_auth(&load.target.token)
            .body(format!("{{\"tag\": \"t{tag}\"}}"))
            .send()
            .await;
        if sent.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            load.objects.purged(&renewed);
            load.note(|met| met.purges += 1);
        }
        sleep(PURGE_EVERY).await;
    }
}

//! Names -> addresses, by the system's resolver, again and again.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::{net::lookup_host, sync::Semaphore, time::timeout};

use super::{Discovery, known::Answer};
use crate::clock;

/// Lookups under way at a time. Each holds a thread until the system gives up, which cannot be hurried.
const LOOKUPS_MAX: usize = 32;
/// A lookup that takes longer is late: said to be, and waited for.
const LATE: Duration = Duration::from_secs(5);

/// Resolves for ever what is wanted.
pub(crate) async fn resolve(discovery: Arc<Discovery>) {
    let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
    loop {
        let due = discovery.known().take_due(clock::nanos());
        for host in due {
            tokio::spawn(look_up(Arc::clone(&discovery), Arc::clone(&places), host));
        }
        let next = discovery.known().next_due();
        let wait = next.map_or(Duration::MAX, |next| Duration::from_nanos(next.saturating_sub(clock::nanos())));
        // Whichever comes first: the next name is due, or others are wanted.
        timeout(wait, discovery.wanted.notified()).await.ok();
    }
}

async fn look_up(discovery: Arc<Discovery>, places: Arc<Semaphore>, host: String) {
    let place = places.acquire_owned().await.expect("the semaphore is never closed");
    let lookup = addresses(&host);
    tokio::pin!(lookup);
    let answer = match timeout(LATE, &mut lookup).await {
        Ok(answer) => answer,
        Err(_elapsed) => {
            discovery.answered(&host, Err(format!("no answer within {LATE:?}")), false);
            lookup.await
        }
    };
    drop(place);
    discovery.answered(&host, answer, true);
}

/// All addresses of a name, in one order: a resolver may give them in another each time.
async fn addresses(host: &str) -> Answer {
    let found = lookup_host((host, 0)).await.map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
}

//! The cache as operators see and empty it: what `/purge` and `/cache` take and say, and `edge purge` and `edge cache` show.

use std::time::Duration;

use cache::Store;
use tokio::time::MissedTickBehavior;

use crate::clock;

mod order;
mod shown;
mod spelling;

pub(crate) use order::{Order, TEXT_MAX};
pub(crate) use shown::{DiskTier, KeyList, ReceiptOfZone, StoredObject, UrlReport, ZoneState};
pub(crate) use spelling::{keys, spellings};

/// How late a purge that could not be written to disk is written again.
const TICK: Duration = Duration::from_secs(5);

/// Does for ever what a store wants done now and then.
pub(crate) async fn tend(store: &'static Store) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(panicked) = tokio::task::spawn_blocking(|| store.tend(clock::wall())).await {
            tracing::error!(%panicked, "the cache could not be tended");
        }
    }
}

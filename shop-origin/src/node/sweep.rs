//! Work that comes with time: unpaid orders, forgotten carts, expired sessions. Every process may do it at any time.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::backing::db::Fault;
use crate::backing::kv::Kv;
use crate::clock;
use crate::shopping::api::Shopping;

const EVERY: Duration = Duration::from_secs(5);

/// Sweeps for as long as the process lives.
pub(super) async fn run(shopping: Shopping, kv: Kv) {
    let mut turn = tokio::time::interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if let Err(fault) = sweep(&shopping, &kv).await {
            tracing::warn!(error = &fault as &dyn std::error::Error, "the sweep is postponed");
        }
    }
}

async fn sweep(shopping: &Shopping, kv: &Kv) -> Result<(), Fault> {
    let now = clock::now();
    let expired = shopping.expire_unpaid(now).await?;
    if expired > 0 {
        tracing::info!(orders = expired, "unpaid orders were cancelled and their stock released");
    }
    shopping.purge_carts(now).await?;
    kv.purge(now).await?;
    Ok(())
}

//! The orderly end: readiness goes first, then the doors close, then requests in flight are waited for.

use config::model::Boot;

use super::{reload::Reloader, signals::Signals};
use crate::listen::worker::Ending;

/// Lets nobody in any more; whoever balances before the edge gets `drain_delay` to notice first.
pub(super) async fn close(boot: &Boot, reloader: &Reloader, signals: &mut Signals) {
    if !boot.drain_delay.is_zero() {
        tracing::info!(delay = ?boot.drain_delay, "stopping: not ready any more; still accepting connections");
        tokio::select! {
            () = tokio::time::sleep(boot.drain_delay) => {}
            () = signals.stop() => {}
        }
    }
    tracing::info!("stopping: no new connections; waiting for requests in flight");
    reloader.doors().close();
}

/// Waits until every connection has ended, or it takes too long, or a signal says that it is enough.
pub(super) async fn drain(boot: &Boot, ending: &Ending, signals: &mut Signals) {
    tokio::select! {
        () = wait(boot, ending) => {}
        () = signals.stop() => cut(ending, "told to stop again").await,
    }
}

/// Waits until every connection has ended, or it takes too long.
pub(super) async fn wait(boot: &Boot, ending: &Ending) {
    ending.connections.close();
    match tokio::time::timeout(boot.drain_timeout, ending.connections.wait()).await {
        Ok(()) => tracing::info!("stopped; every request in flight was answered"),
        Err(_elapsed) => cut(ending, "the drain timeout passed").await,
    }
}

async fn cut(ending: &Ending, why: &str) {
    tracing::warn!(cut = ending.connections.len(), "{why}; connections were cut");
    ending.cut.cancel();
    ending.connections.wait().await;
}

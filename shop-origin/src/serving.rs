//! Listening, announcing the address, and stopping in order when the process is asked to.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Requests that are under way when the process is asked to stop may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, anyhow::Error> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))
}

/// Serves until SIGTERM or SIGINT; then takes no new connections and lets requests end.
pub(crate) async fn serve(listener: TcpListener, routes: Router) -> Result<(), anyhow::Error> {
    let address = listener.local_addr()?;
    let (stopping, has_stopped) = oneshot::channel();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked_to_stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stopping.send(()).ok(); // nobody listens when serving has failed already
    };
    // Small answers leave at once instead of waiting for the acknowledgement of the last.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let serving = axum::serve(listener, routes).with_graceful_shutdown(asked_to_stop);
    writeln!(std::io::stdout(), "listening on http://{address}")?;
    std::io::stdout().flush()?;
    let drained = async {
        has_stopped.await.ok(); // or it never comes, and serving ends by itself
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        served = serving.into_future() => served.context("cannot serve any more"),
        () = drained => {
            tracing::warn!("requests were still under way after {} s", DRAIN_MAX.as_secs());
            Ok(())
        }
    }
}

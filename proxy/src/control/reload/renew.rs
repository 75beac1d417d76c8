//! Certificates, authorities and ticket keys that change on disk go live by themselves.
//!
//! The files are looked at rather than watched: that sees every way of replacing one, on every file system, in a place
//! that may not be there yet, and costs two system calls a second for a certificate.

use std::{sync::Arc, time::Duration};

use crate::control::{
    certs::prints::Prints,
    compile::{self, CompileError, Renewed},
    outside,
    reload::{Reloader, Turn},
};

/// From one look to the next; what is seen twice alike is taken for finished.
const LOOK: Duration = Duration::from_secs(2);

/// Renews for ever.
pub(crate) async fn follow(reloader: Arc<Reloader>) {
    let mut last = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let mut turn = Arc::clone(&reloader.turn).lock_owned().await;
        let working = Arc::clone(&reloader);
        let before = last.take();
        let work = tokio::task::spawn_blocking(move || {
            let seen = Prints::of(&turn.config.live.listeners);
            if seen != turn.files && before.as_ref() == Some(&seen) {
                working.renew(&mut turn, seen.clone());
            }
            seen
        });
        match work.await {
            Ok(seen) => last = Some(seen),
            Err(error) => tracing::error!(%error, "cannot renew certificates"),
        }
    }
}

impl Reloader {
    /// Reads all files anew. One that cannot be used changes nothing for those who are served by what it held before.
    fn renew(&self, turn: &mut Turn, seen: Prints) {
        turn.files = seen;
        let previous = self.edge.published.load();
        let mut broken = Vec::new();
        let Renewed { listeners, expiries } = match compile::renew(&previous, &mut broken) {
            Ok(renewed) => renewed,
            Err(error) => return say(&error),
        };
        self.edge.published.publish(previous.with_listeners(listeners));
        self.edge.metrics.config.expiries(&expiries);
        self.edge.metrics.tls.broken_files.set(i64::try_from(broken.len()).unwrap_or(i64::MAX));
        broken.iter().for_each(say);
        if broken.is_empty() {
            tracing::info!("certificates, authorities and ticket keys were read anew");
        }
    }
}

fn say(error: &CompileError) {
    let problem = outside::of_compile(error);
    tracing::error!(key = problem.path, "{}; what was live before is kept", problem.message);
}

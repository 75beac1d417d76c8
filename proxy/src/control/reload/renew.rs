//! Certificates, authorities and ticket keys that change on disk go live by themselves.
//!
//! The files are looked at rather than watched: that sees every way of replacing one, on every file system, in a place
//! that may not be there yet, and costs two system calls a second for a certificate.

use std::{sync::Arc, time::Duration};

use crate::control::{
    certs::prints::Prints,
    compile::{self, Renewed},
    outside,
    reload::{Reloader, Turn},
};

/// From one look to the next; what is seen twice alike is taken for finished.
const LOOK: Duration = Duration::from_secs(2);

/// At most so many looks lie between two tries to use files that could not be used: five minutes.
const LOOKS_MAX: u32 = 150;

/// Renews for ever.
pub(crate) async fn follow(reloader: Arc<Reloader>) {
    let mut last = None;
    let mut broken = Broken::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let mut turn = Arc::clone(&reloader.turn).lock_owned().await;
        let working = Arc::clone(&reloader);
        let (before, mut failed) = (last.take(), std::mem::take(&mut broken));
        let work = tokio::task::spawn_blocking(move || {
            let seen = Prints::of(&turn.config.live.listeners);
            if seen != turn.files && before.as_ref() == Some(&seen) && failed.is_due(&seen) {
                let faults = working.renew(&mut turn, &seen);
                failed.note(&seen, faults);
            }
            (seen, failed)
        });
        match work.await {
            Ok((seen, failed)) => (last, broken) = (Some(seen), failed),
            Err(error) => tracing::error!(%error, "cannot renew certificates"),
        }
    }
}

/// Files that could not be used. That need not be their fault, the process may have had no descriptor left: they are
/// tried again, ever more rarely.
#[derive(Debug, Default)]
struct Broken {
    /// What they looked like.
    seen: Prints,
    /// What was said of them.
    faults: Vec<Fault>,
    /// Looks between the last two tries.
    wait: u32,
    /// Looks until the next.
    left: u32,
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    /// Where the configuration names it.
    key: String,
    message: String,
}

impl Broken {
    /// Whether files that look like this are to be tried now, at one more look at them.
    fn is_due(&mut self, seen: &Prints) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0 || self.seen != *seen
    }

    /// Notes how a try has ended, and says what has not been said before.
    fn note(&mut self, seen: &Prints, faults: Vec<Fault>) {
        if faults.is_empty() {
            *self = Self::default();
            return;
        }
        let is_again = self.seen == *seen && !self.faults.is_empty();
        faults.iter().filter(|fault| !(is_again && self.faults.contains(fault))).for_each(|fault| {
            tracing::error!(key = fault.key, "{}; what was live before is kept", fault.message);
        });
        let wait = if is_again { (2 * self.wait).min(LOOKS_MAX) } else { 1 };
        *self = Self { seen: seen.clone(), faults, wait, left: wait };
    }
}

impl Reloader {
    /// Reads all files anew, and tells what is wrong with them. One that cannot be used changes nothing for those who are
    /// served by what it held before.
    fn renew(&self, turn: &mut Turn, seen: &Prints) -> Vec<Fault> {
        let previous = self.edge.published.load();
        let mut broken = Vec::new();
        match compile::renew(&previous, &mut broken) {
            Ok(Renewed { listeners, expiries }) => {
                self.edge.published.publish(previous.with_listeners(listeners));
                self.edge.metrics.config.expiries(&expiries);
            }
            Err(error) => broken.push(error),
        }
        self.edge.metrics.tls.broken_files.set(i64::try_from(broken.len()).unwrap_or(i64::MAX));
        if broken.is_empty() {
            turn.files = seen.clone();
            tracing::info!("certificates, authorities and ticket keys were read anew");
        } else {
            // Nothing looks like this: until all can be used, none counts as read.
            turn.files = Prints::default();
        }
        let problems = broken.iter().map(outside::of_compile);
        problems.map(|problem| Fault { key: problem.path, message: problem.message }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault() -> Vec<Fault> {
        vec![Fault { key: "listeners.secure.tls".to_owned(), message: "no descriptor left".to_owned() }]
    }

    fn looks_until_due(broken: &mut Broken, seen: &Prints) -> u32 {
        (1..).find(|_| broken.is_due(seen)).expect("it is due some time")
    }

    #[test]
    fn what_is_broken_is_tried_again_ever_more_rarely() {
        let (mut broken, seen) = (Broken::default(), Prints::default());
        let mut waits = Vec::new();
        for _ in 0..10 {
            broken.note(&seen, fault());
            waits.push(looks_until_due(&mut broken, &seen));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 150, 150]);
        broken.note(&seen, Vec::new());
        assert!(broken.is_due(&seen));
        broken.note(&seen, fault());
        assert_eq!(looks_until_due(&mut broken, &seen), 1, "a new beginning");
    }

    #[test]
    fn what_has_changed_is_tried_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut broken, seen) = (Broken::default(), Prints::default());
        for _ in 0..10 {
            broken.note(&seen, fault());
        }
        assert!(!broken.is_due(&seen));
        assert!(broken.is_due(&Prints::of_file(file.path())));
    }
}

//! Says in the log, once a day, which certificates are about to end.

use std::{sync::Arc, time::Duration};

use crate::{clock, edge::Edge, snapshot::Snapshot};

const DAY_S: i64 = 86_400;
/// Once a day for each certificate: seen by whoever reads the log, and no more than that.
const REPEAT: Duration = Duration::from_secs(DAY_S.unsigned_abs());

/// How much of a certificate's life is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remaining {
    Enough,
    /// Its renewal is overdue.
    Little,
    /// Somebody has to do something today.
    Nearly,
    Nothing,
}

/// What renews certificates by itself does so with a third of their life left, or a month of long ones: with less than
/// that, or two weeks, it has failed. The alerts in `deploy/prometheus` begin with the same days.
fn remaining(begins_s: i64, expires_s: i64, now_s: i64) -> Remaining {
    let left_s = expires_s.saturating_sub(now_s);
    let overdue_s = (expires_s.saturating_sub(begins_s) / 3).min(14 * DAY_S);
    match left_s {
        ..0 => Remaining::Nothing,
        left_s if left_s < overdue_s.min(2 * DAY_S) => Remaining::Nearly,
        left_s if left_s < overdue_s => Remaining::Little,
        _ => Remaining::Enough,
    }
}

/// Warns for ever, from now on.
pub(crate) async fn warn(edge: Arc<Edge>) {
    loop {
        let now = clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        say(&edge.published.load(), i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        tokio::time::sleep(REPEAT).await;
    }
}

fn say(snapshot: &Snapshot, now_s: i64) {
    for listener in &snapshot.listeners {
        let tls = listener.model.tls.iter().zip(&listener.tls);
        for (model, served) in tls.flat_map(|(model, tls)| model.certificates.iter().zip(tls.certificates.iter())) {
            let (begins_s, expires_s) = (served.certificate.begins_s, served.certificate.expires_s);
            let days = (expires_s - now_s) / DAY_S;
            let (listener, file) = (&listener.model.name, model.chain.display());
            match remaining(begins_s, expires_s, now_s) {
                Remaining::Enough => {}
                Remaining::Little => tracing::warn!(listener, %file, days, "a certificate is about to expire"),
                Remaining::Nearly => tracing::error!(listener, %file, days, "a certificate is about to expire"),
                Remaining::Nothing => tracing::error!(listener, %file, days, "a certificate has expired"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lives_are_warned_of_later_than_long_ones() {
        let left = |life_days: i64, left_s: i64| remaining(0, life_days * DAY_S, life_days * DAY_S - left_s);
        use Remaining::{Enough, Little, Nearly, Nothing};
        for (life_days, left_s, expected) in [
            (90, 14 * DAY_S, Enough),
            (90, 14 * DAY_S - 1, Little),
            (90, 2 * DAY_S, Little),
            (90, 2 * DAY_S - 1, Nearly),
            (90, 0, Nearly),
            (90, -1, Nothing),
            (6, 2 * DAY_S, Enough),
            (6, 2 * DAY_S - 1, Nearly),
            (3, DAY_S, Enough),
            (3, DAY_S - 1, Nearly),
            (3650, 14 * DAY_S - 1, Little),
        ] {
            assert_eq!(left(life_days, left_s), expected, "{left_s} s left of {life_days} days");
        }
        assert_eq!(remaining(i64::MAX, i64::MIN, 0), Nothing, "whatever stands in a certificate");
    }
}

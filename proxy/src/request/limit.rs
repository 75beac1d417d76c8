//! Rate limits: how often one client may ask.
//!
//! The generic cell rate algorithm (ITU-T I.371): one number per key, the theoretical arrival time of the next
//! request, says everything. A key whose number has passed is the same as a key that was never seen, so the table
//! that holds them may forget the quietest first and still never lets a busy client off.

use std::{net::IpAddr, time::Duration};

use config::model::{RateKey, RateLimit};

mod gcra;
mod table;

use self::{gcra::Gcra, table::Table};
use super::identify::network;

/// Keys that all limits together tell apart at a time: 17 bytes each, so 17 MiB in all, for up to 8,192 limits.
const KEYS: usize = 1 << 20;
/// Of these, what one limit gets at the most and at the least.
const KEYS_MAX: usize = 1 << 17;
const KEYS_MIN: usize = 1 << 7;

/// One limit of one route, with what it has counted.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// What it was built from; a reload with an equal one keeps the counts.
    pub(crate) model: RateLimit,
    gcra: Gcra,
    table: Table,
}

impl RateLimiter {
    /// A limiter that has counted nothing yet; one of `limits` that share the memory.
    pub(crate) fn new(model: RateLimit, limits: usize) -> Self {
        let gcra = Gcra::new(model.at.interval(), model.burst);
        Self { model, gcra, table: Table::new((KEYS / limits.max(1)).clamp(KEYS_MIN, KEYS_MAX)) }
    }

    /// Requests of `client` that would be let through at once at `now_ns`; counts nothing.
    pub(crate) fn left(&self, client: IpAddr, now_ns: u64) -> u32 {
        // A change that refuses changes nothing.
        let left = self.table.update(self.key(client), now_ns, |arrival_ns| Err(self.gcra.left(arrival_ns, now_ns)));
        left.err().unwrap_or_default()
    }

    /// Counts a request of `client` at `now_ns`, or says how long until it may come again.
    pub(crate) fn allow(&self, client: IpAddr, now_ns: u64) -> Result<(), Duration> {
        self.table.update(self.key(client), now_ns, |arrival_ns| self.gcra.allow(arrival_ns, now_ns))
    }

    fn key(&self, client: IpAddr) -> u128 {
        match self.model.per {
            RateKey::Address => network(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use config::model::Rate;

    use super::*;

    fn limiter(per_second: u32, burst: u32) -> RateLimiter {
        let at = Rate { count: per_second, period: Duration::from_secs(1) };
        RateLimiter::new(RateLimit { per: RateKey::Address, at, burst }, 1)
    }

    #[test]
    fn addresses_are_counted_apart_and_a_slash_64_together() {
        let limit = limiter(1, 1);
        let allow = |address: &str| limit.allow(address.parse().unwrap(), 0).is_ok();
        assert!(allow("192.0.2.1"));
        assert!(!allow("192.0.2.1"));
        assert!(!allow("::ffff:192.0.2.1"), "the same client on a dual-stack socket");
        assert!(allow("192.0.2.2"));
        assert!(allow("2001:db8::1"));
        assert!(!allow("2001:db8::2"));
        assert!(allow("2001:db8:0:1::1"));
    }

    #[test]
    fn what_is_left_is_what_is_let_through() {
        let limit = limiter(10, 5);
        let client = "192.0.2.1".parse().unwrap();
        for at_ns in [0, 150_000_000, 10_000_000_000] {
            let left = limit.left(client, at_ns);
            assert_eq!(limit.left(client, at_ns), left, "asking counts nothing");
            let through = (0..20).filter(|_| limit.allow(client, at_ns).is_ok()).count();
            assert_eq!(left as usize, through, "at {at_ns}");
        }
    }

    #[test]
    fn over_ten_seconds_a_client_gets_its_rate_and_its_burst_once() {
        let limit = limiter(10, 5);
        let client = "192.0.2.1".parse().unwrap();
        let asked_every_ms = 10_000;
        let allowed = (0..asked_every_ms).filter(|ms| limit.allow(client, ms * 1_000_000).is_ok()).count();
        assert_eq!(allowed, 5 + 99);
    }

    #[test]
    fn the_wait_that_is_named_is_enough_and_not_too_long() {
        let limit = limiter(4, 2);
        let client = "192.0.2.1".parse().unwrap();
        assert!(limit.allow(client, 0).is_ok() && limit.allow(client, 0).is_ok());
        let wait = limit.allow(client, 0).unwrap_err();
        assert_eq!(wait, Duration::from_millis(250));
        let after = u64::try_from(wait.as_nanos()).unwrap();
        assert!(limit.allow(client, after - 1).is_err());
        assert!(limit.allow(client, after).is_ok());
    }
}

//! Pools to choose from, and random numbers to choose with.

use std::{net::SocketAddr, time::Duration};

use config::model::{
    self, Address, Balance, Ejection, Hash, HashKey, Percent, Pool, PoolLimit, Protocol, Retry, Timeouts,
};
use proxy::balancing::{Balancer, Member};

pub(crate) const MS: u64 = 1_000_000;

/// The four rules by their names.
pub(crate) fn rules() -> [(&'static str, Balance); 4] {
    [
        ("round_robin", Balance::RoundRobin),
        ("least_requests", Balance::LeastRequests),
        ("p2c_ewma", Balance::P2cEwma),
        ("hash", hash(125)),
    ]
}

pub(crate) fn hash(load_percent: u16) -> Balance {
    Balance::Hash(Hash { by: HashKey::Path, load_percent })
}

/// A pool with every member up; `slow_start` for those that come later.
pub(crate) fn pool(balance: Balance, slow_start: Duration, members: &[Member]) -> Balancer {
    Balancer::new(&model(balance, slow_start), None, None, members, None, 0)
}

pub(crate) fn plain(balance: Balance, weights: &[u16]) -> Balancer {
    pool(balance, Duration::ZERO, &members(weights))
}

pub(crate) fn members(weights: &[u16]) -> Vec<Member> {
    (0..).zip(weights).map(|(index, &weight)| member(index, weight)).collect()
}

fn member(index: usize, weight: u16) -> Member {
    let address = address(index);
    let from = model::Endpoint {
        address: Address::Socket(address),
        weight,
        zone: None,
        backup: false,
        drain: false,
        max_in_flight: None,
    };
    Member { address, from }
}

pub(crate) fn address(index: usize) -> SocketAddr {
    let [high, low] = u16::try_from(index).expect("a pool is not that large").to_be_bytes();
    ([10, 0, high, low], 80).into()
}

/// The position of an endpoint, from its address.
pub(crate) fn index_of(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(address) => {
            let [_, _, high, low] = address.ip().octets();
            u16::from_be_bytes([high, low]).into()
        }
        SocketAddr::V6(_) => unreachable!("members have IPv4 addresses"),
    }
}

fn model(balance: Balance, slow_start: Duration) -> Pool {
    let long = Duration::from_secs(60);
    let percent = |percent: u16| Percent::from_basis_points(percent * 100).expect("up to 100 percent");
    Pool {
        name: "bench".to_owned(),
        endpoints: Vec::new(),
        endpoints_file: None,
        resolve_every: long,
        balance,
        sticky: None,
        slow_start,
        panic_below: percent(50),
        eject: Some(Ejection {
            consecutive_errors: 5,
            success_rate: None,
            base: Duration::from_secs(10),
            longest: Duration::from_secs(300),
            at_most: percent(50),
        }),
        tls: None,
        protocol: Protocol::Http1,
        health: Some(model::HealthCheck {
            probe: model::Probe::Tcp,
            interval: long,
            jitter: percent(0),
            timeout: long,
            down_after: 1,
            up_after: 1,
        }),
        retry: Retry {
            tries: 2,
            on_connect: true,
            on_broken: true,
            on_timeout: true,
            on_status: Vec::new(),
            budget: percent(10),
        },
        timeouts: Timeouts {
            connect: long,
            first_byte: long,
            header: long,
            read: long,
            write: long,
            idle: long,
            stream: long,
        },
        limit: PoolLimit { in_flight: 1_000, headroom: percent(0) },
    }
}

/// Random numbers that are the same each time (Marsaglia's xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 up to 1, without it.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponentially distributed with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }
}

use std::{collections::HashMap, time::Duration};

use config::model::{
    Address, Balance, Hash, HashKey, HealthCheck, Pool, PoolLimit, Probe, Protocol, Retry, SuccessRate, Timeouts,
};

use super::*;

mod choices;
mod transitions;
mod properties;

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
const KEY: &[u8] = b"0123456789abcdef";

fn percent(percent: u16) -> Percent {
    Percent::from_basis_points(percent * 100).unwrap()
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn hash(load_percent: u16) -> Balance {
    Balance::Hash(Hash { by: HashKey::Path, load_percent })
}

/// A pool with checks that panics below half, with ejection and without slow start.
fn model(balance: Balance) -> Pool {
    let long = Duration::from_secs(60);
    Pool {
        name: "shop".to_owned(),
        endpoints: Vec::new(),
        endpoints_file: None,
        resolve_every: long,
        balance,
        sticky: None,
        slow_start: Duration::ZERO,
        panic_below: percent(50),
        eject: Some(Ejection {
            consecutive_errors: 3,
            success_rate: None,
            base: Duration::from_secs(10),
            longest: Duration::from_secs(100),
            at_most: percent(50),
        }),
        tls: None,
        protocol: Protocol::Http1,
        health: Some(HealthCheck {
            probe: Probe::Tcp,
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
        limit: PoolLimit { in_flight: 100, headroom: percent(0) },
    }
}

/// A member at the port of its number, from 1 on.
fn member(number: u16, weight: u16) -> Member {
    let address = address(number);
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

fn members(weights: &[u16]) -> Vec<Member> {
    (1..).zip(weights).map(|(number, &weight)| member(number, weight)).collect()
}

/// Of whose endpoints something else is configured.
fn with(mut members: Vec<Member>, number: usize, change: impl Fn(&mut model::Endpoint)) -> Vec<Member> {
    change(&mut members[number - 1].from);
    members
}

fn balancer(model: &Pool, members: &[Member]) -> Balancer {
    Balancer::new(model, None, Some(KEY), members, None, 0)
}

fn pool(balance: Balance, weights: &[u16]) -> Balancer {
    balancer(&model(balance), &members(weights))
}

fn wish(random: u64) -> Wish<'static> {
    Wish { random: dice::mix(random + 1), ..Wish::default() }
}

/// The number of the endpoint that is chosen.
fn number(chosen: Result<Try, NoneLeft>) -> u16 {
    chosen.map_or(0, |chosen| chosen.endpoint.address.port())
}

/// How often each is chosen, of so many choices one after the other.
fn counts(pool: &Balancer, choices: u64, now: u64) -> HashMap<u16, u64> {
    let mut counts = HashMap::new();
    for random in 0..choices {
        *counts.entry(number(pool.choose(&Wish { now, ..wish(random) }))).or_default() += 1;
    }
    counts
}

fn assert_about(counts: &HashMap<u16, u64>, expected: &[u64]) {
    for (number, &expected) in (1..).zip(expected) {
        let count = counts.get(&number).copied().unwrap_or_default();
        let distance = count.abs_diff(expected) as f64;
        // Five standard deviations.
        assert!(distance <= 5.0 * (expected as f64).sqrt(), "{number}: {count}, not {expected}: {counts:?}");
    }
}

fn standings(pool: &Balancer) -> Vec<&'static str> {
    pool.report(0).endpoints.iter().map(|row| row.standing.word()).collect()
}

/// A try at this endpoint, which must be one that a new client may get.
fn try_at(pool: &Balancer, wanted: u16, now: u64) -> Try {
    let mut tries = (0..10_000).filter_map(|random| pool.choose(&Wish { now, ..wish(random) }).ok());
    tries.find(|chosen| chosen.endpoint.address.port() == wanted).unwrap()
}

fn fail(pool: &Balancer, number: u16, times: usize, now: u64) {
    for _ in 0..times {
        let over = try_at(pool, number, now);
        pool.answered(&over, Outcome::Broken, now);
    }
}

fn by_hand(state: Hand, until: Option<u64>) -> Option<ByHand> {
    Some(ByHand { state, until, by: "ana".to_owned(), why: None, since: std::time::UNIX_EPOCH })
}

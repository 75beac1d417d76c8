//! Pools written back as YAML values.

use std::{net::Ipv6Addr, time::Duration};

use super::{Yaml, list, map, number, path, secret, text, time};
use crate::model::{
    Balance, ClientCertificate, Ejection, Endpoint, Hash, HealthCheck, Pool, PoolLimit, Probe, Protocol, Retry, Sticky,
    SuccessRate, Timeouts, UpstreamTls,
};

pub(super) fn pool(pool: &Pool) -> Yaml {
    let Pool {
        name: _,
        endpoints,
        endpoints_file,
        resolve_every,
        balance,
        sticky,
        slow_start,
        panic_below,
        eject,
        tls,
        protocol,
        health,
        retry,
        timeouts,
        limit,
    } = pool;
    let PoolLimit { in_flight, headroom } = limit;
    let looks_up = pool.looks_up_names().then(|| time(*resolve_every));
    map([
        ("endpoints", Some(list(endpoints, endpoint))),
        ("endpoints_file", endpoints_file.as_ref().map(|file| path(file))),
        ("resolve_every", looks_up),
        ("balance", Some(self::balance(balance))),
        ("sticky", sticky.as_ref().map(self::sticky)),
        ("slow_start", Some(time(*slow_start))),
        ("panic_below", Some(text(panic_below))),
        ("eject", Some(eject.as_ref().map_or_else(|| text("off"), ejection))),
        ("tls", tls.as_ref().map(upstream_tls)),
        ("protocol", Some(text(protocol))),
        ("health", health.as_ref().map(check)),
        ("retry", Some(self::retry(retry))),
        ("timeouts", Some(self::timeouts(timeouts, *protocol))),
        ("limit", Some(map([("in_flight", Some(number(in_flight))), ("headroom", Some(text(headroom)))]))),
    ])
}

fn endpoint(Endpoint { address, weight, zone, backup, drain, max_in_flight }: &Endpoint) -> Yaml {
    map([
        ("address", Some(text(address))),
        ("weight", Some(number(weight))),
        ("zone", zone.as_ref().map(text)),
        ("backup", Some(number(backup))),
        ("drain", Some(number(drain))),
        ("max_in_flight", max_in_flight.as_ref().map(number)),
    ])
}

fn balance(balance: &Balance) -> Yaml {
    match balance {
        Balance::RoundRobin | Balance::LeastRequests | Balance::P2cEwma => text(balance),
        Balance::Hash(Hash { by, load_percent }) => {
            let hash = map([("by", Some(text(by))), ("load", Some(text(format_args!("{load_percent}%"))))]);
            map([("hash", Some(hash))])
        }
    }
}

fn sticky(Sticky { cookie, key, max_age }: &Sticky) -> Yaml {
    map([("cookie", Some(text(cookie))), ("key", Some(secret(key))), ("max_age", max_age.map(time))])
}

fn ejection(Ejection { consecutive_errors, success_rate, base, longest, at_most }: &Ejection) -> Yaml {
    map([
        ("consecutive_errors", Some(number(consecutive_errors))),
        ("success_rate", Some(success_rate.as_ref().map_or_else(|| text("off"), comparison))),
        ("for", Some(time(*base))),
        ("longest", Some(time(*longest))),
        ("at_most", Some(text(at_most))),
    ])
}

fn comparison(SuccessRate { below, requests, window }: &SuccessRate) -> Yaml {
    map([("below", Some(text(below))), ("requests", Some(number(requests))), ("window", Some(time(*window)))])
}

fn upstream_tls(UpstreamTls { server_name, ca, certificate }: &UpstreamTls) -> Yaml {
    let certificate = certificate
        .as_ref()
        .map(|ClientCertificate { chain, key }| map([("chain", Some(path(chain))), ("key", Some(path(key)))]));
    let server_name = match server_name.parse::<Ipv6Addr>() {
        Ok(address) => text(format_args!("[{address}]")),
        Err(_other) => text(server_name),
    };
    map([("server_name", Some(server_name)), ("ca", ca.as_ref().map(|ca| path(ca))), ("certificate", certificate)])
}

fn check(HealthCheck { probe, interval, jitter, timeout, down_after, up_after }: &HealthCheck) -> Yaml {
    let (http, tcp, host) = match probe {
        Probe::Http { path, host } => (Some(text(path)), None, host.as_ref().map(text)),
        Probe::Tcp => (None, Some(number(true)), None),
    };
    map([
        ("http", http),
        ("tcp", tcp),
        ("host", host),
        ("interval", Some(time(*interval))),
        ("jitter", Some(text(jitter))),
        ("timeout", Some(time(*timeout))),
        ("down_after", Some(number(down_after))),
        ("up_after", Some(number(up_after))),
    ])
}

fn retry(Retry { tries, on_connect, on_broken, on_timeout, on_status, budget }: &Retry) -> Yaml {
    let words = [("connect", on_connect), ("broken", on_broken), ("timeout", on_timeout)];
    let words = words.into_iter().filter(|(_, on)| **on).map(|(word, _)| text(word));
    let on = words.chain(on_status.iter().map(number)).collect();
    map([("tries", Some(number(tries))), ("on", Some(Yaml::List(on))), ("budget", Some(text(budget)))])
}

fn timeouts(limits: &Timeouts, protocol: Protocol) -> Yaml {
    let Timeouts { connect, first_byte, header, read, write, idle, stream } = limits;
    let of_http1 = |limit: &Duration| (protocol == Protocol::Http1).then(|| time(*limit));
    map([
        ("connect", Some(time(*connect))),
        ("first_byte", of_http1(first_byte)),
        ("header", Some(time(*header))),
        ("read", of_http1(read)),
        ("write", Some(time(*write))),
        ("idle", Some(time(*idle))),
        ("stream", Some(time(*stream))),
    ])
}

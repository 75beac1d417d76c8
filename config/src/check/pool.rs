//! Checks pools: time limits, TLS, and what the limit leaves for each class.

use std::time::Duration;

use super::{
    DAY, HOUR, MILLISECOND, balance,
    bound::{percent, within},
    endpoints, failure,
    names::Names,
};
use crate::{
    model::{Address, ClientCertificate, Endpoint, HostPattern, Pool, PoolLimit, Protocol, Timeouts, UpstreamTls},
    problem::{At, Code, Report},
    schema::{
        self,
        quantity::AsWritten,
        read::{Named, Tried, Written},
    },
    source::Sources,
};

const IN_FLIGHT: u32 = 512;
const TEN_SECONDS: Duration = Duration::from_secs(10);

pub(super) fn check(
    written: Named<Tried<schema::Pool>>,
    classes: &Names,
    sources: &Sources,
    report: &mut Report,
) -> Option<Vec<Pool>> {
    let checked: Vec<_> = written
        .entries
        .into_iter()
        .map(|(name, pool)| Some(check_one(name, pool.0?, classes, sources, report)))
        .collect();
    // Collected first, so that each has been checked.
    checked.into_iter().collect()
}

fn check_one(
    name: Written<String>,
    written: schema::Pool,
    classes: &Names,
    sources: &Sources,
    report: &mut Report,
) -> Pool {
    let endpoints = endpoints::of_pool(&written, &name, report);
    let balance = balance::balance(written.balance, report);
    refuse_idle_resolution(written.resolve_every.as_ref(), &endpoints, written.endpoints_file.is_some(), report);
    let take = if written.endpoints_file.is_none() { together(&endpoints) } else { None };
    let protocol = written.protocol.unwrap_or(Protocol::Http1);
    let timeouts = written.timeouts.unwrap_or_default();
    if protocol == Protocol::H2 {
        refuse_limits_of_http1(&timeouts, report);
    }
    Pool {
        endpoints,
        endpoints_file: written.endpoints_file.map(|file| sources.resolve(&file.value.0, &file.at)),
        resolve_every: within(written.resolve_every.as_ref(), TEN_SECONDS, Duration::from_millis(100)..=HOUR, report),
        sticky: written.sticky.map(|sticky| balance::sticky(sticky.value, sources, report)),
        slow_start: within(written.slow_start.as_ref(), TEN_SECONDS, Duration::ZERO..=HOUR, report),
        panic_below: written.panic_below.unwrap_or(percent(50)),
        eject: failure::ejection(written.eject, &balance, report),
        tls: written.tls.map(|tls| check_tls(tls, sources, report)),
        protocol,
        health: written.health.map(|health| failure::health(health, report)),
        retry: failure::retry(written.retry, report),
        timeouts: self::timeouts(&timeouts, report),
        limit: limit(&written.limit.unwrap_or_default(), take, &name, classes, report),
        balance,
        name: name.value,
    }
}

/// Reports how often names are looked up where there is none.
fn refuse_idle_resolution(
    written: Option<&Written<Duration>>,
    endpoints: &[Endpoint],
    has_file: bool,
    report: &mut Report,
) {
    let named = endpoints.iter().any(|endpoint| matches!(endpoint.address, Address::Name { .. }));
    if let (Some(Written { at, .. }), false, false) = (written, named, has_file) {
        report.refuse_with_hint(Code::WithoutEffect, at, "no endpoint has a name to look up", "remove `resolve_every`");
    }
}

/// Requests in flight that the endpoints take together; `None` where that has no limit or is not known. Backups do not
/// add to the others: they take their place.
fn together(endpoints: &[Endpoint]) -> Option<u32> {
    let each = endpoints.iter().filter(|endpoint| !endpoint.backup).map(|endpoint| match endpoint.address {
        Address::Socket(_) => endpoint.max_in_flight,
        Address::Name { .. } => None,
    });
    let all: Option<Vec<u32>> = each.collect();
    all.filter(|all| !all.is_empty()).map(|all| all.into_iter().fold(0, u32::saturating_add))
}

fn check_tls(written: schema::PoolTls, sources: &Sources, report: &mut Report) -> UpstreamTls {
    let schema::PoolTls { server_name, ca, certificate } = written;
    let name = match server_name.value {
        // Brackets belong to an address in a URL.
        HostPattern::Exact(name) => name.trim_matches(['[', ']']).to_owned(),
        HostPattern::Wildcard(domain) => {
            let message = format!("`*.{domain}` is not one name");
            let hint = "write one name that the certificates of all its servers hold";
            report.refuse_with_hint(Code::WrongHost, &server_name.at, message, hint);
            domain
        }
    };
    UpstreamTls {
        server_name: name,
        ca: ca.map(|ca| sources.resolve(&ca.value.0, &ca.at)),
        certificate: certificate.map(|schema::ClientCertificate { chain, key }| ClientCertificate {
            chain: sources.resolve(&chain.value.0, &chain.at),
            key: sources.resolve(&key.value.0, &key.at),
        }),
    }
}

/// Reports limits that Pingora cannot keep apart from `header` on HTTP/2.
fn refuse_limits_of_http1(written: &schema::Timeouts, report: &mut Report) {
    for (key, limit) in [("first_byte", &written.first_byte), ("read", &written.read)] {
        if let Some(Written { at, .. }) = limit {
            let message = format!("`{key}` has no effect with `protocol: h2`");
            let hint = "set `header`: it bounds the wait for an answer, and each read of it";
            report.refuse_with_hint(Code::WithoutEffect, at, message, hint);
        }
    }
}

fn timeouts(written: &schema::Timeouts, report: &mut Report) -> Timeouts {
    refuse_unreachable_limit(written, report);
    let mut limit = |written: &Option<_>, default, most| within(written.as_ref(), default, MILLISECOND..=most, report);
    let value = |written: &Option<Written<Duration>>| written.as_ref().map(|written| written.value);
    // Each contains the one before; one that is not written makes room for those that are.
    let [first, whole, each] = [&written.first_byte, &written.header, &written.read].map(value);
    let read = each.unwrap_or_else(|| TEN_SECONDS.max(first.max(whole).unwrap_or_default()));
    let header = whole.unwrap_or_else(|| TEN_SECONDS.min(read).max(first.unwrap_or_default()));
    let first_byte = TEN_SECONDS.min(header);
    Timeouts {
        connect: limit(&written.connect, Duration::from_millis(500), HOUR),
        first_byte: limit(&written.first_byte, first_byte, HOUR),
        header: limit(&written.header, header, HOUR),
        read: limit(&written.read, read, HOUR),
        write: limit(&written.write, TEN_SECONDS, HOUR),
        idle: limit(&written.idle, Duration::from_secs(60), DAY),
        stream: limit(&written.stream, Duration::from_secs(300), DAY),
    }
}

/// Reports a limit that another one comes before.
fn refuse_unreachable_limit(written: &schema::Timeouts, report: &mut Report) {
    let schema::Timeouts { first_byte, header, read, .. } = written;
    for (key, limit, before) in [("header", first_byte, header), ("read", header, read), ("read", first_byte, read)] {
        if let (Some(Written { value: limit, at }), Some(before)) = (limit, before)
            && *limit > before.value
        {
            let (limit, before) = (AsWritten(*limit), AsWritten(before.value));
            let message = format!("{limit} would never be reached: `{key}` is {before}");
            report.refuse_with_hint(Code::WithoutEffect, at, message, format!("lower it, or raise `{key}`"));
            return;
        }
    }
}

/// `take`: what the endpoints take together, where that is known.
fn limit(
    written: &schema::Limit,
    take: Option<u32>,
    pool: &Written<String>,
    classes: &Names,
    report: &mut Report,
) -> PoolLimit {
    let default = take.unwrap_or(IN_FLIGHT).clamp(1, IN_FLIGHT);
    let in_flight = within(written.in_flight.as_ref(), default, 1..=1_000_000, report);
    if let (Some(Written { at, .. }), Some(take)) = (&written.in_flight, take.filter(|take| in_flight > *take)) {
        let message = format!("the endpoints take {take} together, so {in_flight} would never be reached");
        let hint = "lower it, or raise `max_in_flight`: else it is not the class that decides who is turned away";
        report.refuse_with_hint(Code::WithoutEffect, at, message, hint);
    }
    let headroom = written.headroom.as_ref().map_or(percent(10), |headroom| headroom.value);
    let limit = PoolLimit { in_flight, headroom };
    if let Some(steps) = classes.count().and_then(|classes| classes.checked_sub(1)) {
        let at = [written.headroom.as_ref().map(|h| &h.at), written.in_flight.as_ref().map(|n| &n.at)];
        refuse_starved_class(limit, steps, at.into_iter().flatten().next().unwrap_or(&pool.at), report);
    }
    limit
}

/// Reports a limit that leaves the lowest class, `steps` below the highest, not even one request.
fn refuse_starved_class(limit: PoolLimit, steps: usize, at: &At, report: &mut Report) {
    let reserved = u64::from(limit.headroom.basis_points()).saturating_mul(u64::try_from(steps).unwrap_or(u64::MAX));
    let left = 10_000_u64.saturating_sub(reserved);
    if limit.in_flight > 0 && u64::from(limit.in_flight) * left < 10_000 {
        let PoolLimit { in_flight, headroom } = limit;
        let message = format!(
            "with {} classes, a headroom of {headroom} leaves the lowest nothing of {in_flight} in flight",
            steps + 1
        );
        report.refuse_with_hint(Code::StarvedClass, at, message, "lower `headroom`, or raise `in_flight`");
    }
}

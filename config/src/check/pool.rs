//! Checks pools: endpoints, health checks, time limits, and what the limit leaves for each class.

use std::time::Duration;

use super::{
    HOUR,
    bound::{count, within},
    names::Names,
    unique::refuse_repeated,
};
use crate::{
    model::{
        Balance, ClientCertificate, Endpoint, HealthCheck, HostPattern, Percent, Pool, PoolLimit, Protocol, Timeouts,
        UpstreamTls,
    },
    problem::{At, Code, Report},
    schema::{
        self, AnyEndpoint,
        read::{Named, Tried, Written},
    },
    source::Sources,
};

const ENDPOINTS_MAX: usize = 4096;
const TRIES: u32 = 2;
const IN_FLIGHT: u32 = 512;
const HEADROOM_BASIS_POINTS: u16 = 1000;
const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

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
    Pool {
        endpoints: endpoints(written.endpoints, report),
        balance: written.balance.unwrap_or(Balance::LeastRequests),
        tls: written.tls.map(|tls| check_tls(tls, sources, report)),
        protocol: written.protocol.unwrap_or(Protocol::Http1),
        health: written.health.map(|health| check_health(health, report)),
        tries: within(written.tries.as_ref(), TRIES, 1..=5, report),
        timeouts: timeouts(&written.timeouts.unwrap_or_default(), report),
        limit: limit(&written.limit.unwrap_or_default(), &name, classes, report),
        name: name.value,
    }
}

fn endpoints(written: Written<Vec<AnyEndpoint>>, report: &mut Report) -> Vec<Endpoint> {
    let Written { value: endpoints, at } = written;
    count(endpoints.len(), "endpoint", 1..=ENDPOINTS_MAX, &at, report);
    let addresses = endpoints.iter().map(|AnyEndpoint(endpoint)| &endpoint.address);
    refuse_repeated(Code::RepeatedValue, "endpoint", addresses.map(|address| (address.value, &address.at)), report);
    endpoints
        .into_iter()
        .map(|AnyEndpoint(schema::Endpoint { address, weight })| {
            if address.value.port() == 0 || address.value.ip().is_unspecified() {
                let message = format!("nothing can be reached at `{}`", address.value);
                report.refuse_with_hint(
                    Code::Unreachable,
                    &address.at,
                    message,
                    "write the address and port of one server",
                );
            }
            Endpoint { address: address.value, weight: within(weight.as_ref(), 1, 1..=1000, report) }
        })
        .collect()
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

fn check_health(written: schema::Health, report: &mut Report) -> HealthCheck {
    let Written { value: path, at } = written.http;
    if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        let hint = "a path as it is sent, starting with `/` and without spaces, such as `/healthz`";
        report.refuse_with_hint(Code::WrongPath, &at, format!("`{path}` cannot be asked for"), hint);
    }
    let least = Duration::from_millis(10);
    let interval = within(written.interval.as_ref(), Duration::from_secs(2), least..=HOUR, report);
    let default = Duration::from_millis(500).min(interval);
    let timeout = within(written.timeout.as_ref(), default, MILLISECOND..=interval.max(MILLISECOND), report);
    HealthCheck {
        path,
        interval,
        timeout,
        down_after: within(written.down_after.as_ref(), 3, 1..=100, report),
        up_after: within(written.up_after.as_ref(), 2, 1..=100, report),
    }
}

fn timeouts(written: &schema::Timeouts, report: &mut Report) -> Timeouts {
    let mut limit = |written: &Option<_>, default_ms, most| {
        within(written.as_ref(), Duration::from_millis(default_ms), MILLISECOND..=most, report)
    };
    Timeouts {
        connect: limit(&written.connect, 500, HOUR),
        read: limit(&written.read, 10_000, HOUR),
        write: limit(&written.write, 10_000, HOUR),
        idle: limit(&written.idle, 60_000, DAY),
        stream: limit(&written.stream, 300_000, DAY),
    }
}

fn limit(written: &schema::Limit, pool: &Written<String>, classes: &Names, report: &mut Report) -> PoolLimit {
    let in_flight = within(written.in_flight.as_ref(), IN_FLIGHT, 1..=1_000_000, report);
    let default = Percent::from_basis_points(HEADROOM_BASIS_POINTS).expect("10 % is a share");
    let headroom = written.headroom.as_ref().map_or(default, |headroom| headroom.value);
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

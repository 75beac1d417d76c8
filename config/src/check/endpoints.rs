//! Checks the endpoints of a pool, in the configuration or in a file of their own.

use std::ops::RangeInclusive;

use super::{
    bound::{count, within},
    names::check_name,
    unique::refuse_repeated,
};
use crate::{
    model::{Address, Endpoint},
    problem::{At, Code, Report},
    schema::{self, AnyEndpoint, read::Written},
};

const ENDPOINTS_MAX: usize = 4096;

/// The endpoints that the configuration itself has.
pub(super) fn of_pool(written: &schema::Pool, pool: &Written<String>, report: &mut Report) -> Vec<Endpoint> {
    let Some(Written { value, at }) = &written.endpoints else {
        if written.endpoints_file.is_none() {
            let message = format!("the pool `{}` has no `endpoints`", pool.value);
            report.refuse_with_hint(Code::MissingKey, &pool.at, message, "list them, or name an `endpoints_file`");
        }
        return Vec::new();
    };
    let least = usize::from(written.endpoints_file.is_none());
    let endpoints = check(value, at, least..=ENDPOINTS_MAX, report);
    if written.endpoints_file.is_none() {
        refuse_nobody(&endpoints, at, report);
    }
    endpoints
}

/// Those of a file. At least one: a program that finds none is more often wrong than right.
pub(crate) fn of_file(written: &Written<Vec<AnyEndpoint>>, report: &mut Report) -> Vec<Endpoint> {
    check(&written.value, &written.at, 1..=ENDPOINTS_MAX, report)
}

fn check(written: &[AnyEndpoint], at: &At, allowed: RangeInclusive<usize>, report: &mut Report) -> Vec<Endpoint> {
    count(written.len(), "endpoint", allowed, at, report);
    let addresses = written.iter().map(|AnyEndpoint(endpoint)| &endpoint.address);
    refuse_repeated(Code::RepeatedValue, "endpoint", addresses.map(|address| (&address.value, &address.at)), report);
    written.iter().map(|AnyEndpoint(endpoint)| check_one(endpoint, report)).collect()
}

fn check_one(written: &schema::Endpoint, report: &mut Report) -> Endpoint {
    let schema::Endpoint { address, weight, zone, backup, drain, max_in_flight } = written;
    if !is_reachable(&address.value) {
        let message = format!("nothing can be reached at `{}`", address.value);
        let hint = "write the address and port of one server";
        report.refuse_with_hint(Code::Unreachable, &address.at, message, hint);
    }
    if let Some(Written { value, at }) = zone {
        check_name("zone", value, at, report);
    }
    Endpoint {
        address: address.value.clone(),
        weight: within(weight.as_ref(), 1, 1..=1000, report),
        zone: zone.as_ref().map(|zone| zone.value.clone()),
        backup: backup.unwrap_or(false),
        drain: drain.unwrap_or(false),
        max_in_flight: max_in_flight.as_ref().map(|most| within(Some(most), 1, 1..=1_000_000, report)),
    }
}

fn is_reachable(address: &Address) -> bool {
    match address {
        Address::Socket(address) => address.port() != 0 && !address.ip().is_unspecified(),
        Address::Name { port, .. } => *port != 0,
    }
}

/// Reports endpoints of which none would get a request of a new client, or none stands in for another.
fn refuse_nobody(endpoints: &[Endpoint], at: &At, report: &mut Report) {
    if endpoints.is_empty() {
        return;
    }
    if endpoints.iter().all(|endpoint| endpoint.drain) {
        let hint = "let one serve; to close a route, give it `respond` or `redirect` instead of the pool";
        report.refuse_with_hint(Code::NobodyServes, at, "every endpoint is draining", hint);
    } else if endpoints.iter().all(|endpoint| endpoint.backup) {
        let hint = "a backup stands in for others: remove `backup` from those that serve as a rule";
        report.refuse_with_hint(Code::NobodyServes, at, "every endpoint is a backup", hint);
    }
}

//! Checks routes, and resolves what they refer to.

use std::time::Duration;

use super::{
    action,
    bound::{count, within},
    condition, conflict,
    header_rules::{self, Towards},
    names::{Names, check_names},
    split,
    unique::refuse_repeated,
};
use crate::{
    model::{ByteSize, PathPattern, RateLimit, Route},
    problem::{Code, Report},
    schema::{
        self,
        read::{OneOrMany, Tried, Written},
    },
    source::Sources,
};

const ROUTES_MAX: usize = 1 << 16;
const PATTERNS_MAX: usize = 1000;
const RATES_MAX: usize = 8;
const MAX_BODY: ByteSize = ByteSize(1 << 20);
const TIB: u64 = 1 << 40;
pub(super) const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// What routes refer to by name.
pub(super) struct References {
    pub(super) pools: Names,
    pub(super) classes: Names,
    pub(super) zones: Names,
    /// The largest object of each zone, by its id.
    pub(super) max_objects: Vec<ByteSize>,
}

impl References {
    /// For a route of which it is not known what it would use.
    pub(super) fn say_nothing_of_unused(&mut self) {
        for names in [&mut self.pools, &mut self.classes, &mut self.zones] {
            names.say_nothing_of_unused();
        }
    }

    /// Reports what no route uses: a name there promises an effect.
    fn refuse_unused(&self, report: &mut Report) {
        self.pools.refuse_unused("send a route there, or remove the pool", report);
        self.classes.refuse_unused("give a route this class, or remove it: it would keep headroom for nobody", report);
        self.zones.refuse_unused("let a route keep its answers there, or remove the zone", report);
    }
}

pub(super) fn check(
    written: Written<Vec<Tried<schema::Route>>>,
    names: &mut References,
    sources: &Sources,
    report: &mut Report,
) -> Option<Vec<Route>> {
    let Written { value: routes, at } = written;
    count(routes.len(), "route", 1..=ROUTES_MAX, &at, report);
    let read: Vec<_> = routes.iter().filter_map(|route| route.0.as_ref()).collect();
    check_names("route", read.iter().map(|route| &route.name), report);
    conflict::refuse_same_requests(&read, report);
    split::refuse_shared_cookies(&read, report);
    let all_read = read.len() == routes.len();

    let checked: Vec<_> = routes.into_iter().map(|route| check_one(route.0?, names, sources, report)).collect();
    if all_read {
        names.refuse_unused(report);
    }
    checked.into_iter().collect()
}

fn check_one(written: schema::Route, names: &mut References, sources: &Sources, report: &mut Report) -> Option<Route> {
    let hosts = written.r#match.host.as_ref().map(|hosts| patterns(hosts, "host", report)).unwrap_or_default();
    if let Some(hosts) = &written.r#match.host {
        let places = hosts.value.0.iter().map(|host| (&host.value, &host.at));
        refuse_repeated(Code::RepeatedValue, "host", places, report);
    }
    let paths: Vec<PathPattern> = patterns(&written.r#match.path, "path", report);
    let methods = written.r#match.method.as_ref().map(|methods| check_methods(methods, report)).unwrap_or_default();
    let rate = written.rate.as_ref().map(|rate| rates(rate, report)).unwrap_or_default();
    let response_headers = header_rules::check(written.response_headers.as_ref(), Towards::Client, report);
    let action = action::check(&written, &paths, &methods, names, sources, report);
    let conditions = condition::check(written.r#match.headers, written.r#match.query, report);
    Some(Route {
        name: written.name.value,
        hosts,
        paths,
        methods,
        conditions,
        needs_client_certificate: written.client_certificate.is_some(),
        action: action?,
        rate,
        response_headers,
    })
}

pub(super) fn max_body(written: Option<&Written<ByteSize>>, report: &mut Report) -> ByteSize {
    within(written, MAX_BODY, ByteSize(0)..=ByteSize(TIB), report)
}

fn patterns<T: Clone>(written: &Written<OneOrMany<Written<T>>>, thing: &str, report: &mut Report) -> Vec<T> {
    let OneOrMany(patterns) = &written.value;
    count(patterns.len(), thing, 1..=PATTERNS_MAX, &written.at, report);
    patterns.iter().map(|pattern| pattern.value.clone()).collect()
}

/// Methods are tokens (RFC 9110 section 9.1); lower case would be another method, and surely is not meant.
fn check_methods(written: &Written<OneOrMany<Written<String>>>, report: &mut Report) -> Vec<String> {
    let OneOrMany(methods) = &written.value;
    count(methods.len(), "method", 1..=PATTERNS_MAX, &written.at, report);
    refuse_repeated(Code::RepeatedValue, "method", methods.iter().map(|method| (&method.value, &method.at)), report);
    for Written { value, at } in methods {
        if !value.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
            || !(1..=32).contains(&value.len())
        {
            let hint = match value.to_ascii_uppercase() {
                upper if upper != *value => format!("did you mean `{upper}`?"),
                _ => "a method such as `GET`".into(),
            };
            report.refuse_with_hint(Code::WrongMethod, at, format!("`{value}` is no method"), hint);
        }
    }
    methods.iter().map(|method| method.value.clone()).collect()
}

fn rates(written: &Written<Vec<schema::RateLimit>>, report: &mut Report) -> Vec<RateLimit> {
    count(written.value.len(), "rate", 1..=RATES_MAX, &written.at, report);
    let rate = |schema::RateLimit { per, at, burst }: &schema::RateLimit| RateLimit {
        per: *per,
        at: *at,
        burst: within(burst.as_ref(), at.count, 1..=1_000_000_000, report),
    };
    written.value.iter().map(rate).collect()
}

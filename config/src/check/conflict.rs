//! Routes that match the same requests, none of them more specifically.

use std::{collections::HashMap, rc::Rc};

use crate::{
    model::{Attribute, Condition, HostPattern, PathPattern, Segment},
    problem::{Code, Report},
    schema::{
        self,
        condition::AnyTest,
        read::{Named, Written},
    },
};

/// The requests that a route matches with one host, one path and one method of its own; equal for equally specific
/// patterns that match the same.
#[derive(PartialEq, Eq, Hash)]
struct Requests<'a> {
    host: Option<&'a HostPattern>,
    path: Rc<[Shape<'a>]>,
    method: Option<&'a str>,
}

/// A segment without the name of its parameter.
#[derive(PartialEq, Eq, Hash)]
enum Shape<'a> {
    Literal(&'a str),
    Parameter,
    Rest,
}

impl<'a> From<&'a Segment> for Shape<'a> {
    fn from(segment: &'a Segment) -> Self {
        match segment {
            Segment::Literal(text) => Self::Literal(text),
            Segment::Parameter(_) => Self::Parameter,
            Segment::Rest => Self::Rest,
        }
    }
}

/// More routes than this, told apart by conditions alone, are searched one after the other for each request.
const TOLD_APART_MAX: usize = 256;

/// Hosts, paths and methods of a route combine; each combination of all routes together is a place in the matcher.
const COMBINATIONS_MAX: usize = 200_000;

/// A route where it claims some requests.
#[derive(Clone, Copy)]
struct Claim<'a> {
    route: &'a schema::Route,
    path: &'a Written<PathPattern>,
}

/// Reports each path that an earlier route matches just as closely, unless their conditions exclude each other.
pub(super) fn refuse_same_requests(routes: &[&schema::Route], report: &mut Report) {
    if !refuse_too_many(routes, report) {
        return;
    }
    let mut claims: HashMap<Requests<'_>, Vec<Claim<'_>>> = HashMap::new();
    for route in routes {
        for path in &route.r#match.path.value.0 {
            let claim = Claim { route, path };
            let shape: Rc<[Shape<'_>]> = path.value.segments.iter().map(Shape::from).collect();
            let mut other = None;
            for host in alternatives(route.r#match.host.as_ref().map(|hosts| &hosts.value.0)) {
                for method in alternatives(route.r#match.method.as_ref().map(|methods| &methods.value.0)) {
                    let requests = Requests {
                        host: host.map(|host| &host.value),
                        path: Rc::clone(&shape),
                        method: method.map(|method| method.value.as_str()),
                    };
                    let before = claims.entry(requests).or_default();
                    if before.len() == TOLD_APART_MAX {
                        let message = format!("more than {TOLD_APART_MAX} routes are told apart by conditions alone");
                        report.refuse_with_hint(
                            Code::SameRequests,
                            &path.at,
                            message,
                            "tell them apart by host, path or method",
                        );
                        return;
                    }
                    let rival = before.iter().find(|rival| is_ambiguous(rival.route, route));
                    other = other.or_else(|| rival.copied().filter(|rival| !std::ptr::eq(rival.path, path)));
                    before.push(claim);
                }
            }
            if let Some(other) = other {
                refuse(claim, other, report);
            }
        }
    }
}

/// Reports the route at which the combinations become too many to look at. Returns whether all can be looked at.
fn refuse_too_many(routes: &[&schema::Route], report: &mut Report) -> bool {
    let mut combinations = 0_usize;
    for schema::Route { r#match, .. } in routes {
        let hosts = r#match.host.as_ref().map_or(1, |hosts| hosts.value.0.len());
        let methods = r#match.method.as_ref().map_or(1, |methods| methods.value.0.len());
        let own = hosts.saturating_mul(methods).saturating_mul(r#match.path.value.0.len());
        combinations = combinations.saturating_add(own);
        if combinations > COMBINATIONS_MAX {
            let message = format!("up to here, hosts, paths and methods combine in {combinations} ways");
            let hint = format!("{COMBINATIONS_MAX} are the most: use `*.`, `{{name}}` or `**` in place of lists");
            report.refuse_with_hint(Code::TooLarge, &r#match.path.at, message, hint);
            return false;
        }
    }
    true
}

/// Whether some request can satisfy the conditions of both, and neither has more of them.
fn is_ambiguous(one: &schema::Route, other: &schema::Route) -> bool {
    let (one, other) = (conditions(one), conditions(other));
    one.len() == other.len() && !one.iter().any(|condition| other.iter().any(|other| condition.excludes(other)))
}

fn conditions(route: &schema::Route) -> Vec<Condition> {
    let entries = |named: &Option<Named<AnyTest>>, on: fn(&str) -> Attribute| -> Vec<Condition> {
        let entries = named.iter().flat_map(|named| &named.entries);
        entries.map(|(name, AnyTest(test))| Condition { on: on(&name.value), test: test.clone() }).collect()
    };
    let mut conditions = entries(&route.r#match.headers, |name| Attribute::Header(name.to_ascii_lowercase()));
    conditions.extend(entries(&route.r#match.query, |name| Attribute::Query(name.to_owned())));
    conditions
}

fn refuse(claim: Claim<'_>, other: Claim<'_>, report: &mut Report) {
    let Claim { path, .. } = claim;
    let name = &other.route.name.value;
    let message = format!("`{}` matches the same requests as route `{name}`, none more closely", path.value.raw);
    let place = format!("that one stands at {}", report.whereabouts(&other.path.at, &path.at));
    let way_out = match conditions(claim.route).len() {
        0 => "let one name a host, method or condition",
        _ => "let one have more conditions, or conditions that exclude each other",
    };
    report.refuse_with_hint(Code::SameRequests, &path.at, message, format!("{place}; {way_out}"));
}

/// Each of a list, or once `None` where there is no list.
fn alternatives<T>(list: Option<&Vec<T>>) -> Vec<Option<&T>> {
    list.map_or_else(|| vec![None], |list| list.iter().map(Some).collect())
}

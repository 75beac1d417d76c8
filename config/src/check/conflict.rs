//! Routes that match the same requests, none of them more specifically.

use std::collections::HashMap;

use crate::{
    model::{HostPattern, Segment},
    problem::{At, Code, Report},
    schema,
};

/// The requests that a route matches with one host, one path and one method of its own; equal for equally specific
/// patterns that match the same.
#[derive(PartialEq, Eq, Hash)]
struct Requests<'a> {
    host: Option<&'a HostPattern>,
    path: Vec<Shape<'a>>,
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

/// Reports each path that an earlier one leaves no request for.
pub(super) fn refuse_same_requests(routes: &[&schema::Route], report: &mut Report) {
    let mut first: HashMap<Requests<'_>, (&At, &str)> = HashMap::new();
    for route in routes {
        for path in &route.r#match.path.value.0 {
            let mut other = None;
            for host in alternatives(route.r#match.host.as_ref().map(|hosts| &hosts.value.0)) {
                for method in alternatives(route.r#match.method.as_ref().map(|methods| &methods.value.0)) {
                    let requests = Requests {
                        host: host.map(|host| &host.value),
                        path: path.value.segments.iter().map(Shape::from).collect(),
                        method: method.map(|method| method.value.as_str()),
                    };
                    let taken = *first.entry(requests).or_insert((&path.at, &route.name.value));
                    if !std::ptr::eq(taken.0, &path.at) {
                        other = Some(taken);
                    }
                }
            }
            if let Some((at, name)) = other {
                let message =
                    format!("`{}` matches the same requests as route `{name}`, none more closely", path.value.raw);
                let hint =
                    format!("that one stands at {}; let one name a host or method", report.whereabouts(at, &path.at));
                report.refuse_with_hint(Code::SameRequests, &path.at, message, hint);
            }
        }
    }
}

/// Each of a list, or once `None` where there is no list.
fn alternatives<T>(list: Option<&Vec<T>>) -> Vec<Option<&T>> {
    list.map_or_else(|| vec![None], |list| list.iter().map(Some).collect())
}

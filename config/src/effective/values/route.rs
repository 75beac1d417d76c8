//! Routes written back as YAML values.

use super::{Yaml, limit, list, map, number, path, policy_of, some, text, time};
use crate::model::{
    Action, Attribute, Body, Condition, Destination, Files, Forward, HeaderRules, Live, Redirect, Respond, Rewrite,
    Route, Share, Split, Test,
};

pub(super) fn route(route: &Route, live: &Live) -> Yaml {
    let Route { name, hosts, paths, methods, conditions, needs_client_certificate, action, rate, response_headers } =
        route;
    let matches = map([
        ("host", some(hosts)),
        ("path", Some(list(paths, |path| text(&path.raw)))),
        ("method", some(methods)),
        ("headers", tests(conditions, |on| if let Attribute::Header(name) = on { Some(name) } else { None })),
        ("query", tests(conditions, |on| if let Attribute::Query(name) = on { Some(name) } else { None })),
    ]);
    let mut entries = vec![("name".to_owned(), text(name)), ("match".to_owned(), matches)];
    entries.extend(match action {
        Action::Forward(to) => forward(to, live),
        Action::Redirect(to) => vec![("redirect".to_owned(), redirect(to))],
        Action::Respond(with) => vec![("respond".to_owned(), respond(with))],
        Action::Files(below) => vec![("files".to_owned(), files(below))],
    });
    let last = map([
        ("rate", (!rate.is_empty()).then(|| list(rate, limit))),
        ("client_certificate", needs_client_certificate.then(|| text("required"))),
        ("response_headers", rules(response_headers)),
    ]);
    if let Yaml::Map(last) = last {
        entries.extend(last);
    }
    Yaml::Map(entries)
}

/// The conditions on what `name` names.
fn tests<'a>(conditions: &'a [Condition], name: impl Fn(&'a Attribute) -> Option<&'a String>) -> Option<Yaml> {
    let entry = |condition: &'a Condition| Some((name(&condition.on)?.clone(), test(&condition.test)));
    let entries: Vec<_> = conditions.iter().filter_map(entry).collect();
    (!entries.is_empty()).then_some(Yaml::Map(entries))
}

fn test(test: &Test) -> Yaml {
    let (key, value) = match test {
        Test::Is(value) => ("is", text(value)),
        Test::Prefix(value) => ("prefix", text(value)),
        Test::Contains(value) => ("contains", text(value)),
        Test::Present => ("present", number(true)),
        Test::Absent => ("present", number(false)),
    };
    map([(key, Some(value))])
}

fn forward(forward: &Forward, live: &Live) -> Vec<(String, Yaml)> {
    let Forward { to, class, max_body, cache, deadline, streams, rewrite, request_headers } = forward;
    let (pool, split) = match to {
        Destination::Pool(pool) => (Some(text(&live.pools[pool.index()].name)), None),
        Destination::Split(split) => (None, Some(self::split(split, live))),
    };
    let entries = map([
        ("pool", pool),
        ("split", split),
        ("class", Some(text(&live.classes[class.index()]))),
        ("max_body", Some(text(max_body))),
        ("deadline", Some(time(*deadline))),
        ("cache", cache.as_ref().map(|policy| policy_of(policy, live))),
        ("streams", Some(number(streams))),
        ("rewrite", self::rewrite(rewrite)),
        ("request_headers", rules(request_headers)),
    ]);
    match entries {
        Yaml::Map(entries) => entries,
        Yaml::Scalar(_) | Yaml::List(_) => Vec::new(),
    }
}

fn split(Split { shares, by }: &Split, live: &Live) -> Yaml {
    let share = |Share { pool, weight }: &Share| (live.pools[pool.index()].name.clone(), number(weight));
    let pools = Yaml::Map(shares.iter().map(share).collect());
    map([("pools", Some(pools)), ("by", Some(text(by)))])
}

fn rewrite(Rewrite { path, host }: &Rewrite) -> Option<Yaml> {
    let rewrites = path.is_some() || host.is_some();
    rewrites.then(|| map([("path", path.as_ref().map(|path| text(&path.raw))), ("host", host.as_ref().map(text))]))
}

fn redirect(Redirect { to, status, keep_query }: &Redirect) -> Yaml {
    map([("to", Some(text(&to.raw))), ("status", Some(number(status))), ("keep_query", Some(number(keep_query)))])
}

fn respond(Respond { status, content_type, body }: &Respond) -> Yaml {
    let (body, file) = match body {
        Body::Empty => (None, None),
        Body::Text(body) => (Some(text(body)), None),
        Body::File(file) => (None, Some(path(file))),
    };
    map([("status", Some(number(status))), ("type", content_type.as_ref().map(text)), ("body", body), ("file", file)])
}

fn files(Files { root, index }: &Files) -> Yaml {
    map([("root", Some(path(root))), ("index", Some(text(index)))])
}

fn rules(HeaderRules { remove, set, add }: &HeaderRules) -> Option<Yaml> {
    let fields = |fields: &[(String, String)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        (!fields.is_empty()).then_some(Yaml::Map(fields))
    };
    let changes = !(remove.is_empty() && set.is_empty() && add.is_empty());
    changes.then(|| map([("remove", some(remove)), ("set", fields(set)), ("add", fields(add))]))
}

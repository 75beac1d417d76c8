//! Checks what a route does: just one thing, with what belongs to it and nothing else.

use std::time::Duration;

use super::{
    HOUR, MILLISECOND,
    bound::within,
    cache,
    header_rules::{self, Towards},
    route::{self, References},
    split,
    template::{self, Kind},
};
use crate::{
    model::{Action, Body, ClassId, Destination, Files, Forward, PathPattern, PoolId, Redirect, Respond, Rewrite},
    problem::{At, Code, Report},
    schema::{self, action as written, pattern, read::Written},
    source::Sources,
};

const DEADLINE: Duration = Duration::from_secs(30);
const BODY_MAX: usize = 64 << 10;
/// Temporary, and keeps the method.
const REDIRECT_STATUS: u16 = 307;
const REDIRECT_STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
/// Parts of other exchanges: a range, and a confirmation.
const NO_ANSWERS: [u16; 2] = [206, 304];
/// These never have a body (RFC 9110 sections 15.3.5 and 15.3.6).
const BODILESS: [u16; 2] = [204, 205];

/// What a route does. `None`: something was reported.
pub(super) fn check(
    written: &schema::Route,
    paths: &[PathPattern],
    methods: &[String],
    names: &mut References,
    sources: &Sources,
    report: &mut Report,
) -> Option<Action> {
    if only_one(written, report).is_none() {
        // Perhaps it meant one that now looks unused.
        names.say_nothing_of_unused();
        return None;
    }
    if let Some(redirect) = &written.redirect {
        refuse_pool_keys(written, report);
        return check_redirect(&redirect.value, paths, report).map(Action::Redirect);
    }
    if let Some(respond) = &written.respond {
        refuse_pool_keys(written, report);
        return check_respond(&respond.value, &respond.at, sources, report).map(Action::Respond);
    }
    if let Some(files) = &written.files {
        refuse_pool_keys(written, report);
        return check_files(files, paths, methods, sources, report).map(Action::Files);
    }
    check_forward(written, paths, methods, names, report).map(|forward| Action::Forward(Box::new(forward)))
}

/// Reports a route that says nothing to do, or several things.
fn only_one(written: &schema::Route, report: &mut Report) -> Option<()> {
    let said = [
        ("pool", written.pool.as_ref().map(|pool| &pool.at)),
        ("split", written.split.as_ref().map(|split| &split.at)),
        ("redirect", written.redirect.as_ref().map(|redirect| &redirect.at)),
        ("respond", written.respond.as_ref().map(|respond| &respond.at)),
        ("files", written.files.as_ref().map(|files| &files.at)),
    ];
    let mut said = said.into_iter().filter_map(|(key, at)| Some((key, at?)));
    let Some((first, _)) = said.next() else {
        let message = format!("the route `{}` does nothing", written.name.value);
        report.refuse_with_hint(
            Code::OneOfSeveral,
            &written.name.at,
            message,
            "give it a `pool`, `split`, `redirect`, `respond` or `files`",
        );
        return None;
    };
    let others: Vec<_> = said.collect();
    for (key, at) in &others {
        let message = format!("a route does one thing, and this one has `{first}` and `{key}`");
        report.refuse_with_hint(Code::OneOfSeveral, at, message, "remove one of them");
    }
    others.is_empty().then_some(())
}

/// Reports what only means something where a pool is asked.
fn refuse_pool_keys(written: &schema::Route, report: &mut Report) {
    let keys = [
        ("class", written.class.as_ref().map(|class| &class.at)),
        ("max_body", written.max_body.as_ref().map(|max_body| &max_body.at)),
        ("deadline", written.deadline.as_ref().map(|deadline| &deadline.at)),
        ("cache", written.cache.as_ref().map(|cache| &cache.at)),
        ("streams", written.streams.as_ref().map(|streams| &streams.at)),
        ("rewrite", written.rewrite.as_ref().map(|rewrite| &rewrite.at)),
        ("request_headers", written.request_headers.as_ref().map(|rules| &rules.at)),
    ];
    for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
        report.refuse_with_hint(
            Code::WithoutEffect,
            at,
            format!("`{key}` has no effect where no pool is asked"),
            format!("remove `{key}`"),
        );
    }
}

fn check_forward(
    written: &schema::Route,
    paths: &[PathPattern],
    methods: &[String],
    names: &mut References,
    report: &mut Report,
) -> Option<Forward> {
    let to = match (&written.pool, &written.split) {
        (_, Some(split)) => split::check(&split.value, names, report).map(Destination::Split),
        (Some(pool), None) => names.pools.find(pool, report).map(|pool| Destination::Pool(PoolId(pool))),
        (None, None) => None,
    };
    let class = match &written.class {
        Some(class) => names.classes.find(class, report),
        None => {
            let hint = "how important are these requests when a pool is full?";
            report.refuse_with_hint(
                Code::MissingKey,
                &written.name.at,
                format!("the route `{}` has no `class`", written.name.value),
                hint,
            );
            None
        }
    };
    let max_body = route::max_body(written.max_body.as_ref(), report);
    let deadline = within(written.deadline.as_ref(), DEADLINE, MILLISECOND..=HOUR, report);
    // Outer `None`: refused. Only at the end does that matter, so that everything is looked at.
    let cache = match &written.cache {
        Some(cache) => {
            cache::policy(&cache.value, methods, paths, &mut names.zones, &names.max_objects, report).map(Some)
        }
        None => Some(None),
    };
    let streams = check_streams(written, report);
    let rewrite = match &written.rewrite {
        Some(rewrite) => check_rewrite(&rewrite.value, &rewrite.at, paths, report),
        None => Some(Rewrite::default()),
    };
    let request_headers = header_rules::check(written.request_headers.as_ref(), Towards::Origin, report);
    let (to, class) = (to?, ClassId(class?));
    Some(Forward { to, class, max_body, cache: cache?, deadline, streams, rewrite: rewrite?, request_headers })
}

/// Reports a route where any client could pass by the cache by asking for a stream.
fn check_streams(written: &schema::Route, report: &mut Report) -> bool {
    let Some(streams) = &written.streams else { return false };
    if streams.value && written.cache.is_some() {
        let message = "a route has `streams` or `cache`: by asking for a stream, a client would pass by the cache";
        let hint = "give the streams a route of their own, by path";
        report.refuse_with_hint(Code::OneOfSeveral, &streams.at, message, hint);
    }
    streams.value
}

fn check_rewrite(written: &written::Rewrite, at: &At, paths: &[PathPattern], report: &mut Report) -> Option<Rewrite> {
    if written.path.is_none() && written.host.is_none() {
        report.refuse_with_hint(
            Code::WithoutEffect,
            at,
            "nothing is rewritten",
            "give it a `path` or a `host`, or remove `rewrite`",
        );
    }
    if let Some(Written { value, at }) = &written.host
        && !pattern::is_authority(value)
    {
        report.refuse_with_hint(
            Code::WrongHost,
            at,
            format!("`{value}` is no host"),
            "a name and perhaps a port, such as `shop.internal:8080`",
        );
    }
    let path = match &written.path {
        Some(path) => Some(template::check(path, Kind::Path, paths, report)?),
        None => None,
    };
    Some(Rewrite { path, host: written.host.as_ref().map(|host| host.value.to_ascii_lowercase()) })
}

fn check_redirect(written: &written::Redirect, paths: &[PathPattern], report: &mut Report) -> Option<Redirect> {
    if let Some(Written { value, at }) = &written.status
        && !REDIRECT_STATUSES.contains(value)
    {
        let hint = "301 and 308 are remembered by browsers, 307 and 308 keep the method, 303 asks with GET";
        report.refuse_with_hint(
            Code::OutOfRange,
            at,
            format!("{value} is no redirect: 301, 302, 303, 307 or 308 is allowed"),
            hint,
        );
    }
    let keep_query = written.keep_query.unwrap_or(true);
    if keep_query && written.to.value.contains('#') {
        let message = "a query cannot be appended behind a fragment";
        report.refuse_with_hint(
            Code::WrongTemplate,
            &written.to.at,
            message,
            "write `keep_query: false`, or leave the fragment out",
        );
    }
    let to = template::check(&written.to, Kind::Location, paths, report)?;
    Some(Redirect { to, status: written.status.as_ref().map_or(REDIRECT_STATUS, |status| status.value), keep_query })
}

fn check_respond(written: &written::Respond, at: &At, sources: &Sources, report: &mut Report) -> Option<Respond> {
    let status = within(written.status.as_ref(), 200, 200..=599, report);
    if let Some(Written { at, .. }) = written.status.as_ref().filter(|status| NO_ANSWERS.contains(&status.value)) {
        report.refuse_with_hint(
            Code::OutOfRange,
            at,
            format!("{status} answers a question that was not asked"),
            "write another status",
        );
    }
    let body = match (&written.body, &written.file) {
        (Some(_), Some(file)) => {
            report.refuse_with_hint(
                Code::OneOfSeveral,
                &file.at,
                "both `body` and `file` are given",
                "remove one of them",
            );
            // Refused; the rest is looked at all the same.
            Body::File(sources.resolve(&file.value.0, &file.at))
        }
        (Some(body), None) if body.value.len() > BODY_MAX => {
            report.refuse_with_hint(
                Code::OutOfRange,
                &body.at,
                format!("the body is longer than {BODY_MAX} bytes"),
                "put it into a `file`",
            );
            return None;
        }
        (Some(body), None) => Body::Text(body.value.clone()),
        (None, Some(file)) => Body::File(sources.resolve(&file.value.0, &file.at)),
        (None, None) => Body::Empty,
    };
    if body != Body::Empty && BODILESS.contains(&status) {
        report.refuse_with_hint(
            Code::WithoutEffect,
            at,
            format!("an answer with status {status} has no body"),
            "remove the body, or write another status",
        );
    }
    let content_type = check_type(written.r#type.as_ref(), &body, report);
    Some(Respond { status, content_type, body })
}

fn check_type(written: Option<&Written<String>>, body: &Body, report: &mut Report) -> Option<String> {
    match (written, body) {
        (Some(Written { at, .. }), Body::Empty) => {
            report.refuse_with_hint(
                Code::WithoutEffect,
                at,
                "there is no body to be of a type",
                "give a `body` or a `file`, or remove `type`",
            );
            None
        }
        (Some(Written { value, at }), _) => {
            if !value.contains('/') || !header_rules::is_value(value) {
                report.refuse_with_hint(
                    Code::WrongField,
                    at,
                    format!("`{value}` is no content type"),
                    "such as `text/html; charset=utf-8`",
                );
            }
            Some(value.clone())
        }
        (None, Body::Empty) => None,
        (None, Body::File(path)) if path.extension().is_some_and(|extension| extension == "html") => {
            Some("text/html; charset=utf-8".to_owned())
        }
        (None, Body::File(_) | Body::Text(_)) => Some("text/plain; charset=utf-8".to_owned()),
    }
}

fn check_files(
    written: &Written<written::Files>,
    paths: &[PathPattern],
    methods: &[String],
    sources: &Sources,
    report: &mut Report,
) -> Option<Files> {
    let written::Files { root, index } = &written.value;
    for path in paths.iter().filter(|path| path.segments.last() != Some(&crate::model::Segment::Rest)) {
        let message = format!("the path `{}` does not end in `**`, so it names no file", path.raw);
        report.refuse_with_hint(
            Code::WrongPath,
            &written.at,
            message,
            "`/static/**` serves `root`; a single file is `respond: {file: ...}`",
        );
    }
    if !methods.is_empty() && !methods.iter().any(|method| method == "GET" || method == "HEAD") {
        let message = format!("files are not asked for by {}", methods.join(", "));
        report.refuse_with_hint(Code::WithoutEffect, &written.at, message, "match `GET`, or leave `method` out");
    }
    let index = index.as_ref().map_or("index.html", |index| {
        let plain =
            !index.value.is_empty() && !index.value.starts_with('.') && !index.value.contains(['/', '\\', '\0']);
        if !plain {
            report.refuse_with_hint(
                Code::WrongFilePath,
                &index.at,
                format!("`{}` is no plain file name", index.value),
                "such as `index.html`",
            );
        }
        &index.value
    });
    Some(Files { root: sources.resolve(&root.value.0, &root.at), index: index.to_owned() })
}

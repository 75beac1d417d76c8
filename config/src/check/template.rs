//! Templates: text in which `{name}` is filled in from the request.

use crate::{
    model::{PathPattern, Segment, Template, TemplatePart},
    problem::{Code, Report},
    schema::read::Written,
};

/// Which places a template may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A path on the way to the origin.
    Path,
    /// The target of a redirect: a path or a URL.
    Location,
    /// What answers can be purged by.
    Tag,
}

/// Longer ones are a mistake.
const LENGTH_MAX: usize = 2048;

/// Reads a template; each path of the route must fill each of its places. `None`: reported.
pub(super) fn check(
    written: &Written<String>,
    kind: Kind,
    paths: &[PathPattern],
    report: &mut Report,
) -> Option<Template> {
    let Written { value: raw, at } = written;
    match parse(raw, kind).and_then(|parts| filled(&parts, paths).map(|()| parts)) {
        Ok(parts) => Some(Template { raw: raw.clone(), parts }),
        Err((reason, hint)) => {
            report.refuse_with_hint(Code::WrongTemplate, at, format!("`{raw}` {reason}"), hint);
            None
        }
    }
}

type Fault = (String, String);

fn fault<T>(reason: impl Into<String>, hint: impl Into<String>) -> Result<T, Fault> {
    Err((reason.into(), hint.into()))
}

fn parse(raw: &str, kind: Kind) -> Result<Vec<TemplatePart>, Fault> {
    if raw.len() > LENGTH_MAX {
        return fault(format!("is longer than {LENGTH_MAX} bytes"), "shorten it");
    }
    let authority_end = authority_end(raw, kind)?;
    let mut parts = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let rest = &raw[at..];
        if let Some(after) = rest.strip_prefix('{') {
            let Some(length) = after.find('}') else {
                return fault("has a `{` without its `}`", "a place is `{name}`");
            };
            let part = place(&after[..length], kind)?;
            if at < authority_end && part != TemplatePart::Host {
                let hint = "a client could lead itself to any server: write the host, or `{host}`";
                return fault(format!("fills in `{{{}}}` as part of the host", &after[..length]), hint);
            }
            parts.push(part);
            at += length + 2;
        } else {
            let text = &rest[..rest.find('{').unwrap_or(rest.len())];
            check_text(text, kind)?;
            parts.push(TemplatePart::Text(text.to_owned()));
            at += text.len();
        }
    }
    Ok(parts)
}

/// Bytes of `raw` up to where its path starts.
fn authority_end(raw: &str, kind: Kind) -> Result<usize, Fault> {
    if kind == Kind::Tag {
        return if raw.is_empty() { fault("is empty", "such as `product:{id}`") } else { Ok(0) };
    }
    if raw.starts_with("//") {
        return fault("starts with `//`, which is another host", "start with one `/`");
    }
    if raw.starts_with('/') {
        return Ok(0);
    }
    if kind == Kind::Path {
        return fault("does not start with `/`", format!("did you mean `/{raw}`?"));
    }
    let scheme = ["https://", "http://"].into_iter().find(|scheme| raw.starts_with(scheme));
    let Some(scheme) = scheme else {
        return fault("is neither a path nor a URL", "start with `/` or `https://`");
    };
    let after = &raw[scheme.len()..];
    let authority = after.find(['/', '?', '#']).map_or(after, |end| &after[..end]);
    if authority.is_empty() {
        return fault("names no host", "write it after `https://`, or `{host}`");
    }
    Ok(scheme.len() + authority.len())
}

fn place(name: &str, kind: Kind) -> Result<TemplatePart, Fault> {
    match name {
        "rest" => Ok(TemplatePart::Rest),
        "host" if kind != Kind::Path => Ok(TemplatePart::Host),
        "host" => fault("cannot have `{host}` in a path", "the path is filled from the path"),
        _ if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
            Ok(TemplatePart::Parameter(name.to_owned()))
        }
        _ => fault(format!("has `{{{name}}}`, which is no name"), "a place is `{name}`, its name of a-z, 0-9 and _"),
    }
}

/// Text goes out as it stands, so it must be what a URL may hold (RFC 3986 appendix A).
fn check_text(text: &str, kind: Kind) -> Result<(), Fault> {
    if kind == Kind::Tag && text.contains(',') {
        return fault("holds `,`", "write two tags");
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`}|".contains(*c)) {
        return fault(format!("holds `{}`", c.escape_default()), "percent-encode what a URL cannot hold");
    }
    match text.find(['?', '#']) {
        Some(_) if kind == Kind::Path => fault("has a query or fragment", "the query of the client stays as it is"),
        _ => Ok(()),
    }
}

fn filled(parts: &[TemplatePart], paths: &[PathPattern]) -> Result<(), Fault> {
    for path in paths {
        for part in parts {
            let (there, name) = match part {
                TemplatePart::Text(_) | TemplatePart::Host => continue,
                TemplatePart::Rest => (path.segments.last() == Some(&Segment::Rest), "rest"),
                TemplatePart::Parameter(name) => {
                    (path.segments.contains(&Segment::Parameter(name.clone())), name.as_str())
                }
            };
            if !there {
                let missing = if name == "rest" { "no `**`".to_owned() } else { format!("no parameter `{{{name}}}`") };
                let hint = match parameters(path).as_slice() {
                    [] => "every path of the route must fill it".to_owned(),
                    known => format!("that path has {}", known.join(", ")),
                };
                return fault(format!("uses `{{{name}}}`, but the path `{}` has {missing}", path.raw), hint);
            }
        }
    }
    Ok(())
}

fn parameters(path: &PathPattern) -> Vec<String> {
    let place = |segment: &Segment| match segment {
        Segment::Parameter(name) => Some(format!("`{{{name}}}`")),
        Segment::Rest => Some("`{rest}`".to_owned()),
        Segment::Literal(_) => None,
    };
    path.segments.iter().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(raw: &str, kind: Kind) -> String {
        parse(raw, kind).map(|parts| format!("{parts:?}")).unwrap_or_else(|(reason, _)| reason)
    }

    #[test]
    fn text_and_places_alternate() {
        let parts = parse("https://{host}/a/{id}?x={rest}", Kind::Location).unwrap();
        let text = |text: &str| TemplatePart::Text(text.to_owned());
        let id = TemplatePart::Parameter("id".to_owned());
        assert_eq!(parts, [text("https://"), TemplatePart::Host, text("/a/"), id, text("?x="), TemplatePart::Rest]);
    }

    #[test]
    fn no_client_can_choose_the_host() {
        for raw in ["https://{id}/", "https://{id}.example.com/", "https://example.com{rest}", "https://{rest}"] {
            assert!(reason(raw, Kind::Location).contains("as part of the host"), "{raw}");
        }
        assert!(reason("//{id}/x", Kind::Location).contains("another host"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for raw in ["", "a", "ftp://x/", "https://", "/a b", "/a{", "/{}", "/{a-b}", "/ö", "/a}", "/a\\b"] {
            assert!(parse(raw, Kind::Location).is_err(), "{raw}");
        }
        for raw in ["/a?b", "/a#b", "https://x/", "/{host}"] {
            assert!(parse(raw, Kind::Path).is_err(), "{raw}");
        }
    }
}

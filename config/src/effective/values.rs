//! The model written back as YAML values, one function for each type. Every field is named, so that a new one cannot be
//! forgotten.

use std::{fmt::Display, path::Path, time::Duration};

mod cache;
mod pool;
mod route;

use crate::{
    model::{
        AccessLog, Admin, Boot, Certificate, Config, Connections, Http2, Listener, Live, LogTarget, RateKey, RateLimit,
        Secret, Tls, Trace,
    },
    schema::quantity::AsWritten,
};
use cache::{policy_of, zone};
use pool::pool;
use route::route;

/// A value as it is going to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    /// Quoted where it must be.
    Scalar(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// As a key it would merge another mapping.
const MERGE: &str = "<<";

/// Text as a YAML scalar of one line.
pub(super) fn scalar(text: &str) -> String {
    // serde_yaml knows which words and characters need quotes, but breaks lines into blocks, which would have to be
    // indented, and does not quote every number that the loader knows (`1_000`), nor `<<`.
    let usual = text.bytes().all(|b| matches!(b, b' '..=b'~')) && !resembles_a_number(text) && text != MERGE;
    let plain = if usual { serde_yaml::to_string(text).ok() } else { None };
    let plain = plain.map(|plain| plain.trim_end_matches('\n').to_owned()).filter(|plain| !plain.contains('\n'));
    plain.unwrap_or_else(|| quoted(text))
}

fn resembles_a_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b"xo_+-.:".contains(&b))
}

/// In double quotes, where every character can be escaped (YAML 1.2, section 5.7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match (c, u32::from(c)) {
            ('"' | '\\', _) => quoted.extend(['\\', c]),
            (' '..='~', _) => quoted.push(c),
            (c, _) if c.is_alphanumeric() => quoted.push(c),
            (_, code @ 0..=0xff) => quoted.push_str(&format!("\\x{code:02x}")),
            (_, code @ 0x100..=0xffff) => quoted.push_str(&format!("\\u{code:04x}")),
            (_, code) => quoted.push_str(&format!("\\U{code:08x}")),
        }
    }
    quoted + "\""
}

fn text(value: impl Display) -> Yaml {
    Yaml::Scalar(scalar(&value.to_string()))
}

fn number(value: impl Display) -> Yaml {
    Yaml::Scalar(value.to_string())
}

fn time(value: Duration) -> Yaml {
    text(AsWritten(value))
}

/// Absolute, so that the text means the same wherever it is put.
fn path(path: &Path) -> Yaml {
    text(absolute(path))
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn list<T>(items: &[T], item: impl Fn(&T) -> Yaml) -> Yaml {
    Yaml::List(items.iter().map(item).collect())
}

fn texts<T: Display>(items: &[T]) -> Yaml {
    list(items, |item| text(item))
}

/// A list that is left out when it is empty.
fn some<T: Display>(items: &[T]) -> Option<Yaml> {
    (!items.is_empty()).then(|| texts(items))
}

fn map<const N: usize>(entries: [(&str, Option<Yaml>); N]) -> Yaml {
    Yaml::Map(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
}

fn named<'a, T: 'a>(all: &'a [T], name: impl Fn(&'a T) -> &'a str, value: impl Fn(&'a T) -> Yaml) -> Yaml {
    Yaml::Map(all.iter().map(|one| (name(one).to_owned(), value(one))).collect())
}

/// Everything, key by key.
pub(crate) fn config(Config { boot, live }: &Config) -> Vec<(String, Yaml)> {
    let Boot { admin: Admin { bind }, workers, drain_delay, drain_timeout, watch } = boot;
    let Live {
        listeners,
        admin_token,
        trusted_proxies,
        forwarding_fields,
        classes,
        zone: place,
        pools,
        zones,
        routes,
        access_log,
        trace,
    } = live;
    let process = map([
        ("workers", Some(number(workers))),
        ("drain_delay", Some(time(*drain_delay))),
        ("drain_timeout", Some(time(*drain_timeout))),
        ("zone", place.as_ref().map(text)),
        ("watch", Some(number(watch))),
    ]);
    let admin = map([("bind", Some(text(bind))), ("token", admin_token.as_ref().map(secret))]);
    let Yaml::Map(entries) = map([
        ("version", Some(number(1))),
        ("process", Some(process)),
        ("listeners", Some(named(listeners, |listener| &listener.name, |one| listener(one, listeners)))),
        ("admin", Some(admin)),
        ("trusted_proxies", Some(texts(trusted_proxies))),
        ("forwarding_fields", Some(text(forwarding_fields))),
        ("classes", Some(texts(classes))),
        ("pools", Some(named(pools, |pool| &pool.name, pool))),
        ("zones", Some(named(zones, |zone| &zone.name, zone))),
        ("routes", Some(list(routes, |one| route(one, live)))),
        ("telemetry", Some(map([("access_log", Some(log(access_log))), ("trace", Some(traces(trace)))]))),
    ]) else {
        return Vec::new();
    };
    entries
}

fn secret(secret: &Secret) -> Yaml {
    match secret {
        Secret::Env(name) => text(format_args!("env:{name}")),
        Secret::File(path) => text(format_args!("file:{}", absolute(path))),
    }
}

fn listener(listener: &Listener, all: &[Listener]) -> Yaml {
    let Listener {
        name: _,
        bind,
        redirect_to,
        public_port,
        tls,
        h2c,
        proxy_protocol,
        max_header,
        max_headers,
        header_timeout,
        idle_timeout,
        keepalive_requests,
        min_rate,
        connections,
        http2,
    } = listener;
    let Connections { max, per_address } = connections;
    let Http2 { streams } = http2;
    let tls = tls.as_ref().map(self::tls);
    map([
        ("bind", Some(texts(bind))),
        ("redirect_to", redirect_to.map(|id| text(&all[id.index()].name))),
        ("tls", tls),
        ("h2c", Some(number(h2c))),
        ("proxy_protocol", Some(text(proxy_protocol))),
        ("max_header", Some(text(max_header))),
        ("max_headers", Some(number(max_headers))),
        ("header_timeout", Some(time(*header_timeout))),
        ("idle_timeout", Some(time(*idle_timeout))),
        ("keepalive_requests", Some(number(keepalive_requests))),
        ("min_rate", Some(text(min_rate))),
        ("http2", Some(map([("streams", Some(number(streams)))]))),
        ("connections", Some(map([("max", Some(number(max))), ("per_address", Some(number(per_address)))]))),
        // Port 0 takes a free one, which nobody knows before.
        ("public_port", (*public_port != 0).then(|| number(public_port))),
    ])
}

fn tls(tls: &Tls) -> Yaml {
    let Tls { certificates, protocols, min_version, handshake_timeout, client_certificates, client_ca, ticket_keys } =
        tls;
    map([
        ("certificates", Some(list(certificates, certificate))),
        ("protocols", Some(texts(protocols))),
        ("min_version", Some(text(min_version))),
        ("handshake_timeout", Some(time(*handshake_timeout))),
        ("client_certificates", Some(text(client_certificates))),
        ("client_ca", client_ca.as_ref().map(|file| path(file))),
        ("tickets", ticket_keys.as_ref().map(|keys| map([("keys", Some(path(keys)))]))),
    ])
}

fn certificate(Certificate { names, chain, key }: &Certificate) -> Yaml {
    map([("names", Some(texts(names))), ("chain", Some(path(chain))), ("key", Some(path(key)))])
}

fn limit(RateLimit { per, at, burst }: &RateLimit) -> Yaml {
    let per = match per {
        RateKey::Address => text("address"),
    };
    map([("per", Some(per)), ("at", Some(text(at))), ("burst", Some(number(burst)))])
}

fn log(AccessLog { to, sample }: &AccessLog) -> Yaml {
    let to = match to {
        LogTarget::Off => text("off"),
        LogTarget::Stdout => text("stdout"),
        LogTarget::File(path) => text(format_args!("file:{}", absolute(path))),
    };
    map([("to", Some(to)), ("sample", Some(text(sample)))])
}

fn traces(Trace { from, sample }: &Trace) -> Yaml {
    map([("from", Some(text(from))), ("sample", Some(text(sample)))])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        problem::{FileId, Report},
        tree,
    };

    fn read_back(text: &str) -> Option<String> {
        match tree::parse(&format!("a:\n  {0}: {0}  # b\n", scalar(text)), FileId::default(), &mut Report::default())?
            .value
        {
            tree::Value::Map(mut entries) => match entries.pop()?.1.value {
                tree::Value::Map(mut entries) => match entries.pop()? {
                    (key, tree::Node { value: tree::Value::Text(value), .. }) if key.name == value => Some(value),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    #[test]
    fn words_that_yaml_would_take_for_something_else_are_quoted() {
        for text in [
            "",
            " ",
            "~",
            "null",
            "true",
            "Off",
            "no",
            "1",
            "1.20",
            "0x1f",
            "0o17",
            "0b1",
            "1e3",
            ".inf",
            "-.INF",
            ".nan",
            "1_000",
            "12:30:45",
            "2001-01-01",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#",
            "*a",
            "&a",
            "!a",
            "!!str a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "{a}",
            "[a]",
            "'",
            "\"",
            "a\nb",
            "\t",
            "<<",
            "=",
            "?",
            ": ",
            "+1",
            "-0",
            "---",
            "...",
            "\u{85}",
            "ö",
            "\u{feff}",
        ] {
            assert_eq!(read_back(text).as_deref(), Some(text), "{text:?} is written as {}", scalar(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text: String, nearly in "[-0-9a-fnyxotrue.:+_ \t#'\"{}*&!%@`|>?~]{0,12}") {
            for text in [text, nearly] {
                let read = read_back(&text);
                prop_assert_eq!(read.as_deref(), Some(text.as_str()), "written as {}", scalar(&text));
            }
        }
    }
}

//! Checks changes to headers: nothing that frames a message, nothing that the edge itself speaks by.

use super::{bound::count, unique::refuse_repeated};
use crate::{
    model::HeaderRules,
    problem::{Code, Report},
    schema::{
        action::{self, is_token},
        read::{Named, Written},
    },
};

/// Which way a header goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Towards {
    Origin,
    Client,
}

/// Towards an origin these tell who asks, so their value is a secret (RFC 9110 section 11, RFC 6265 section 8).
const SECRETS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// What is done to a field.
#[derive(Clone, Copy)]
enum Change {
    Remove,
    /// `set` or `add`
    Give,
}

const RULES_MAX: usize = 64;
const VALUE_LENGTH_MAX: usize = 4096;
/// The rules; empty where none are written.
pub(super) fn check(
    written: Option<&Written<action::HeaderRules>>,
    towards: Towards,
    report: &mut Report,
) -> HeaderRules {
    let Some(Written { value: action::HeaderRules { remove, set, add }, at }) = written else {
        return HeaderRules::default();
    };
    if remove.is_none() && set.is_none() && add.is_none() {
        report.refuse_with_hint(
            Code::WithoutEffect,
            at,
            "nothing is changed",
            "give it `remove`, `set` or `add`, or leave it out",
        );
    }
    HeaderRules {
        remove: remove.as_ref().map(|names| removed(names, towards, report)).unwrap_or_default(),
        set: set.as_ref().map(|fields| given(fields, towards, report)).unwrap_or_default(),
        add: add.as_ref().map(|fields| given(fields, towards, report)).unwrap_or_default(),
    }
}

fn removed(names: &Written<Vec<Written<String>>>, towards: Towards, report: &mut Report) -> Vec<String> {
    count(names.value.len(), "field", 1..=RULES_MAX, &names.at, report);
    let lower: Vec<_> = names.value.iter().map(|name| name.value.to_ascii_lowercase()).collect();
    refuse_repeated(Code::RepeatedValue, "field", lower.iter().zip(names.value.iter().map(|name| &name.at)), report);
    names.value.iter().for_each(|name| check_name(name, Change::Remove, towards, report));
    lower
}

fn given(fields: &Named<Written<String>>, towards: Towards, report: &mut Report) -> Vec<(String, String)> {
    count(fields.entries.len(), "field", 1..=RULES_MAX, &fields.at, report);
    let lower: Vec<_> = fields.entries.iter().map(|(name, _)| name.value.to_ascii_lowercase()).collect();
    refuse_repeated(
        Code::RepeatedValue,
        "field",
        lower.iter().zip(fields.entries.iter().map(|(name, _)| &name.at)),
        report,
    );
    for (name, value) in &fields.entries {
        check_name(name, Change::Give, towards, report);
        if towards == Towards::Origin && SECRETS.contains(&name.value.to_ascii_lowercase().as_str()) {
            let message = format!("`{}` would hold a secret, which does not stand in a configuration", name.value);
            let hint = "let the origin trust the edge by its network; `remove` can name the field";
            report.refuse_with_hint(Code::WrongSecret, &value.at, message, hint);
        } else if !is_value(&value.value) {
            let hint = "visible ASCII and inner spaces, up to 4096 bytes";
            report.refuse_with_hint(
                Code::WrongField,
                &value.at,
                format!("`{}` cannot be sent as a value", value.value),
                hint,
            );
        }
    }
    lower.into_iter().zip(fields.entries.iter().map(|(_, value)| value.value.clone())).collect()
}

fn check_name(name: &Written<String>, change: Change, towards: Towards, report: &mut Report) {
    let Written { value, at } = name;
    if !is_token(value) {
        let message = format!("`{value}` is no header field");
        return report.refuse_with_hint(Code::WrongField, at, message, "a name such as `x-shop`");
    }
    let lower = value.to_ascii_lowercase();
    if let Some(reason) = reserved(&lower, towards) {
        let hint = match (lower.as_str(), change) {
            ("host", Change::Give) => "write `rewrite: {host: ...}`",
            (_, Change::Give) => "name another field",
            (_, Change::Remove) => "delete this entry",
        };
        report.refuse_with_hint(Code::ReservedField, at, format!("`{value}` {reason}"), hint);
    }
}

/// Why a field is not the configuration's to change. Follows on its name, which is in lower case.
fn reserved(name: &str, towards: Towards) -> Option<&'static str> {
    Some(match (towards, name) {
        // RFC 9110 section 7.6.1
        (
            _,
            "connection" | "content-length" | "keep-alive" | "proxy-connection" | "te" | "trailer"
            | "transfer-encoding" | "upgrade",
        ) => "belongs to the connection: messages are framed anew on each side",
        (_, "via") => "lists the proxies on the way: each appends itself", // RFC 9110 section 7.6.3
        (
            Towards::Origin,
            "host"
            | "forwarded"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-request-id"
            | "x-request-deadline-ms"
            | "traceparent"
            | "tracestate"
            | "client-cert"
            | "client-cert-chain",
        ) => "is set by the edge",
        (Towards::Origin, "expect") => "decides when the client sends the body",
        (Towards::Origin, name) if name.starts_with("x-floodgate-") => "is the edge's own: it is never passed on",
        (Towards::Client, "cache-status" | "x-request-id") => "is set by the edge",
        (Towards::Client, "age" | "date") => "tells caches how old the answer is",
        (Towards::Client, "content-range") => "tells which part of the content an answer holds",
        _ => return None,
    })
}

/// Whether a field can have this value (RFC 9110 section 5.5).
pub(super) fn is_value(value: &str) -> bool {
    let sendable = value.len() <= VALUE_LENGTH_MAX && value.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'));
    sendable && value.trim() == value
}

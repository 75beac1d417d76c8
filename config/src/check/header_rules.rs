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

const RULES_MAX: usize = 64;
const VALUE_LENGTH_MAX: usize = 4096;
/// Fields that frame the message or belong to one connection (RFC 9110 section 7.6.1).
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// By these the edge tells the origin who asks; more start with `x-floodgate-`.
const TO_ORIGIN: [&str; 8] = [
    "expect",
    "forwarded",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-deadline-ms",
    "x-request-id",
];
/// By these the edge tells the client what it did.
const TO_CLIENT: [&str; 5] = ["age", "cache-status", "content-range", "date", "x-request-id"];

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
    names.value.iter().for_each(|name| check_name(name, towards, report));
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
        check_name(name, towards, report);
        if !is_value(&value.value) {
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

fn check_name(name: &Written<String>, towards: Towards, report: &mut Report) {
    let Written { value, at } = name;
    let lower = value.to_ascii_lowercase();
    let lower = lower.as_str();
    if !is_token(value) {
        report.refuse_with_hint(
            Code::WrongField,
            at,
            format!("`{value}` is no header field"),
            "a name such as `x-shop`",
        );
    } else if FRAMING.contains(&lower) {
        let hint = "remove it here; messages are framed anew on each side";
        report.refuse_with_hint(Code::ReservedField, at, format!("`{value}` belongs to the connection"), hint);
    } else if towards == Towards::Origin && lower == "host" {
        report.refuse_with_hint(Code::ReservedField, at, "`host` is set by the edge", "write `rewrite: {host: ...}`");
    } else if (towards == Towards::Origin && (TO_ORIGIN.contains(&lower) || lower.starts_with("x-floodgate-")))
        || (towards == Towards::Client && TO_CLIENT.contains(&lower))
    {
        report.refuse_with_hint(Code::ReservedField, at, format!("`{value}` is set by the edge"), "name another field");
    }
}

/// Whether a field can have this value (RFC 9110 section 5.5).
pub(super) fn is_value(value: &str) -> bool {
    let sendable = value.len() <= VALUE_LENGTH_MAX && value.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'));
    sendable && value.trim() == value
}

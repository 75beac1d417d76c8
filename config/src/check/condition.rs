//! Checks conditions on header fields and query parameters.

use super::bound::count;
use crate::{
    model::{Attribute, Condition, Test},
    problem::{At, Code, Report},
    schema::{
        action::is_token,
        condition::AnyTest,
        read::{Named, Written},
    },
};

const CONDITIONS_MAX: usize = 16;
const VALUE_LENGTH_MAX: usize = 1024;

/// The conditions of one route, by attribute, so that equal sets are equal lists.
pub(super) fn check(
    headers: Option<Named<AnyTest>>,
    query: Option<Named<AnyTest>>,
    report: &mut Report,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(Named { at, entries }) = headers {
        count(entries.len(), "condition", 1..=CONDITIONS_MAX, &at, report);
        for (name, AnyTest(test)) in entries {
            check_field_name(&name, report);
            check_value(&test, can_stand_in_field(&test), &name.at, report);
            conditions.push(Condition { on: Attribute::Header(name.value.to_ascii_lowercase()), test });
        }
    }
    if let Some(Named { at, entries }) = query {
        count(entries.len(), "condition", 1..=CONDITIONS_MAX, &at, report);
        for (name, AnyTest(test)) in entries {
            check_value(&test, true, &name.at, report);
            conditions.push(Condition { on: Attribute::Query(name.value), test });
        }
    }
    conditions.sort_by(|a, b| a.on.cmp(&b.on));
    conditions
}

fn check_field_name(name: &Written<String>, report: &mut Report) {
    if !is_token(&name.value) {
        report.refuse_with_hint(
            Code::WrongField,
            &name.at,
            format!("`{}` is no header field", name.value),
            "a name such as `x-beta`",
        );
    } else if name.value.eq_ignore_ascii_case("host") {
        report.refuse_with_hint(
            Code::ReservedField,
            &name.at,
            "the host is no condition of its own",
            "write `host:` beside `path:`",
        );
    }
}

/// Whether a field can have such a value: visible ASCII, without white space at its ends (RFC 9110 section 5.5).
fn can_stand_in_field(test: &Test) -> bool {
    let visible = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'));
    match test {
        Test::Is(text) => visible(text) && text.trim() == text,
        Test::Prefix(text) => visible(text) && text.trim_start() == text,
        Test::Contains(text) => visible(text),
        Test::Present | Test::Absent => true,
    }
}

fn check_value(test: &Test, can_occur: bool, at: &At, report: &mut Report) {
    let (text, empty_says_something) = match test {
        Test::Is(text) => (text, true),
        Test::Prefix(text) | Test::Contains(text) => (text, false),
        Test::Present | Test::Absent => return,
    };
    if text.is_empty() && !empty_says_something {
        let message = "every value starts with and holds an empty text";
        report.refuse_with_hint(Code::WithoutEffect, at, message, "write `{present: true}`");
    } else if text.len() > VALUE_LENGTH_MAX {
        report.refuse(Code::OutOfRange, at, format!("the value is longer than {VALUE_LENGTH_MAX} bytes"));
    } else if !can_occur {
        report.refuse(Code::WrongField, at, format!("no request brings the value `{text}`"));
    }
}

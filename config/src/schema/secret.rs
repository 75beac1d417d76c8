//! Secrets, which are written as the place where they stand.

use super::describe::{Form, Shape};
use super::read::{Read, refuse_kind};
use crate::{
    model::Secret,
    problem::{At, Code, Report},
    tree::{Node, Value},
};

impl Read for Secret {
    /// No message repeats the value: it may be the secret itself, written here by mistake.
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`env:NAME` or `file:PATH`";
        let text = match &node.value {
            Value::Text(text) => text,
            Value::Null => return refuse_kind(node, at, report, EXPECTED),
            _ => "",
        };
        let secret = match (text.strip_prefix("env:"), text.strip_prefix("file:")) {
            (Some(name), _) if is_variable(name) => Some(Self::Env(name.to_owned())),
            (_, Some(path)) if !path.is_empty() => Some(Self::File(path.into())),
            _ => None,
        };
        if secret.is_none() {
            let hint = "write where the secret stands, never the secret itself: who reads this file shall not have it";
            report.refuse_with_hint(Code::WrongSecret, at, format!("expected {EXPECTED}"), hint);
        }
        secret
    }

    fn shape() -> Shape {
        Shape::Text(Form { what: "where a secret stands", example: "env:EDGE_ADMIN_TOKEN", pattern: "^(env|file):." })
    }
}

/// What every shell can set (POSIX.1-2017, base definitions, section 8.1).
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

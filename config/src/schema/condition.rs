//! Conditions on header fields and query parameters as they are written.

use super::{
    describe::{Form, Shape},
    read::{Read, mapping, refuse_kind},
};
use crate::{
    model::Test,
    problem::{At, Code, Report},
    tree::{Node, Value},
};

mapping! {
    /// The long form of a condition: one of these. Of several lines of a field, or several parameters of one name, the
    /// first counts. All of it is live.
    LongTest {
        /// It is just this. Default: another of these says what.
        optional is: String,

        /// It starts so. Default: another of these says what.
        optional prefix: String,

        /// It holds this somewhere. Default: another of these says what.
        optional contains: String,

        /// `true`: it is there, whatever it says. `false`: it is not. Default: another of these says what.
        optional present: bool,
    }
}

/// A condition in either form.
#[derive(Debug)]
pub(crate) struct AnyTest(pub(crate) Test);

impl Read for AnyTest {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str =
            "a value such as `\"1\"`, or one of `{is: ...}`, `{prefix: ...}`, `{contains: ...}`, `{present: true}`";
        let test = match &node.value {
            Value::Text(text) => Test::Is(text.clone()),
            Value::Map(_) => match LongTest::read(node, at, report)? {
                LongTest { is: Some(text), prefix: None, contains: None, present: None } => Test::Is(text),
                LongTest { is: None, prefix: Some(text), contains: None, present: None } => Test::Prefix(text),
                LongTest { is: None, prefix: None, contains: Some(text), present: None } => Test::Contains(text),
                LongTest { is: None, prefix: None, contains: None, present: Some(true) } => Test::Present,
                LongTest { is: None, prefix: None, contains: None, present: Some(false) } => Test::Absent,
                _ => {
                    report.refuse(
                        Code::OneOfSeveral,
                        at,
                        format!("expected {EXPECTED}, found none or several of them"),
                    );
                    return None;
                }
            },
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                let found = super::read::found(&node.value);
                report.refuse_with_hint(
                    Code::WrongKind,
                    at,
                    format!("expected {EXPECTED}, found {found}"),
                    "put the value in quotes",
                );
                return None;
            }
            _ => return refuse_kind(node, at, report, EXPECTED),
        };
        Some(Self(test))
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Text(Form { what: "a value", example: "yes", pattern: "" }), LongTest::shape()])
    }
}

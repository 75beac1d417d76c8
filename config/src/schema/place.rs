//! Where the edge stands: a zone by its name, or by the environment variable that holds it.

use super::{
    describe::{Form, Shape},
    read::{Read, text},
    secret::is_variable,
};
use crate::{
    model::Place,
    problem::{At, Code, Report},
    tree::Node,
};

impl Read for Place {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "the name of a zone, or `env:NAME`";
        let text = text(node, at, report, EXPECTED)?;
        match text.strip_prefix("env:") {
            None => Some(Self::Zone(text.to_owned())),
            Some(name) if is_variable(name) => Some(Self::Env(name.to_owned())),
            Some(_) => {
                let hint = "a variable has letters, digits and `_`, and starts with no digit";
                report.refuse_with_hint(Code::WrongName, at, format!("expected {EXPECTED}, found `{text}`"), hint);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Text(Form { what: "a zone", example: "eu-1a", pattern: "^(env:.+|[a-z][a-z0-9_-]*)$" })
    }
}

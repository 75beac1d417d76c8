//! Reads a schema type from the tree, reporting everything that does not fit.
//!
//! This is what `Deserialize` with `deny_unknown_fields` would do, except that it goes on after the first problem and
//! knows the dotted path of each.

mod declare;

pub(crate) use declare::{Keys, doc_line, key_name, mapping, words};

use declare::unique;

use super::describe::{Form, Shape};
use crate::{
    problem::{At, Code, Place, Report, suggest},
    tree::{Node, Value},
};

/// A type that can be read from a value of the tree.
pub(crate) trait Read: Sized {
    /// `None`: refused, and `report` says why.
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self>;

    /// What may be written, for the reference and for editors.
    fn shape() -> Shape;

    /// What stands in for a required key that is not there, once that has been reported.
    fn missing() -> Option<Self> {
        None
    }
}

/// A value with the place where it was written, for checks that come later.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

impl<T: Read> Read for Written<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        Some(Self { value: T::read(node, at, report)?, at: at.clone() })
    }

    fn shape() -> Shape {
        T::shape()
    }
}

/// A value that may have been refused without hiding the problems beside it.
#[derive(Debug)]
pub(crate) struct Tried<T>(pub(crate) Option<T>);

impl<T: Read> Read for Tried<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        Some(Self(T::read(node, at, report)))
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn missing() -> Option<Self> {
        Some(Self(None))
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let Value::List(items) = &node.value else { return refuse_kind(node, at, report, "a list") };
        bounded(items.len(), at, report)?;
        let read = items.iter().enumerate().map(|(n, item)| T::read(item, &at.index(n, item.place), report));
        all(read.collect())
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

/// A list that may be written as its only item.
#[derive(Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        match node.value {
            Value::List(_) => Vec::read(node, at, report).map(Self),
            _ => Some(Self(vec![T::read(node, at, report)?])),
        }
    }

    fn shape() -> Shape {
        Shape::OneOrMany(Box::new(T::shape()))
    }
}

/// A mapping from names that the user chooses, in the order of writing.
#[derive(Debug)]
pub(crate) struct Named<T> {
    pub(crate) at: At,
    pub(crate) entries: Vec<(Written<String>, T)>,
}

impl<T: Default> Default for Written<T> {
    fn default() -> Self {
        Self { value: T::default(), at: At::root(Place::START) }
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { at: At::root(Place::START), entries: Vec::new() }
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let Value::Map(entries) = &node.value else { return refuse_kind(node, at, report, "a mapping of names") };
        bounded(entries.len(), at, report)?;
        let read = unique(entries, at, report).into_iter().map(|(key, node)| {
            let name = Written { value: key.name.clone(), at: at.key(&key.name, key.place) };
            Some((name, T::read(node, &at.key(&key.name, node.place), report)?))
        });
        Some(Self { at: at.clone(), entries: all(read.collect())? })
    }

    fn shape() -> Shape {
        Shape::Named(Box::new(T::shape()))
    }
}

/// Refuses a list or mapping that is too long for anything. An item takes a thousand times the space of its text.
fn bounded(length: usize, at: &At, report: &mut Report) -> Option<()> {
    const MAX: usize = 1 << 16;
    if length > MAX {
        report.refuse(Code::WrongCount, at, format!("{length} are too many: at most {MAX} can be given"));
        return None;
    }
    Some(())
}

/// All of them, or `None` if one was refused. Takes them collected, so that each has been read and reported.
fn all<T>(items: Vec<Option<T>>) -> Option<Vec<T>> {
    items.into_iter().collect()
}

/// Reports a value of the wrong kind.
pub(crate) fn refuse_kind<T>(node: &Node, at: &At, report: &mut Report, expected: &str) -> Option<T> {
    let message = format!("expected {expected}, found {}", found(&node.value));
    match node.value {
        Value::Null => report.refuse_with_hint(Code::WrongKind, at, message, "write a value, or leave the key out"),
        _ => report.refuse(Code::WrongKind, at, message),
    }
    None
}

/// A value in the words of a message.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float(value) => format!("the number {value}"),
        Value::Text(value) => format!("`{value}`"),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a mapping".into(),
    }
}

/// Text that is not interpreted further here. Numbers are refused: `0123` or `1.20` would not come back as written.
impl Read for String {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        text(node, at, report, "text").map(str::to_owned)
    }

    fn shape() -> Shape {
        Shape::Text(Form { what: "text", example: "", pattern: "" })
    }
}

/// `true` or `false`: YAML 1.1 also knew `on`, `yes` and more, and read the country `no` as false.
impl Read for bool {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`true` or `false`";
        let meant = match &node.value {
            Value::Bool(value) => return Some(*value),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "on" | "yes" | "y" => Some("true"),
                "off" | "no" | "n" => Some("false"),
                other => suggest::nearest(other, ["true", "false"]),
            },
            _ => return refuse_kind(node, at, report, EXPECTED),
        };
        let message = format!("expected {EXPECTED}, found {}", found(&node.value));
        match meant {
            Some(word) => report.refuse_with_hint(Code::UnknownWord, at, message, format!("did you mean `{word}`?")),
            None => report.refuse(Code::UnknownWord, at, message),
        }
        None
    }

    fn shape() -> Shape {
        Shape::Truth
    }
}

/// The text of a node; anything else is refused.
pub(crate) fn text<'a>(node: &'a Node, at: &At, report: &mut Report, expected: &str) -> Option<&'a str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => refuse_kind(node, at, report, expected),
    }
}

/// One of a closed set of words.
pub(crate) fn word<T: Clone>(node: &Node, at: &At, report: &mut Report, words: &[(&str, T)]) -> Option<T> {
    let known = || words.iter().map(|(word, _)| *word);
    let expected = || known().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    let text = text(node, at, report, &expected())?;
    let value = words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
    if value.is_none() {
        let message = format!("expected {}, found `{text}`", expected());
        match suggest::nearest(text, known()) {
            Some(word) => report.refuse_with_hint(Code::UnknownWord, at, message, format!("did you mean `{word}`?")),
            None => report.refuse(Code::UnknownWord, at, message),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{problem::FileId, source::Sources, tree};

    fn read_bool(text: &str) -> Result<bool, String> {
        let mut report = Report::default();
        let node = tree::parse(text, FileId::default(), &mut report).unwrap();
        let value = bool::read(&node, &At::root(node.place), &mut report);
        let sources = Sources::of_text(text, "edge.yaml");
        report.into_problems(&sources).map_or_else(|| Ok(value.unwrap()), |problems| Err(problems.to_string()))
    }

    #[test]
    fn only_true_and_false_are_truth_values() {
        assert_eq!((read_bool("true"), read_bool("false")), (Ok(true), Ok(false)));
        for (text, meant) in [("on", "true"), ("Yes", "true"), ("off", "false"), ("no", "false"), ("flase", "false")] {
            let problem = read_bool(text).unwrap_err();
            assert!(problem.ends_with(&format!("hint: did you mean `{meant}`?")), "{problem}");
        }
        for text in ["maybe", "1", "[]", "~", "\"true\""] {
            read_bool(text).unwrap_err();
        }
    }
}

//! Reads a schema type from the tree, reporting everything that does not fit.
//!
//! This is what `Deserialize` with `deny_unknown_fields` would do, except that it goes on after the first problem and
//! knows the dotted path of each.

use std::collections::HashMap;

use super::describe::{Form, Shape};
use crate::{
    problem::{At, Code, Place, Report, suggest},
    tree::{Key, Node, Value},
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

/// The keys of a mapping while a schema type takes its own.
pub(crate) struct Keys<'a> {
    entries: Vec<(&'a Key, &'a Node)>,
    /// What unknown keys were probably meant to be; these are not missing as well.
    mistyped: Vec<&'a str>,
    at: &'a At,
    report: &'a mut Report,
}

impl<'a> Keys<'a> {
    /// Opens a mapping in which only the keys `known` may occur, each once.
    pub(crate) fn open(node: &'a Node, at: &'a At, report: &'a mut Report, known: &[&'a str]) -> Option<Self> {
        let Value::Map(entries) = &node.value else { return refuse_kind(node, at, report, "a mapping") };
        let entries = unique(entries, at, report);
        let mut mistyped = Vec::new();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            let known = || known.iter().copied().filter(|_| !report.is_full());
            mistyped.extend(suggest::nearest(&key.name, known()));
            let message = format!("unknown key `{}`", key.name);
            match suggest::hint(&key.name, known()) {
                Some(hint) => report.refuse_with_hint(Code::UnknownKey, &at.key(&key.name, key.place), message, hint),
                None => report.refuse(Code::UnknownKey, &at.key(&key.name, key.place), message),
            }
        }
        Some(Self { entries, mistyped, at, report })
    }

    /// The value of a key that must be there.
    pub(crate) fn required<T: Read>(&mut self, name: &str) -> Option<T> {
        self.optional(name)?.or_else(|| {
            if !self.mistyped.contains(&name) {
                self.report.refuse(Code::MissingKey, self.at, format!("the key `{name}` is missing"));
            }
            T::missing()
        })
    }

    /// The value of a key that may be left out. Outer `None`: refused.
    pub(crate) fn optional<T: Read>(&mut self, name: &str) -> Option<Option<T>> {
        let Some((_, node)) = self.entries.iter().find(|(key, _)| key.name == name) else { return Some(None) };
        T::read(node, &self.at.key(name, node.place), self.report).map(Some)
    }

    /// The value of a key that, left out, is the same as without content.
    pub(crate) fn section<T: Read + Default>(&mut self, name: &str) -> Option<Tried<T>> {
        Some(Tried(self.optional(name).map(Option::unwrap_or_default)))
    }
}

/// The entries without repetitions, which are reported.
fn unique<'a>(entries: &'a [(Key, Node)], at: &At, report: &mut Report) -> Vec<(&'a Key, &'a Node)> {
    let mut first = HashMap::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let at = at.key(&key.name, key.place);
        if let Some(other) = first.get(key.name.as_str()) {
            let message = format!("the key `{}` is written twice", key.name);
            let hint = format!("it first stands in {}", report.line(other, &at));
            report.refuse_with_hint(Code::RepeatedKey, &at, message, hint);
        } else {
            first.insert(key.name.as_str(), at);
            kept.push((key, node));
        }
    }
    kept
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

/// Declares the words of a closed set, and what each means.
macro_rules! words {
    ($name:ident { $( $word:literal => $value:expr, )+ }) => {
        impl $crate::schema::read::Read for $name {
            fn read(
                node: &$crate::tree::Node,
                at: &$crate::problem::At,
                report: &mut $crate::problem::Report,
            ) -> Option<Self> {
                $crate::schema::read::word(node, at, report, &[$( ($word, $value) ),+])
            }

            fn shape() -> $crate::schema::describe::Shape {
                $crate::schema::describe::Shape::Words(vec![$( $word ),+])
            }
        }
    };
}
pub(crate) use words;

/// Declares what a mapping may contain: each key with its need, which is the method of [`Keys`] that takes it, and its
/// type. The doc comments are the reference.
macro_rules! mapping {
    ($(#[$($attribute:tt)*])* $name:ident { $( $(#[$($of_key:tt)*])* $need:ident $key:ident: $type:ty, )* }) => {
        $(#[$($attribute)*])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $( $(#[$($of_key)*])* pub(crate) $key: $crate::schema::read::mapping!(@$need $type), )*
        }

        impl $crate::schema::read::Read for $name {
            fn read(
                node: &$crate::tree::Node,
                at: &$crate::problem::At,
                report: &mut $crate::problem::Report,
            ) -> Option<Self> {
                let known = [$( $crate::schema::read::key_name(stringify!($key)) ),*];
                let mut keys = $crate::schema::read::Keys::open(node, at, report, &known)?;
                // All are read before one that was refused ends it.
                $( let $key = keys.$need($crate::schema::read::key_name(stringify!($key))); )*
                Some(Self { $( $key: $key?, )* })
            }

            fn shape() -> $crate::schema::describe::Shape {
                $crate::schema::describe::Shape::Mapping(Self::mapping())
            }
        }

        impl $name {
            /// What it may contain.
            pub(crate) fn mapping() -> $crate::schema::describe::Mapping {
                $crate::schema::describe::Mapping {
                    name: stringify!($name),
                    doc: concat!($( $crate::schema::read::doc_line!($($attribute)*) ),*),
                    keys: vec![$( $crate::schema::describe::Key {
                        name: $crate::schema::read::key_name(stringify!($key)),
                        required: stringify!($need) == "required",
                        doc: concat!($( $crate::schema::read::doc_line!($($of_key)*) ),*),
                        shape: <$type as $crate::schema::read::Read>::shape(),
                    } ),*],
                }
            }
        }
    };
    (@required $type:ty) => { $type };
    (@optional $type:ty) => { Option<$type> };
    (@section $type:ty) => { $crate::schema::read::Tried<$type> };
}
pub(crate) use mapping;

/// The text of an attribute that is a line of a doc comment; nothing of others.
macro_rules! doc_line {
    (doc = $line:literal) => {
        concat!($line, "\n")
    };
    ($($other:tt)*) => {
        ""
    };
}
pub(crate) use doc_line;

/// The key of a field; `match` can only be a field as `r#match`.
pub(crate) fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
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

//! Mappings with known keys and words of closed sets: how schema types declare what they take.

use std::collections::HashMap;

use super::{Read, Tried, refuse_kind};
use crate::{
    problem::{At, Code, Report, suggest},
    tree::{Key, Node, Value},
};

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
pub(super) fn unique<'a>(entries: &'a [(Key, Node)], at: &At, report: &mut Report) -> Vec<(&'a Key, &'a Node)> {
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

//! The schema as data: what may be written where, in the words of its own doc comments.
//!
//! The reference and the JSON Schema are made from this and from nothing else.

/// What may be written at one place.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Keys that are known.
    Mapping(Mapping),
    /// Names of the user's choice, each with a value of this shape.
    Named(Box<Shape>),
    List(Box<Shape>),
    /// A list, or its only item without the brackets.
    OneOrMany(Box<Shape>),
    /// Any one of these.
    Either(Vec<Shape>),
    /// One of a closed set.
    Words(Vec<&'static str>),
    /// `true` or `false`.
    Truth,
    /// A whole number from 0.
    Number {
        most: u64,
    },
    /// This number.
    Only(u64),
    Text(Form),
}

/// A mapping with known keys.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    /// Name of its type, unique in the schema.
    pub(crate) name: &'static str,
    /// Its doc comment, as it stands in the source.
    pub(crate) doc: &'static str,
    /// In the order in which they are best written.
    pub(crate) keys: Vec<Key>,
}

/// One key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// Its doc comment, as it stands in the source.
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
}

/// Text with a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// `a time`
    pub(crate) what: &'static str,
    /// `500ms`
    pub(crate) example: &'static str,
    /// Regular expression that all such texts match, for editors; wrong texts may match it too.
    pub(crate) pattern: &'static str,
}

impl Form {
    /// ``a time such as `500ms` ``
    pub(crate) fn expected(&self) -> String {
        format!("{} such as `{}`", self.what, self.example)
    }
}

/// What a change of a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A reload.
    Live,
    /// A new process.
    Restart,
}

impl Shape {
    /// Calls `visit` with each key below this and its dotted path, in which `*` is any name and `[]` any item.
    pub(crate) fn walk<'a>(&'a self, path: &str, visit: &mut dyn FnMut(&str, &'a Key)) {
        match self {
            Self::Mapping(mapping) => {
                for key in &mapping.keys {
                    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
                    visit(&path, key);
                    key.shape.walk(&path, visit);
                }
            }
            Self::Named(of) => of.walk(&format!("{path}.*"), visit),
            Self::List(of) | Self::OneOrMany(of) => of.walk(&format!("{path}[]"), visit),
            Self::Either(shapes) => shapes.iter().for_each(|shape| shape.walk(path, visit)),
            Self::Words(_) | Self::Truth | Self::Number { .. } | Self::Only(_) | Self::Text(_) => {}
        }
    }
}

impl Key {
    /// What stands behind `Default` in the doc comment: a value in backticks, or words.
    pub(crate) fn default(&self) -> Option<String> {
        let doc = paragraph(self.doc);
        let (_, rest) = doc.split_once("Default")?;
        if let Some((value, _)) = rest.strip_prefix(" `").and_then(|rest| rest.split_once('`')) {
            return Some(format!("`{value}`"));
        }
        let words = rest.trim_start_matches([':', ' ']);
        let end = words.find([',', ':', ';', '(']).or_else(|| words.find(". ")).unwrap_or(words.len());
        Some(words[..end.min(words.find(". ").unwrap_or(end))].trim_end_matches('.').to_owned())
    }
}

/// What the doc comment of a key or mapping says of changes.
pub(crate) fn change(doc: &str) -> Option<Change> {
    let doc = paragraph(doc);
    let says = |word: &str| {
        doc.match_indices(word).any(|(at, _)| {
            let begins = at == 0 || doc[..at].ends_with(". ");
            begins && doc[at + word.len()..].starts_with(['.', ':', ';'])
        })
    };
    if says("Live") || doc.contains("All of it is live.") {
        Some(Change::Live)
    } else {
        says("Restart").then_some(Change::Restart)
    }
}

/// A doc comment on one line.
pub(crate) fn paragraph(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! YAML as a tree in which every key and every value knows its place.
//!
//! The parser hands out values in the order of writing and gives up at the first that does not fit its type. Reading
//! into a tree first, and from the tree into [`crate::schema`], lets one run report every problem of a file.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{
    DuplicateKeyPolicy, Error, ExternalMessageSource, Location, NonFiniteFloatPolicy, Spanned, UserMessageFormatter,
    budget::BudgetBreach, granit_parser::ErrorKind,
};
use std::fmt;

use crate::problem::{At, Code, FileId, Place, Report};

/// One value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

impl Node {
    /// Says of each place which file it is in, which the parser does not know.
    fn stamp(&mut self, file: FileId) {
        self.place.file = file;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.stamp(file)),
            Value::Map(entries) => {
                for (key, node) in entries {
                    key.place.file = file;
                    node.stamp(file);
                }
            }
            _ => {}
        }
    }

    /// How many values it is, with all that it holds.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            _ => 0,
        }
    }
}

/// What YAML itself tells apart.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of writing, with repetitions.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stands.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) name: String,
}

/// Reads one YAML document. `None`: it is not well-formed, and `report` says where.
pub(crate) fn parse(text: &str, file: FileId, report: &mut Report) -> Option<Node> {
    match serde_saphyr::from_str_with_options::<Node>(text, options()) {
        Ok(mut root) => {
            root.stamp(file);
            Some(root)
        }
        Err(error) => {
            let place = Place { file, ..error.location().map_or(Place::START, Place::from) };
            report.refuse(code(&error), &At::root(place), message(&error));
            None
        }
    }
}

/// Levels of lists and mappings; the deepest key of the language stands in the eighth.
const DEPTH_MAX: usize = 32;
/// Values of one file; thirty thousand routes have fewer. Each takes some 100 bytes.
const VALUES_MAX: usize = 500_000;
/// Values that aliases (`*name`) stand for.
const ALIASED_MAX: usize = 500_000;

/// Budgets against alias bombs and deep nesting; words such as `off` stay words; repeated keys are ours to report.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: VALUES_MAX,
            max_events: 4 * VALUES_MAX,
            // Ten thousand routes may well share one `&page`; what aliases stand for is bounded below.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_MAX },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

/// Whether the text is wrong, or only too much.
fn code(error: &Error) -> Code {
    match error {
        Error::AliasError { error, .. } => code(error),
        error if is_too_much(error) => Code::TooLarge,
        _ => Code::NotYaml,
    }
}

/// The scanner has a bound of its own for brackets, because it looks ahead.
fn is_too_deep(error: &Error) -> bool {
    match error {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => true,
        Error::ExternalMessage { source, .. } => match &**source {
            ExternalMessageSource::Parser(error) => matches!(error.kind(), ErrorKind::RecursionLimitExceeded),
            _ => false,
        },
        _ => false,
    }
}

fn is_too_much(error: &Error) -> bool {
    is_too_deep(error)
        || matches!(
            error,
            Error::Budget { .. }
                | Error::AliasReplayCounterOverflow { .. }
                | Error::AliasReplayLimitExceeded { .. }
                | Error::AliasExpansionLimitExceeded { .. }
                | Error::AliasReplayStackDepthExceeded { .. }
        )
}

/// The parser's message without the place, which is printed before it.
fn message(error: &Error) -> String {
    use serde_saphyr::MessageFormatter as _;
    match error {
        Error::AliasError { error, .. } => message(error),
        Error::UnknownAnchor { .. } => "this refers to an anchor that does not stand above it".into(),
        error if is_too_deep(error) => {
            format!("more than {DEPTH_MAX} levels of lists and mappings")
        }
        Error::Budget { breach: BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. }, .. } => {
            format!("more than {VALUES_MAX} values")
        }
        error if is_too_much(error) => format!("aliases that stand for more than {ALIASED_MAX} values"),
        Error::MultipleDocuments { .. } => "a second document starts here; a file holds one".into(),
        error => UserMessageFormatter.format_message(error).into_owned(),
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let bounded = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: bounded(location.line()), column: bounded(location.column()), ..Self::START }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { place: referenced.into(), value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { place: referenced.into(), name: value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(i128::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn tree(text: &str) -> Node {
        parse(text, FileId::default(), &mut Report::default()).unwrap()
    }

    fn refusals(text: &str) -> usize {
        let mut report = Report::default();
        assert!(parse(text, FileId::default(), &mut report).is_none());
        report.into_problems(&Sources::of_text(text, "edge.yaml")).map_or(0, |problems| problems.count())
    }

    fn place(line: u32, column: u32) -> Place {
        Place { line, column, ..Place::START }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let root = tree("a: 1\nb:\n  - x\n  - {c: off}\n");
        let Value::Map(entries) = root.value else { panic!("a mapping") };
        let (a, one) = &entries[0];
        assert_eq!((a.place, one.place), (place(1, 1), place(1, 4)));
        let (b, list) = &entries[1];
        assert_eq!(b.place, place(2, 1));
        let Value::List(items) = &list.value else { panic!("a list") };
        assert_eq!(items[0].place, place(3, 5));
        let Value::Map(inner) = &items[1].value else { panic!("a mapping") };
        assert_eq!((inner[0].0.place, inner[0].1.place), (place(4, 6), place(4, 9)));
        assert!(matches!(&inner[0].1.value, Value::Text(word) if word == "off"));
    }

    #[test]
    fn repeated_keys_are_kept_for_the_report() {
        let Value::Map(entries) = tree("a: 1\na: 2\n").value else { panic!("a mapping") };
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..8 {
            let last = format!("*a{}, ", n - 1).repeat(10);
            bomb.push_str(&format!("a{n}: &a{n} [{last}]\n"));
        }
        assert_eq!(refusals(&bomb), 1);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(refusals(&"[".repeat(100_000)), 1);
    }
}

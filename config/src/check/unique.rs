//! Things that may be written once.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt::Display,
    hash::Hash,
};

use crate::problem::{At, Code, Report};

/// Reports everything that has been written before, and where.
pub(super) fn refuse_repeated<'a, T>(
    code: Code,
    thing: &str,
    written: impl Iterator<Item = (T, &'a At)>,
    report: &mut Report,
) where
    T: Hash + Eq + Display,
{
    let mut first: HashMap<T, &At> = HashMap::new();
    for (value, at) in written {
        match first.entry(value) {
            Entry::Vacant(entry) => {
                entry.insert(at);
            }
            Entry::Occupied(entry) => {
                let hint = format!("it first stands at {}", report.whereabouts(entry.get(), at));
                report.refuse_with_hint(code, at, format!("the {thing} `{}` is written twice", entry.key()), hint);
            }
        }
    }
}

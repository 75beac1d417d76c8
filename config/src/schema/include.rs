//! Several files as one: which files a file includes, and how their keys are put together.

use std::collections::HashMap;

use super::read::{OneOrMany, Read, Written, refuse_kind};
use crate::{
    problem::{At, Code, Report, suggest},
    tree::{Key, Node, Value},
};

/// Patterns that one file may have.
const PATTERNS_MAX: usize = 100;
/// What an included file may hold, besides `version` and `include`. Names and items of all files are put together;
/// everything else would have to win or lose against the main file.
pub(crate) const SHARED: [&str; 5] = ["listeners", "trusted_proxies", "pools", "zones", "routes"];

/// The patterns in `include` of a file; none where they are wrong, which is reported.
pub(crate) fn patterns(root: &Node, report: &mut Report) -> Vec<Written<String>> {
    let Value::Map(entries) = &root.value else { return Vec::new() };
    let Some((_, node)) = entries.iter().find(|(key, _)| key.name == "include") else { return Vec::new() };
    let at = At::root(root.place).key("include", node.place);
    let Some(OneOrMany(patterns)) = OneOrMany::<Written<String>>::read(node, &at, report) else { return Vec::new() };
    if !(1..=PATTERNS_MAX).contains(&patterns.len()) {
        let message = format!("1 to {PATTERNS_MAX} patterns can be given, found {}", patterns.len());
        report.refuse(Code::WrongCount, &at, message);
        return Vec::new();
    }
    patterns
}

/// The main file with what the others add to it. `None`: there is no file.
pub(crate) fn join(trees: Vec<Node>, report: &mut Report) -> Option<Node> {
    let mut trees = trees.into_iter();
    let mut main = trees.next()?;
    for included in trees {
        let at = At::root(included.place);
        let own = match included.value {
            Value::Map(own) => own,
            Value::Null => {
                report.refuse_with_hint(Code::MissingKey, &at, "the file says nothing", "include it no longer");
                continue;
            }
            _ => {
                refuse_kind::<()>(&included, &at, report, "a mapping");
                continue;
            }
        };
        let mut seen: HashMap<String, At> = HashMap::new();
        for (key, node) in own {
            let at = At::root(included.place).key(&key.name, key.place);
            if let Some(first) = seen.get(&key.name) {
                let message = format!("the key `{}` is written twice", key.name);
                let hint = format!("it first stands in {}", report.line(first, &at));
                report.refuse_with_hint(Code::RepeatedKey, &at, message, hint);
                continue;
            }
            seen.insert(key.name.clone(), at.clone());
            if may_stand(&key, &node, &at, report)
                && let Value::Map(entries) = &mut main.value
            {
                add(entries, key, node, &At::root(included.place), report);
            }
        }
    }
    Some(main)
}

/// Whether an included file may hold the key, and it is still to be added.
fn may_stand(key: &Key, node: &Node, at: &At, report: &mut Report) -> bool {
    match key.name.as_str() {
        "include" => false,
        "version" => {
            if !matches!(node.value, Value::Integer(1)) {
                report.refuse_with_hint(Code::OutOfRange, at, "another version than the main file has", "leave it out");
            }
            false
        }
        name if SHARED.contains(&name) => true,
        name @ ("process" | "admin" | "forwarding_fields" | "classes" | "telemetry") => {
            let message = format!("`{name}` may only stand in the main file");
            report.refuse_with_hint(Code::MainFileOnly, at, message, "write it there");
            false
        }
        name => {
            let hint = suggest::hint(name, SHARED).expect("there are such keys");
            report.refuse_with_hint(Code::UnknownKey, at, format!("unknown key `{name}`"), hint);
            false
        }
    }
}

/// Adds the names or items of `node` to those that stand under the same key. Repeated names are found when they are
/// read.
fn add(entries: &mut Vec<(Key, Node)>, key: Key, node: Node, root: &At, report: &mut Report) {
    let at = root.key(&key.name, node.place);
    let Some((_, first)) = entries.iter_mut().find(|(first, _)| first.name == key.name) else {
        entries.push((key, node));
        return;
    };
    match (&mut first.value, node.value) {
        (Value::Map(all), Value::Map(more)) => all.extend(more),
        (Value::List(all), Value::List(more)) => all.extend(more),
        // Where the first is wrong, that is reported when it is read.
        (Value::Map(_), value) => {
            refuse_kind::<()>(&Node { value, place: node.place }, &at, report, "a mapping of names");
        }
        (Value::List(_), value) => {
            refuse_kind::<()>(&Node { value, place: node.place }, &at, report, "a list");
        }
        _ => {}
    }
}

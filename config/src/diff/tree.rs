//! Two configurations as trees, and where they differ.

use std::{collections::HashMap, fmt};

use crate::{
    effective::{Yaml, values_of},
    model::Config,
};

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 120;
/// New entries that are looked at for one that is gone: renaming is done to few.
const COMPARED_MAX: usize = 100;

/// A whole configuration. What has a name goes by it, wherever it stands.
#[derive(Debug)]
pub(super) struct Tree {
    root: Yaml,
    /// Position of each route; there can be many.
    routes: HashMap<String, usize>,
}

impl Tree {
    pub(super) fn of(config: &Config) -> Self {
        let mut root = Yaml::Map(values_of(config));
        if let Yaml::Map(entries) = &mut root {
            for (key, value) in entries.iter_mut() {
                match (key.as_str(), value) {
                    ("routes", routes) => by_key(routes, "name"),
                    ("pools", Yaml::Map(pools)) => pools.iter_mut().for_each(|(_, pool)| {
                        if let Yaml::Map(keys) = pool {
                            keys.iter_mut()
                                .filter(|(key, _)| key == "endpoints")
                                .for_each(|(_, e)| by_key(e, "address"));
                        }
                    }),
                    _ => {}
                }
            }
        }
        let mut tree = Self { root, routes: HashMap::new() };
        if let Some(Yaml::Map(routes)) = get(&tree.root, &["routes"]) {
            tree.routes = routes.iter().enumerate().map(|(n, (name, _))| (name.clone(), n)).collect();
        }
        tree
    }

    /// A zone.
    pub(super) fn zone(&self, name: &str) -> Option<&Yaml> {
        get(&self.root, &["zones", name])
    }

    /// A route.
    pub(super) fn route(&self, name: &str) -> Option<&Yaml> {
        let Yaml::Map(routes) = get(&self.root, &["routes"])? else { return None };
        self.routes.get(name).and_then(|n| routes.get(*n)).map(|(_, route)| route)
    }
}

/// The value at a path below another.
pub(super) fn get<'a>(value: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(value, |value, step| match value {
        Yaml::Map(entries) => entries.iter().find(|(key, _)| key == step).map(|(_, value)| value),
        Yaml::List(_) | Yaml::Scalar(_) => None,
    })
}

/// Makes a mapping of a list of mappings, by the value of one of their keys.
fn by_key(list: &mut Yaml, by: &str) {
    let Yaml::List(items) = list else { return };
    let entries = items.drain(..).filter_map(|item| {
        let Yaml::Map(mut entries) = item else { return None };
        let at = entries.iter().position(|(key, _)| key == by)?;
        let (_, name) = entries.remove(at);
        Some((flow(&name).trim_matches('"').to_owned(), Yaml::Map(entries)))
    });
    *list = Yaml::Map(entries.collect());
}

/// What became of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    Added(&'a Yaml),
    Removed(&'a Yaml),
    Changed(&'a Yaml, &'a Yaml),
    /// It is the same under another name.
    Renamed(&'a str, &'a Yaml),
    /// The same entries in another order.
    Reordered,
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(value) => write!(f, "none -> {}", short(value)),
            Self::Removed(value) => write!(f, "{} -> none", short(value)),
            Self::Changed(old, new) => write!(f, "{} -> {}", short(old), short(new)),
            Self::Renamed(name, _) => write!(f, "renamed to {name}"),
            Self::Reordered => f.write_str("another order"),
        }
    }
}

/// Calls `found` for each difference with its path.
pub(super) fn compare<'a>(old: &'a Tree, new: &'a Tree, found: &mut dyn FnMut(&[&str], Change<'a>)) {
    compare_values(&old.root, &new.root, &mut Vec::new(), found);
}

fn compare_values<'a>(
    old: &'a Yaml,
    new: &'a Yaml,
    path: &mut Vec<&'a str>,
    found: &mut dyn FnMut(&[&str], Change<'a>),
) {
    match (old, new) {
        (Yaml::Map(old), Yaml::Map(new)) => compare_maps(old, new, path, found),
        (old, new) if old == new => {}
        (Yaml::List(old), Yaml::List(new))
            if [old, new].into_iter().flatten().any(|item| matches!(item, Yaml::Map(_))) =>
        {
            compare_lists(old, new, path, found);
        }
        (old, new) => found(path, Change::Changed(old, new)),
    }
}

type Entries = [(String, Yaml)];

fn compare_maps<'a>(
    old: &'a Entries,
    new: &'a Entries,
    path: &mut Vec<&'a str>,
    found: &mut dyn FnMut(&[&str], Change<'a>),
) {
    fn index(entries: &Entries) -> HashMap<&str, &Yaml> {
        entries.iter().map(|(key, value)| (key.as_str(), value)).collect()
    }
    let (before, after) = (index(old), index(new));
    let mut added: Vec<_> = new.iter().filter(|(key, _)| !before.contains_key(key.as_str())).collect();
    for (key, value) in old {
        path.push(key);
        match after.get(key.as_str()) {
            Some(next) => compare_values(value, next, path, found),
            None => match renamed(&added, value, path) {
                Some(renamed) => found(path, Change::Renamed(&added.remove(renamed).0, value)),
                None => found(path, Change::Removed(value)),
            },
        }
        path.pop();
    }
    for (key, value) in added {
        path.push(key);
        found(path, Change::Added(value));
        path.pop();
    }
    let kept = |entries: &'a Entries, other: &HashMap<&str, &Yaml>| {
        entries.iter().map(|(key, _)| key.as_str()).filter(|key| other.contains_key(key)).collect::<Vec<_>>()
    };
    if order_matters(path) && kept(old, &after) != kept(new, &before) {
        found(path, Change::Reordered);
    }
}

/// Which of the new entries is the same under another name.
fn renamed(added: &[&(String, Yaml)], value: &Yaml, path: &[&str]) -> Option<usize> {
    if !matches!(path, ["pools" | "zones" | "routes", _]) {
        return None;
    }
    added.iter().take(COMPARED_MAX).position(|(_, new)| new == value)
}

/// Listeners are known by their position, a split adds its weights up, and round robin begins with the first. Of all other
/// mappings the order decides nothing.
fn order_matters(path: &[&str]) -> bool {
    matches!(path, ["listeners"] | ["pools", _, "endpoints"] | ["routes", _, "split", "pools"])
}

/// Lists of mappings, item by item: a limit or certificate is known by its position.
fn compare_lists<'a>(old: &'a [Yaml], new: &'a [Yaml], path: &[&'a str], found: &mut dyn FnMut(&[&str], Change<'a>)) {
    for n in 0..old.len().max(new.len()) {
        let change = match (old.get(n), new.get(n)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(old), Some(new)) => Change::Changed(old, new),
            (Some(old), None) => Change::Removed(old),
            (None, Some(new)) => Change::Added(new),
            (None, None) => continue,
        };
        let item = format!("[{n}]");
        found(&[path, &[item.as_str()]].concat(), change);
    }
}

fn short(value: &Yaml) -> String {
    let text = flow(value);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// A value on one line.
fn flow(value: &Yaml) -> String {
    match value {
        Yaml::Scalar(text) => text.clone(),
        Yaml::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

//! What a reload would change, and what each change costs.
//!
//! The two configurations are written out in full, as `edge check --effective` does it, and compared key by key; so no
//! key can be forgotten here, and a default that was written down is no difference.

use std::fmt;

use serde::Serialize;

mod effect;
mod tree;

use crate::{model::Config, schema};
use effect::effect;
use tree::{Change, Tree};

/// What a difference costs, the dearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A reload refuses the whole configuration; only a new process can have it.
    NeedsRestart,
    /// Stored answers are dropped, or will never be found again.
    OrphansCache,
    /// What was counted, of a rate limit or an endpoint's health, is forgotten.
    DropsCounters,
    /// Nothing: from now on it is so.
    Live,
}

impl Kind {
    /// All, the dearest first.
    pub const ALL: [Self; 4] = [Self::NeedsRestart, Self::OrphansCache, Self::DropsCounters, Self::Live];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsRestart => "needs a restart",
            Self::OrphansCache => "orphans stored answers",
            Self::DropsCounters => "drops counters",
            Self::Live => "live",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Dotted path such as `routes.pages.cache.query`; routes go by their names.
    pub path: String,
    /// What becomes of it: `100/s -> 50/s`, `-127.0.0.1:9102`, `removed`.
    pub change: String,
    /// What it costs.
    pub kind: Kind,
    /// The same in words.
    pub effect: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}   {}", self.path, self.change, self.effect)
    }
}

/// Every difference between two configurations, in the order of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diff {
    differences: Vec<Difference>,
}

impl Diff {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Difference> {
        self.differences.iter()
    }

    /// Those of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Difference> {
        self.iter().filter(move |difference| difference.kind == kind)
    }

    /// Whether the two mean the same.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }
}

impl<'a> IntoIterator for &'a Diff {
    type Item = &'a Difference;
    type IntoIter = std::slice::Iter<'a, Difference>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What changes when `new` takes the place of `old`, and what that costs.
pub fn diff(old: &Config, new: &Config) -> Diff {
    let (before, after) = (Tree::of(old), Tree::of(new));
    let restart = schema::restart_keys();
    let mut differences = Vec::new();
    tree::compare(&before, &after, &mut |path, change| {
        let (kind, effect) = effect(path, &change, &before, &after, &restart);
        let (path, change) = shown(path, &change);
        differences.push(Difference { path, change, kind, effect });
    });
    Diff { differences }
}

/// Path and change as they are printed. Endpoints go by their addresses, which hold dots themselves.
fn shown(path: &[&str], change: &Change<'_>) -> (String, String) {
    match (path, change) {
        (["pools", pool, "endpoints", address], Change::Added(_)) => {
            (format!("pools.{pool}.endpoints"), format!("+{address}"))
        }
        (["pools", pool, "endpoints", address], Change::Removed(_)) => {
            (format!("pools.{pool}.endpoints"), format!("-{address}"))
        }
        (["pools", pool, "endpoints", address, key], change) => {
            (format!("pools.{pool}.endpoints"), format!("{address} {key} {change}"))
        }
        (["listeners" | "pools" | "zones" | "routes", _], Change::Added(_)) => (path.join("."), "added".to_owned()),
        (["listeners" | "pools" | "zones" | "routes", _], Change::Removed(_)) => (path.join("."), "removed".to_owned()),
        _ => (path.join(".").replace(".[", "["), change.to_string()),
    }
}

#[cfg(test)]
mod tests;

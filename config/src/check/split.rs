//! Checks splits between pools.

use std::collections::HashMap;

use super::{
    bound::{count, within},
    route::References,
};
use crate::{
    model::{PoolId, Share, Split, SplitKey},
    problem::{At, Code, Report},
    schema::{
        self, action,
        read::{Named, Written},
    },
};

const SHARES_MAX: usize = 16;
const WEIGHT_MAX: u16 = 10_000;

/// One split. `None`: reported.
pub(super) fn check(written: &action::Split, names: &mut References, report: &mut Report) -> Option<Split> {
    let Named { at, entries } = &written.pools;
    count(entries.len(), "pool", 2..=SHARES_MAX, at, report);
    let mut shares = Vec::with_capacity(entries.len());
    for (name, weight) in entries {
        let pool = names.pools.find(name, report);
        let weight = within(Some(weight), 0, 0..=WEIGHT_MAX, report);
        shares.push(pool.map(|pool| Share { pool: PoolId(pool), weight }));
    }
    if entries.iter().all(|(_, weight)| weight.value == 0) {
        report.refuse_with_hint(Code::WithoutEffect, at, "no pool gets any client", "give one a weight above 0");
    }
    let by = written.by.clone().unwrap_or(SplitKey::HashAddress);
    Some(Split { shares: shares.into_iter().collect::<Option<_>>()?, by })
}

/// Reports splits that name different pools in one cookie: each would overwrite what the other has drawn.
pub(super) fn refuse_shared_cookies(routes: &[&schema::Route], report: &mut Report) {
    let mut first: HashMap<&str, (Vec<&str>, &At)> = HashMap::new();
    for Written { value: split, at } in routes.iter().filter_map(|route| route.split.as_ref()) {
        let Some(SplitKey::Cookie(cookie)) = &split.by else { continue };
        let mut pools: Vec<&str> = split.pools.entries.iter().map(|(name, _)| name.value.as_str()).collect();
        pools.sort_unstable();
        let (others, other) = first.entry(cookie).or_insert_with(|| (pools.clone(), at));
        if *others != pools {
            let message = format!("the cookie `{cookie}` names other pools in another split");
            let hint =
                format!("that one stands at {}; each would overwrite the other's", report.whereabouts(other, at));
            report.refuse_with_hint(Code::RepeatedName, at, message, hint);
        }
    }
}

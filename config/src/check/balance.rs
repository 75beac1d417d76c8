//! Checks how an endpoint is chosen, and how clients are kept there.

use std::{collections::HashMap, time::Duration};

use super::{
    bound::{whole_seconds, within},
    route::YEAR,
};
use crate::{
    model::{Balance, Hash, Secret, SplitKey, Sticky},
    problem::{At, Code, Report},
    schema::{
        self, AnyBalance,
        action::is_token,
        quantity::WholePercent,
        read::{Named, Tried, Written},
    },
    source::Sources,
};

/// As most have it who follow Mirrokni, Thorup and Zadimoghaddam: Consistent Hashing with Bounded Loads, arXiv
/// 1608.01350.
const LOAD: WholePercent = WholePercent(125);

pub(super) fn balance(written: Option<AnyBalance>, report: &mut Report) -> Balance {
    match written {
        None => Balance::LeastRequests,
        Some(AnyBalance::Simple(balance)) => balance,
        Some(AnyBalance::Hash(schema::Hashing { by, load })) => {
            let WholePercent(load_percent) =
                within(load.as_ref(), LOAD, WholePercent(101)..=WholePercent(1000), report);
            Balance::Hash(Hash { by, load_percent })
        }
    }
}

pub(super) fn sticky(written: schema::Sticky, sources: &Sources, report: &mut Report) -> Sticky {
    let schema::Sticky { cookie, key, max_age } = written;
    if !is_token(&cookie.value) {
        let hint = "a name such as `shop_server`, without spaces";
        report.refuse_with_hint(Code::WrongField, &cookie.at, format!("`{}` is no cookie", cookie.value), hint);
    }
    whole_seconds(max_age.as_ref(), report);
    let second = Duration::from_secs(1);
    Sticky {
        cookie: cookie.value,
        key: match key.value {
            Secret::File(path) => Secret::File(sources.resolve(&path, &key.at)),
            Secret::Env(name) => Secret::Env(name),
        },
        max_age: max_age.as_ref().map(|age| within(Some(age), second, second..=YEAR, report)),
    }
}

/// Reports cookies of pools that another pool or a split sets as well: each would overwrite the other's.
pub(super) fn refuse_shared_cookies(
    pools: &Named<Tried<schema::Pool>>,
    routes: Option<&Written<Vec<Tried<schema::Route>>>>,
    report: &mut Report,
) {
    let mut taken: HashMap<&str, &At> = HashMap::new();
    let routes = routes.into_iter().flat_map(|routes| &routes.value).filter_map(|route| route.0.as_ref());
    for Written { value: split, at } in routes.filter_map(|route| route.split.as_ref()) {
        if let Some(SplitKey::Cookie(cookie)) = &split.by {
            taken.entry(cookie).or_insert(at);
        }
    }
    let read = pools.entries.iter().filter_map(|(_, pool)| pool.0.as_ref());
    for Written { value: cookie, at } in read.filter_map(|pool| Some(&pool.sticky.as_ref()?.value.cookie)) {
        if let Some(other) = taken.insert(cookie, at) {
            let message = format!("the cookie `{cookie}` is already set elsewhere");
            let whereabouts = report.whereabouts(other, at);
            let hint = format!("that is at {whereabouts}; each would overwrite the other's");
            report.refuse_with_hint(Code::RepeatedName, at, message, hint);
        }
    }
}

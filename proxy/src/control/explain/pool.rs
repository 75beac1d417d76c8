//! The pool's part of an explanation: who could answer, and what of the request decides who does.

use config::model::{self, Address, Balance, Forward, Hash, PoolId};

use super::{
    Way,
    explanation::{Endpoint, Pool},
};
use crate::request::{
    admission,
    balance::affinity::{self, Asked},
    identify::{Facts, cookie},
};

/// `chosen` says why it is this pool, where there was a choice.
pub(super) fn explain(way: &Way<'_>, facts: &Facts, id: PoolId, chosen: Option<String>, forward: &Forward) -> Pool {
    let model = &way.config.live.pools[id.index()];
    Pool {
        name: model.name.clone(),
        chosen,
        balance: model.balance.to_string(),
        key: key(way, facts, &model.balance),
        sticky: sticky(way, model),
        endpoints_file: model.endpoints_file.as_ref().map(|path| path.display().to_string()),
        endpoints: model.endpoints.iter().map(|endpoint| written(&endpoint.address.to_string(), endpoint)).collect(),
        ceiling: admission::ceiling(model.limit, forward.class),
        in_flight: None,
    }
}

/// An endpoint as it is configured, at one of its addresses.
pub(super) fn written(address: &str, model: &model::Endpoint) -> Endpoint {
    let name = model.address.to_string();
    let is_found = matches!(model.address, Address::Name { .. }) && name != address;
    Endpoint {
        address: address.to_owned(),
        name: is_found.then_some(name),
        weight: model.weight,
        zone: model.zone.clone(),
        backup: model.backup,
        drain: model.drain,
        state: None,
    }
}

/// What is hashed, and whether the request has it. Its value is not told: a cookie may be all that a client needs to be
/// taken for another.
fn key(way: &Way<'_>, facts: &Facts, balance: &Balance) -> Option<String> {
    let Balance::Hash(Hash { by, .. }) = balance else { return None };
    let asked = Asked { path: &facts.path, client: facts.client, headers: &way.header.headers };
    let what = if affinity::key(balance, &asked).is_some() {
        "of the request"
    } else {
        "which the request does not have: drawn by chance"
    };
    Some(format!("{by}, {what}"))
}

fn sticky(way: &Way<'_>, model: &model::Pool) -> Option<String> {
    let sticky = model.sticky.as_ref()?;
    let has_it = match cookie(&way.header.headers, &sticky.cookie) {
        Some(_) => "which the request has",
        None => "which the answer sets",
    };
    Some(format!("the cookie {}, {has_it}", sticky.cookie))
}

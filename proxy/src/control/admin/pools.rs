//! `GET /pools`: endpoints and their states. `POST /pools/{pool}/endpoints/{address}`: a state by hand.

use std::fmt::Display;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use super::{
    Admin,
    answer::{Answer, error, json},
    config::read,
};
use crate::{
    clock,
    control::pools::{Order, Pool},
    request::balance::{ByHand, Member},
};

/// Bytes of an order.
const ORDER_MAX: usize = 4 << 10;
/// Names that an answer lists, of those that there are.
const LISTED_MAX: usize = 100;

/// All pools.
pub(super) fn get(admin: &Admin) -> Answer {
    let snapshot = admin.tender.edge().published.load();
    let now = clock::nanos();
    let pools = snapshot.pools.iter().map(|pool| Pool::of(pool, admin.tender.discovery(), now));
    json(StatusCode::OK, &pools.collect::<Vec<_>>())
}

/// Pool and endpoint that a path names, percent-encoded; `None` if it names none.
pub(super) fn endpoint_of(path: &str) -> Option<(String, String)> {
    let (pool, endpoint) = path.strip_prefix("/pools/")?.split_once("/endpoints/")?;
    let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let is_one = |text: &str| !text.is_empty() && !text.contains('/');
    (is_one(pool) && is_one(endpoint)).then_some((decode(pool)?, decode(endpoint)?))
}

/// Sets the state of an endpoint, or of all that are found behind a name; answers what they are like now.
pub(super) async fn post(request: Request<Incoming>, admin: &Admin, name: &str, endpoint: &str) -> Answer {
    let body = match read(request.into_body(), ORDER_MAX).await {
        Ok(body) => body,
        Err((status, message)) => return error(status, &message),
    };
    let (now, since) = (clock::nanos(), clock::wall());
    let order = serde_json::from_slice::<Order>(&body).map_err(|cause| {
        format!("expected {{\"state\": \"drain|up|down|auto\", \"for\": \"10m\", \"by\": WHO, \"why\": TEXT}}: {cause}")
    });
    let by = order.as_ref().map(|order| order.by.clone()).unwrap_or_default();
    let by_hand = match order.and_then(|order| order.check(now, since).map_err(|cause| cause.to_string())) {
        Ok(by_hand) => by_hand,
        Err(message) => return error(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = admin.tender.edge().published.load();
    let Some(pool) = snapshot.pools.iter().find(|known| known.model.name == name) else {
        return unknown("pool", name, snapshot.pools.iter().map(|pool| &pool.model.name));
    };
    let members = pool.balancer.members();
    let named = members.iter().filter(|member| is_called(member, endpoint)).map(|member| member.address);
    // One that leaves at this moment is none any more.
    let named: Vec<_> = named.filter(|address| pool.balancer.by_hand(*address, by_hand.clone(), now).is_ok()).collect();
    if named.is_empty() {
        return unknown("endpoint", endpoint, members.iter().map(|member| member.address));
    }
    log(&pool.model.name, endpoint, by_hand.as_ref(), &by);
    let mut standing = Pool::of(pool, admin.tender.discovery(), now);
    let named: Vec<_> = named.iter().map(ToString::to_string).collect();
    standing.endpoints.retain(|endpoint| named.contains(&endpoint.address));
    json(StatusCode::OK, &[standing])
}

/// By its address, or as it is written in the configuration.
fn is_called(member: &Member, name: &str) -> bool {
    member.address.to_string() == name || member.from.address.to_string() == name
}

fn log(pool: &str, endpoint: &str, by_hand: Option<&ByHand>, by: &str) {
    let state = by_hand.map_or("auto".to_owned(), |by_hand| by_hand.state.to_string());
    let why = by_hand.and_then(|by_hand| by_hand.why.as_deref()).unwrap_or_default();
    tracing::warn!(pool, endpoint, state, by, why, "the state of an endpoint was set by hand");
}

fn unknown(kind: &str, name: &str, known: impl Iterator<Item = impl Display>) -> Answer {
    let known: Vec<_> = known.take(LISTED_MAX).map(|known| format!("`{known}`")).collect();
    let message = format!("there is no {kind} `{name}`; known are {}", known.join(", "));
    error(StatusCode::NOT_FOUND, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_endpoint_of_one_pool() {
        let named = |path| endpoint_of(path).map(|(pool, endpoint)| format!("{pool} {endpoint}"));
        assert_eq!(named("/pools/shop/endpoints/127.0.0.1:80").as_deref(), Some("shop 127.0.0.1:80"));
        assert_eq!(named("/pools/shop/endpoints/%5B%3A%3A1%5D%3A80").as_deref(), Some("shop [::1]:80"));
        for other in [
            "/pools",
            "/pools/shop",
            "/pools/shop/endpoints/",
            "/pools//endpoints/a",
            "/pools/shop/endpoints/a/b",
            "/pools/shop/endpoints/%ff",
            "/pools/a/b/endpoints/c",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}

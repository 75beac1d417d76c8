//! What in a request brings its client to one endpoint again: what is hashed, and a cookie.

use std::net::IpAddr;

use config::model::{Balance, Hash, HashKey, Sticky};
use http::HeaderMap;

use super::hash;
use crate::request::identify::cookie;

/// What tells a request from others.
pub(crate) struct Asked<'a> {
    /// Its path, as it is routed.
    pub(crate) path: &'a str,
    /// Who sent it.
    pub(crate) client: IpAddr,
    pub(crate) headers: &'a HeaderMap,
}

/// The place of a request on the ring; `None` where nothing is hashed, or the request does not have it.
pub(crate) fn key(balance: &Balance, asked: &Asked<'_>) -> Option<u64> {
    let Balance::Hash(Hash { by, .. }) = balance else { return None };
    Some(match by {
        HashKey::Path => hash::key(asked.path.as_bytes()),
        HashKey::Address => match asked.client {
            IpAddr::V4(client) => hash::key(&client.octets()),
            IpAddr::V6(client) => hash::key(&client.octets()),
        },
        HashKey::Header(name) => hash::key(asked.headers.get(name)?.as_bytes()),
        HashKey::Cookie(name) => hash::key(cookie(asked.headers, name)?),
    })
}

/// The cookie line that keeps a client at the endpoint of this token.
pub(crate) fn set_cookie(sticky: &Sticky, token: &str, secure: bool) -> String {
    let max_age = sticky.max_age.map_or(String::new(), |age| format!("; Max-Age={}", age.as_secs()));
    let secure = if secure { "; Secure" } else { "" };
    format!("{}={token}; Path=/{max_age}{secure}; HttpOnly; SameSite=Lax", sticky.cookie)
}

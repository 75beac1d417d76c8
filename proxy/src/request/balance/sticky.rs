//! The value of the cookie that keeps a client at its endpoint.
//!
//! It says nothing of the endpoint to anybody else, and nobody else can make one: the first 12 bytes of HMAC-SHA-256
//! (RFC 2104) over the pool's name and the address, in base64url. There are as many values as endpoints, so a cookie
//! is not verified but looked up; what is found nowhere is no cookie.

use std::{collections::HashMap, net::SocketAddr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

/// Bytes of it that are taken: a chance of 1 to 2^96 to guess one.
const BYTES: usize = 12;
/// And what they are in base64url.
const LENGTH: usize = 16;

/// Makes and finds the values of one pool.
#[derive(Debug)]
pub(super) struct Tokens {
    pool: String,
    key: hmac::Key,
}

type Value = [u8; LENGTH];

/// A value for each of a pool's endpoints.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_position: Vec<Value>,
    positions: HashMap<Value, usize>,
}

impl Tokens {
    /// Those of this pool under this key.
    pub(super) fn new(pool: &str, key: &[u8]) -> Self {
        Self { pool: pool.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The value that stands for an endpoint.
    fn of(&self, address: SocketAddr) -> Value {
        let mut signed = hmac::Context::with_key(&self.key);
        signed.update(self.pool.as_bytes());
        signed.update(&[0]);
        signed.update(address.to_string().as_bytes());
        let value = URL_SAFE_NO_PAD.encode(&signed.sign().as_ref()[..BYTES]);
        value.into_bytes().try_into().expect("12 bytes are 16 in base64")
    }

    /// Those of endpoints in this order.
    pub(super) fn known(&self, endpoints: impl Iterator<Item = SocketAddr>) -> Known {
        let by_position: Vec<_> = endpoints.map(|address| self.of(address)).collect();
        let positions = by_position.iter().enumerate().map(|(position, value)| (*value, position)).collect();
        Known { by_position, positions }
    }
}

impl Known {
    /// The value of the endpoint at this position.
    pub(super) fn at(&self, position: usize) -> Option<String> {
        let value = self.by_position.get(position)?;
        Some(str::from_utf8(value).expect("base64 is ASCII").to_owned())
    }

    /// The position of the endpoint that a client's cookie stands for.
    pub(super) fn find(&self, value: &[u8]) -> Option<usize> {
        self.positions.get(<&Value>::try_from(value).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn a_value_is_found_only_under_its_key_and_in_its_pool() {
        let tokens = Tokens::new("shop", b"0123456789abcdef");
        let known = tokens.known([address(1), address(2)].into_iter());
        let value = known.at(1).unwrap();
        assert_eq!((value.len(), known.at(2)), (LENGTH, None));
        assert_eq!(known.find(value.as_bytes()), Some(1));
        assert_eq!(known.find(&value.as_bytes()[1..]), None);
        assert_eq!(known.find(b""), None);
        for other in [Tokens::new("shop", b"0123456789abcdeF"), Tokens::new("shot", b"0123456789abcdef")] {
            assert_eq!(known.find(&other.of(address(2))), None);
        }
    }

    #[test]
    fn a_value_stays_what_it_is() {
        let value = Tokens::new("shop", b"0123456789abcdef").of(address(9101));
        assert_eq!(&value, b"szxdXedtxUpvB61R", "clients hold it over upgrades");
    }
}

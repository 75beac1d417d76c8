//! Which of several pools gets a client: by weight, and for one client always the same.
//!
//! A client is a point between 0 and 1, and each pool has a part of that line as long as its share of the weights, in
//! the order of writing. So from 95/5 to 90/10 only those 5 % of the clients move whose points lie between. The point
//! is SipHash-2-4 (Aumasson and Bernstein, 2012) with a key of zeros: the same in every process and release.

use std::hash::Hasher;

use config::model::{self, SplitKey};
use http::HeaderMap;
use siphasher::sip::SipHasher24;

use super::identify::cookie;

/// A split, compiled.
#[derive(Debug)]
pub(crate) struct Split {
    arms: Vec<Arm>,
    /// Sum of the weights, at least 1.
    total: u64,
    by: SplitKey,
}

#[derive(Debug)]
struct Arm {
    pool: String,
    weight: u16,
}

/// What tells a client from another.
pub(crate) struct Client<'a> {
    /// Its network.
    pub(crate) network: u128,
    /// The header of its request.
    pub(crate) headers: &'a HeaderMap,
}

/// The pool that a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Position among the split's pools.
    pub(crate) arm: usize,
    /// Drawn by chance: the client has to be told in a cookie, or the next request draws again.
    pub(crate) drawn: bool,
}

impl Split {
    /// A split between pools of these names, in the order of its shares.
    pub(crate) fn new(model: &model::Split, pools: impl IntoIterator<Item = String>) -> Self {
        let weights = model.shares.iter().map(|share| share.weight);
        let arms: Vec<_> = pools.into_iter().zip(weights).map(|(pool, weight)| Arm { pool, weight }).collect();
        let total = arms.iter().map(|arm| u64::from(arm.weight)).sum::<u64>().max(1);
        Self { arms, total, by: model.by.clone() }
    }

    /// The pool of a client; `random` is uniform over all values and decides where nothing is known of it.
    pub(crate) fn choose(&self, client: &Client<'_>, random: u64) -> Choice {
        let hashed = |key: &[u8]| Choice { arm: self.at(hash(key)), drawn: false };
        let by_network = || hashed(&client.network.to_be_bytes());
        match &self.by {
            SplitKey::Cookie(name) => {
                let named = cookie(client.headers, name)
                    .and_then(|value| self.arms.iter().position(|arm| arm.pool.as_bytes() == value));
                named.map_or_else(|| Choice { arm: self.at(random), drawn: true }, |arm| Choice { arm, drawn: false })
            }
            SplitKey::HashAddress => by_network(),
            SplitKey::HashCookie(name) => cookie(client.headers, name).map_or_else(by_network, hashed),
            SplitKey::HashHeader(name) => {
                client.headers.get(name).map_or_else(by_network, |value| hashed(value.as_bytes()))
            }
        }
    }

    /// The field of a request that decides; `None` where it is no field.
    pub(crate) fn told_by(&self) -> Option<&str> {
        match &self.by {
            SplitKey::Cookie(_) | SplitKey::HashCookie(_) => Some("cookie"),
            SplitKey::HashHeader(name) => Some(name),
            SplitKey::HashAddress => None,
        }
    }

    /// The cookie that keeps a drawn client where it is; `None` where the choice needs none.
    pub(crate) fn cookie(&self, choice: Choice, secure: bool) -> Option<String> {
        let SplitKey::Cookie(name) = &self.by else { return None };
        let pool = &self.arms.get(choice.arm).filter(|_| choice.drawn)?.pool;
        let secure = if secure { "; Secure" } else { "" };
        Some(format!("{name}={pool}; Path=/{secure}; HttpOnly; SameSite=Lax"))
    }

    /// The pool at a point of the line, of which `point` is so many 2^64ths.
    fn at(&self, point: u64) -> usize {
        let mut left = (u128::from(point) * u128::from(self.total)) >> 64;
        let reaches = |arm: &Arm| {
            let inside = left < u128::from(arm.weight);
            left = left.saturating_sub(u128::from(arm.weight));
            inside
        };
        self.arms.iter().position(reaches).expect("a point below the total lies in one of the parts")
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use config::model::{PoolId, Share};
    use http::header;

    use super::*;

    fn split(weights: &[u16], by: SplitKey) -> Split {
        let shares = weights.iter().zip(0..).map(|(&weight, pool)| Share { pool: PoolId(pool), weight }).collect();
        Split::new(&model::Split { shares, by }, ["stable", "next", "third"].map(str::to_owned))
    }

    fn by_address(split: &Split, network: u128) -> usize {
        split.choose(&Client { network, headers: &HeaderMap::new() }, 0).arm
    }

    fn with_cookies(split: &Split, lines: &[&str], random: u64) -> Choice {
        let headers = lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect();
        split.choose(&Client { network: 1, headers: &headers }, random)
    }

    #[test]
    fn shares_are_those_of_the_weights_and_a_change_moves_only_the_difference() {
        let (before, after) = (split(&[95, 5], SplitKey::HashAddress), split(&[90, 10], SplitKey::HashAddress));
        let arms: Vec<_> =
            (0..100_000).map(|network| (by_address(&before, network), by_address(&after, network))).collect();
        let count = |arm: (usize, usize)| arms.iter().filter(|&&other| other == arm).count();
        assert!((4_700..5_300).contains(&count((1, 1))), "{}", count((1, 1)));
        assert!((4_700..5_300).contains(&count((0, 1))), "{}", count((0, 1)));
        assert_eq!(count((1, 0)), 0, "nobody goes back");
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // SipHash-2-4 of the empty text under a key of zeros.
        assert_eq!(hash(b""), 0x1e92_4b9d_7377_00d7);
        let split = split(&[1, 1, 2], SplitKey::HashAddress);
        let arms: Vec<_> = (0..8).map(|network| by_address(&split, network)).collect();
        assert_eq!(arms, [0, 0, 2, 2, 2, 0, 1, 2], "where a client is, it stays after an upgrade");
    }

    #[test]
    fn the_cookie_is_followed_and_what_it_does_not_know_is_drawn_again() {
        let split = split(&[1, 0, 1], SplitKey::Cookie("v".to_owned()));
        let kept = |arm| Choice { arm, drawn: false };
        assert_eq!(with_cookies(&split, &["a=b; v=third"], 0), kept(2));
        assert_eq!(with_cookies(&split, &["a=b", "v=next;c=d"], 0), kept(1), "who is there stays there");
        for lines in [&[][..], &["v=gone"], &["xv=third"], &["v="], &["v"]] {
            assert_eq!(with_cookies(&split, lines, 0), Choice { arm: 0, drawn: true }, "{lines:?}");
            assert_eq!(with_cookies(&split, lines, u64::MAX), Choice { arm: 2, drawn: true }, "{lines:?}");
        }
        let drawn = (0..1000).map(|at| with_cookies(&split, &[], at * (u64::MAX / 1000)).arm);
        assert!(drawn.into_iter().all(|arm| arm != 1), "without a weight it gets nobody new");
        let drawn = Choice { arm: 2, drawn: true };
        assert_eq!(split.cookie(drawn, true).unwrap(), "v=third; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(split.cookie(drawn, false).unwrap(), "v=third; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(split.cookie(kept(2), true), None);
    }

    #[test]
    fn without_the_cookie_or_field_the_address_counts() {
        let field = |value: &'static str| HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]);
        for by in [SplitKey::HashCookie("v".to_owned()), SplitKey::HashHeader("accept".to_owned())] {
            let (own, address) = (split(&[1, 1], by.clone()), split(&[1, 1], SplitKey::HashAddress));
            for network in 0..100 {
                assert_eq!(by_address(&own, network), by_address(&address, network), "{by:?}");
            }
        }
        let by_header = split(&[1, 1], SplitKey::HashHeader("accept".to_owned()));
        let arms = ["a", "b", "c", "d", "e", "f"]
            .map(|value| by_header.choose(&Client { network: 1, headers: &field(value) }, 0).arm);
        assert!(arms.contains(&0) && arms.contains(&1), "{arms:?}");
        let by_cookie = split(&[1, 1], SplitKey::HashCookie("v".to_owned()));
        let arms = ["v=a", "v=b", "v=c", "v=d", "v=e", "v=f"].map(|line| with_cookies(&by_cookie, &[line], 0).arm);
        assert!(arms.contains(&0) && arms.contains(&1), "{arms:?}");
    }
}

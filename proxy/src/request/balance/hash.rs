//! Consistent hashing with bounded loads: equal keys to equal endpoints, as long as those are not overloaded.
//!
//! Endpoints are points on a ring (Karger et al., 1997), and a key belongs to the first that follows it. All configured
//! ones are on it, whether they can serve or not: who is away loses only its own keys, and gets them back. A place
//! that has more than so much of its fair share in flight passes the key on (Mirrokni, Thorup and Zadimoghaddam, 2018),
//! so that one hot key spreads over as many as it takes. Hashes are SipHash-2-4 under a key of zeros: every edge, in
//! every release, puts a key at the same endpoint.

use std::{hash::Hasher, net::SocketAddr};

use siphasher::sip::SipHasher24;

use super::{
    dice::mix,
    endpoint::Taken,
    group::{Asked, Group},
};

/// Points of an endpoint of average weight: shares then differ by about a twelfth (1 / sqrt(160)) from the weights.
const POINTS: u64 = 160;
/// Points that one choice follows the ring; after that it takes whom it finds.
const FOLLOWED: usize = 128;

/// The place of a key on the ring.
pub fn key(value: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(value);
    hasher.finish()
}

/// All points, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Where they are.
    hashes: Box<[u64]>,
    /// Whose they are: positions among the members.
    members: Box<[u32]>,
    /// Where a search begins, by the first bits of a key: about one point before its goal.
    begins: Box<[u32]>,
    shift: u32,
}

impl Ring {
    /// A ring of endpoints with weights of at least 1.
    pub(super) fn new(endpoints: &[(SocketAddr, u16)]) -> Self {
        let sum: u64 = endpoints.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let count = endpoints.len() as u64;
        let mut points = Vec::new();
        for (member, (address, weight)) in (0_u32..).zip(endpoints) {
            // Where the average changes, points are only added or only taken away.
            let own = ((POINTS * u64::from(*weight) * count + sum / 2) / sum).max(1);
            let address = address.to_string();
            points.extend((0..own).map(|point| {
                let mut hasher = SipHasher24::new();
                hasher.write(address.as_bytes());
                hasher.write(&point.to_be_bytes());
                (hasher.finish(), member)
            }));
        }
        points.sort_unstable();
        let bits = points.len().next_power_of_two().trailing_zeros().max(1);
        let shift = u64::BITS - bits;
        let mut begins = vec![0; 1 << bits].into_boxed_slice();
        let mut at = 0;
        for (first, begin) in (0_u64..).zip(&mut begins) {
            at += points[at..].iter().take_while(|(hash, _)| hash >> shift < first).count();
            *begin = u32::try_from(at).unwrap_or(u32::MAX);
        }
        let (hashes, members): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        Self { hashes: hashes.into(), members: members.into(), begins, shift }
    }

    /// The members whose points follow a key, again and again.
    fn after(&self, key: u64) -> impl Iterator<Item = u32> {
        let begin = self.begins[(key >> self.shift) as usize] as usize;
        let first = begin + self.hashes[begin..].iter().take_while(|&&hash| hash < key).count();
        self.members[first..].iter().chain(self.members.iter().cycle()).copied()
    }
}

/// The first place clockwise from the key whose load is within its bound, this request included. `tally` is what is in
/// flight in the whole pool, this request included too; `None` bounds nothing.
pub(super) fn choose<'g>(
    ring: &Ring,
    group: &'g Group,
    key: u64,
    tally: Option<u32>,
    asked: &Asked<'_>,
) -> Option<Taken<'g>> {
    if group.places.is_empty() {
        return None;
    }
    for member in ring.after(key).take(FOLLOWED) {
        let Some(index) = group.seat(member) else { continue };
        let place = &group.places[index];
        // The same for the same key each time, and ever fewer as the ramp grows.
        let passes = place.ramp < 10_000 && mix(key ^ place.endpoint.salt) % 10_000 >= u64::from(place.ramp);
        if passes || !place.fits(asked) {
            continue;
        }
        let taken = place.take_within(tally);
        if taken.is_some() {
            return taken;
        }
    }
    let start = (mix(key) % group.places.len() as u64) as usize;
    group.from(start).filter(|place| place.fits(asked)).find_map(|place| place.take_within(tally))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn ring(weights: &[u16]) -> Ring {
        let endpoints: Vec<_> = (1_u16..).zip(weights).map(|(port, &weight)| (address(port), weight)).collect();
        Ring::new(&endpoints)
    }

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn keys() -> impl Iterator<Item = u64> {
        (0_u64..20_000).map(|value| key(&value.to_be_bytes()))
    }

    #[test]
    fn a_key_belongs_to_the_point_that_follows_it() {
        let ring = ring(&[1, 2, 1]);
        assert_eq!(ring.hashes.len(), 120 + 240 + 120);
        for key in keys().chain([0, u64::MAX]) {
            let next = ring.hashes.iter().position(|hash| *hash >= key).unwrap_or(0);
            let expected: Vec<_> = (0..500).map(|step| ring.members[(next + step) % ring.members.len()]).collect();
            assert_eq!(ring.after(key).take(500).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn shares_are_about_those_of_the_weights() {
        let ring = ring(&[1, 2, 1]);
        let mut counts = HashMap::new();
        keys().for_each(|key| *counts.entry(ring.after(key).next().unwrap()).or_insert(0_u32) += 1);
        assert!((4_000..6_000).contains(&counts[&0]) && (8_500..11_500).contains(&counts[&1]), "{counts:?}");
    }

    #[test]
    fn who_leaves_loses_only_its_own_keys() {
        let (before, after) = (ring(&[1; 10]), ring(&[1; 9]));
        for key in keys() {
            let was = before.after(key).next().unwrap();
            assert!(was == 9 || after.after(key).next() == Some(was));
        }
    }

    #[test]
    fn a_key_stays_where_it_is_over_upgrades() {
        let ring = ring(&[1; 5]);
        let at: Vec<_> = keys().take(12).map(|key| ring.after(key).next().unwrap()).collect();
        assert_eq!(at, [1, 4, 4, 3, 2, 0, 0, 1, 1, 0, 3, 3]);
    }
}

//! Places that are chosen among: the endpoints of one zone, or all, that may be asked now.

use std::{net::SocketAddr, sync::Arc};

use super::{
    dice::Dice,
    endpoint::{Endpoint, Taken},
    round_robin,
    slow_start::ALL,
};

/// Endpoints that may be asked, ready to be chosen among.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) places: Box<[Place]>,
    /// Turns by weight, as positions of places; drawing one of them by chance draws a place by weight. Empty for a hash.
    pub(super) order: Arc<[u32]>,
    /// Whether all weights are equal.
    pub(super) is_even: bool,
    /// Positions of places by members'; `NOWHERE` for those who are not here. Only for a hash.
    seats: Box<[u32]>,
}

const NOWHERE: u32 = u32::MAX;

/// One endpoint that may be asked.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) weight: u32,
    /// The share of its weight that it has by now, in basis points.
    pub(super) ramp: u16,
    /// Tries that it may have in flight; `u32::MAX` is no limit.
    pub(super) most: u32,
    /// Its weight in units of the average one.
    pub(super) relative_weight: f32,
    /// Tries that it may have in flight for each of the pool, under a hash.
    pub(super) bound: f64,
}

/// What a group is made of.
pub(super) struct Entry<'a> {
    /// Its position among the pool's members.
    pub(super) member: usize,
    pub(super) endpoint: &'a Arc<Endpoint>,
    pub(super) weight: u16,
    pub(super) ramp: u16,
    pub(super) most: Option<u32>,
}

/// How a group is chosen from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// By turns.
    Turns,
    /// By keys of so many members, each place bounded to so much more than its share, of which this group has so much.
    Keys { members: usize, load: f64, share: f64 },
}

/// What one choice asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Endpoints that will not do.
    pub(super) not: &'a [SocketAddr],
    pub(super) now: u64,
}

impl Group {
    /// A group of these; `before` may lend its order.
    pub(super) fn new(entries: &[Entry<'_>], kind: Kind, before: Option<&Self>) -> Self {
        let sum: u64 = entries.iter().map(|entry| u64::from(entry.weight)).sum();
        let fastest = entries.iter().map(|entry| entry.ramp).max().unwrap_or(ALL);
        let place = |entry: &Entry<'_>| Place {
            endpoint: Arc::clone(entry.endpoint),
            weight: u32::from(entry.weight),
            // Where all come back at once, none is in the way of another.
            ramp: share_of(entry.ramp, fastest),
            most: entry.most.unwrap_or(u32::MAX),
            relative_weight: (f64::from(entry.weight) * entries.len() as f64 / sum as f64) as f32,
            bound: match kind {
                Kind::Turns => f64::INFINITY,
                Kind::Keys { load, share, .. } => load * share * f64::from(entry.weight) / sum as f64,
            },
        };
        let places: Box<[_]> = entries.iter().map(place).collect();
        let is_even = places.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        let weights = |places: &[Place]| places.iter().map(|place| place.weight).collect::<Vec<_>>();
        let (order, seats) = match kind {
            Kind::Keys { members, .. } => (Arc::default(), seats(entries, members)),
            Kind::Turns => {
                let same = before.filter(|before| weights(&before.places) == weights(&places));
                let order = same.map(|before| Arc::clone(&before.order));
                (order.unwrap_or_else(|| round_robin::order(&weights(&places)).into()), Box::default())
            }
        };
        Self { places, order, is_even, seats }
    }

    /// The position of a member's place.
    pub(super) fn seat(&self, member: u32) -> Option<usize> {
        self.seats.get(member as usize).filter(|seat| **seat != NOWHERE).map(|seat| *seat as usize)
    }

    /// All places, beginning with this one.
    pub(super) fn from(&self, start: usize) -> impl Iterator<Item = &Place> {
        let (before, after) = self.places.split_at(start.min(self.places.len()));
        after.iter().chain(before)
    }

    /// The position of the first one from there on that fits.
    pub(super) fn find(&self, asked: &Asked<'_>, start: usize) -> Option<usize> {
        let found = self.from(start).position(|place| place.fits(asked))?;
        Some((start + found) % self.places.len())
    }

    /// A place in flight at the first one from there on that has room.
    pub(super) fn any(&self, asked: &Asked<'_>, start: usize) -> Option<Taken<'_>> {
        self.from(start).filter(|place| place.fits(asked)).find_map(Place::take)
    }
}

fn seats(entries: &[Entry<'_>], members: usize) -> Box<[u32]> {
    let mut seats = vec![NOWHERE; members].into_boxed_slice();
    for (place, entry) in (0..).zip(entries) {
        seats[entry.member] = place;
    }
    seats
}

fn share_of(ramp: u16, whole: u16) -> u16 {
    // At most all of it, as `ramp` is at most `whole`.
    u16::try_from(u32::from(ramp) * u32::from(ALL) / u32::from(whole.max(1))).unwrap_or(ALL)
}

impl Place {
    /// Whether it may be asked and probably has room.
    pub(super) fn fits(&self, asked: &Asked<'_>) -> bool {
        !asked.not.contains(&self.endpoint.address) && (self.most == u32::MAX || self.endpoint.in_flight() < self.most)
    }

    /// Whether it takes part in this choice; always, except in slow start.
    pub(super) fn takes_part(&self, dice: &mut Dice) -> bool {
        self.ramp >= ALL || dice.happens(self.ramp)
    }

    /// Takes a place in flight, if there is room.
    pub(super) fn take(&self) -> Option<Taken<'_>> {
        Taken::at(&self.endpoint, self.most)
    }

    /// Takes one, if that keeps it within its bound too while so many are in flight in the pool.
    pub(super) fn take_within(&self, tally: Option<u32>) -> Option<Taken<'_>> {
        // Less a little that rounding may have added.
        let bound = tally.map_or(f64::INFINITY, |tally| (self.bound * f64::from(tally) - 1e-6).ceil());
        // As a bound of u32, saturating; everybody may have one.
        Taken::at(&self.endpoint, self.most.min((bound as u32).max(1)))
    }
}

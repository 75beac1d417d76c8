//! Who may be chosen now, with which share, and why not the others: a pure function of rules, states and time.

use std::{cmp::Reverse, fmt, sync::Arc};

use config::model::Percent;

use super::{
    Rules, eject,
    endpoint::{Endpoint, Hand, Verdict},
    group::{Entry, Group, Kind},
    member::{Member, Members},
    slow_start::{self, ALL},
};

/// How much more than its share of the weights the local zone is trusted to carry: Envoy's overprovisioning factor. So
/// nothing leaves the zone until less than 71 % of it can serve.
const LOCAL_FACTOR: f64 = 1.4;

/// How an endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It serves.
    Up,
    /// It serves, with a growing share.
    SlowStart,
    /// Its checks are answered badly, and it serves nevertheless, because too few others can.
    Panic,
    /// It could serve, but is a backup, and the others can.
    Standby,
    /// It gets nothing new: only clients that are kept at it.
    Draining,
    /// It was taken out by hand.
    Down,
    /// It was left out for its errors.
    Ejected,
    /// Its checks are answered badly.
    Unwell,
    /// Its checks cannot connect.
    Unreachable,
}

impl Standing {
    /// All of them, for metrics.
    pub const ALL: [Self; 9] = [
        Self::Up,
        Self::SlowStart,
        Self::Panic,
        Self::Standby,
        Self::Draining,
        Self::Down,
        Self::Ejected,
        Self::Unwell,
        Self::Unreachable,
    ];

    /// Whether it gets requests of every client.
    pub fn serves(self) -> bool {
        matches!(self, Self::Up | Self::SlowStart | Self::Panic)
    }

    /// Whether clients that are kept at it may stay.
    pub(super) fn keeps(self) -> bool {
        self.serves() || self == Self::Draining
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::SlowStart => "slow_start",
            Self::Panic => "panic",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Ejected => "ejected",
            Self::Unwell => "unwell",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the state of an endpoint says of its fitness.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Condition {
    pub(super) health: Option<Verdict>,
    /// When its ejection ends, if one is in force.
    pub(super) ejected_until: Option<u64>,
    pub(super) by_hand: Option<Hand>,
    pub(super) since: Option<u64>,
}

impl Condition {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let state = endpoint.state();
        Self {
            health: state.health,
            ejected_until: state.ejections.current().map(|ejection| ejection.until),
            by_hand: state.by_hand.as_ref().map(|by_hand| by_hand.state),
            since: state.since,
        }
    }

    /// Whether it is out for its errors; what is set by hand comes first.
    fn is_ejected(&self) -> bool {
        self.ejected_until.is_some() && !matches!(self.by_hand, Some(Hand::Up | Hand::Down))
    }
}

/// How the members stand, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) seats: Vec<Seat>,
    /// Whether so few can serve that those are used, too, whose checks are answered badly.
    pub(super) panic: bool,
}

impl Picture {
    /// Whether somebody serves.
    pub(super) fn serves(&self) -> bool {
        self.seats.iter().any(|seat| seat.standing.serves())
    }

    /// How many are out for their errors.
    pub(super) fn ejected(&self) -> usize {
        self.seats.iter().filter(|seat| seat.standing == Standing::Ejected).count()
    }
}

/// How one of them stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) standing: Standing,
    /// The share of its weight that it has by now, in basis points.
    pub(super) ramp: u16,
}

/// How the members stand in these conditions. Ejections count only within the share that may be out, and only while
/// somebody else serves, however both came about: members may have left, or failed their checks, since.
pub(super) fn picture(rules: &Rules, members: &[Member], conditions: &[Condition], now: u64) -> Picture {
    let mut conditions = within_share(rules, conditions);
    let picture = drawn(rules, members, &conditions, now);
    if picture.serves() || picture.ejected() == 0 {
        return picture;
    }
    let pardoned: Vec<_> = conditions.iter().map(|one| Condition { ejected_until: None, ..*one }).collect();
    let would_serve = drawn(rules, members, &pardoned, now).seats.into_iter().map(|seat| seat.standing.serves());
    let soonest = conditions.iter_mut().zip(would_serve).filter(|(_, serves)| *serves).map(|(one, _)| one);
    match soonest.min_by_key(|one| one.ejected_until) {
        Some(one) => one.ejected_until = None,
        None => return picture,
    }
    drawn(rules, members, &conditions, now)
}

/// These conditions with no more ejections than may be in force at a time: those that end last.
fn within_share(rules: &Rules, conditions: &[Condition]) -> Vec<Condition> {
    let most = rules.eject.map_or(0, |rules| eject::most(rules.at_most, conditions.len()));
    let mut conditions = conditions.to_vec();
    let mut ejected: Vec<_> = conditions.iter_mut().filter(|one| one.is_ejected()).collect();
    ejected.sort_by_key(|one| Reverse(one.ejected_until));
    ejected.into_iter().skip(most).for_each(|one| one.ejected_until = None);
    conditions
}

/// How they stand if each of these ejections counts.
fn drawn(rules: &Rules, members: &[Member], conditions: &[Condition], now: u64) -> Picture {
    let mut standings: Vec<_> =
        members.iter().zip(conditions).map(|(member, condition)| standing(rules, member, condition)).collect();
    let usable = |standings: &[Standing]| {
        let serves = |(_, standing): &(&Member, &Standing)| standing.serves();
        weight_of_primaries(members.iter().zip(standings).filter(serves).map(|(member, _)| member))
    };
    // What is taken out on purpose is not missed, in whatever state it is then.
    let wanted = members.iter().zip(conditions).filter(|(member, condition)| !is_taken_out(member, condition));
    let wanted = weight_of_primaries(wanted.map(|(member, _)| member));
    let is_short = usable(&standings) * 10_000 < wanted * u64::from(rules.panic_below.basis_points());
    for ((standing, member), condition) in standings.iter_mut().zip(members).zip(conditions) {
        if is_short && *standing == Standing::Unwell && !member.from.backup && !is_taken_out(member, condition) {
            *standing = Standing::Panic;
        }
    }
    // Where nobody can be used for it, there is no panic.
    let panic = standings.contains(&Standing::Panic);
    let backed = usable(&standings) == 0;
    let seat = |((standing, member), condition): ((Standing, &Member), &Condition)| {
        if !backed && member.from.backup && standing.serves() {
            return Seat { standing: Standing::Standby, ramp: ALL };
        }
        let elapsed = condition.since.filter(|_| standing.serves()).map(|since| now.saturating_sub(since));
        match elapsed.map_or(ALL, |elapsed| slow_start::ramp(elapsed, rules.slow_start_ns)) {
            ALL => Seat { standing, ramp: ALL },
            ramp if standing == Standing::Up => Seat { standing: Standing::SlowStart, ramp },
            ramp => Seat { standing, ramp },
        }
    };
    Picture { seats: standings.into_iter().zip(members).zip(conditions).map(seat).collect(), panic }
}

/// How a member stands by itself.
fn standing(rules: &Rules, member: &Member, condition: &Condition) -> Standing {
    let health = condition.health.filter(|_| rules.checked);
    match condition.by_hand {
        Some(Hand::Up) => Standing::Up,
        Some(Hand::Down) => Standing::Down,
        _ if condition.is_ejected() => Standing::Ejected,
        _ if health == Some(Verdict::Unreachable) => Standing::Unreachable,
        _ if health == Some(Verdict::Unwell) => Standing::Unwell,
        _ if drains(member, condition) => Standing::Draining,
        _ => Standing::Up,
    }
}

/// Whether it is to get nothing new, whatever else is the case.
fn is_taken_out(member: &Member, condition: &Condition) -> bool {
    condition.by_hand == Some(Hand::Down) || drains(member, condition)
}

fn weight_of_primaries<'a>(members: impl Iterator<Item = &'a Member>) -> u64 {
    members.filter(|member| !member.from.backup).map(|member| u64::from(member.from.weight)).sum()
}

fn drains(member: &Member, condition: &Condition) -> bool {
    condition.by_hand == Some(Hand::Drain) || (member.from.drain && condition.by_hand != Some(Hand::Up))
}

/// A picture, ready to be chosen from.
#[derive(Debug)]
pub(super) struct View {
    pub(super) members: Arc<Members>,
    pub(super) picture: Picture,
    /// Those near, or all; then those far away, if there are both.
    pub(super) groups: [Group; 2],
    /// The share of requests that the first group gets, in basis points.
    pub(super) near: u16,
    /// The share of the configured weight that can serve.
    pub(super) left: Percent,
}

impl View {
    /// The view of a picture of these members; `before` may lend what is costly and the same.
    pub(super) fn new(rules: &Rules, members: Arc<Members>, picture: Picture, before: Option<&Self>) -> Self {
        let serving =
            || members.list.iter().zip(&picture.seats).enumerate().filter(|(_, (_, seat))| seat.standing.serves());
        let is_local = |member: &Member| rules.local_zone.is_some() && member.from.zone == rules.local_zone;
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (index, (member, seat)) in serving() {
            let entry = Entry {
                member: index,
                endpoint: &members.endpoints[index],
                weight: member.from.weight,
                ramp: seat.ramp,
                most: member.from.max_in_flight,
            };
            if is_local(member) { near.push(entry) } else { far.push(entry) }
        }
        if near.is_empty() {
            std::mem::swap(&mut near, &mut far);
        }
        let configured = |counts: &dyn Fn(&Member) -> bool| {
            let primaries = members.list.iter().filter(|member| !member.from.backup && counts(member));
            // Not `sum`, by which nothing is -0, and a share of it of the other sign.
            primaries.fold(0.0, |sum, member| sum + f64::from(member.from.weight))
        };
        let local = weight_of(&near) / configured(&is_local);
        let share = if far.is_empty() { ALL } else { basis_points(LOCAL_FACTOR * local) };
        // Whoever can serve is something, be it the least of very many.
        let least = u16::from(!near.is_empty());
        let left = basis_points((weight_of(&near) + weight_of(&far)) / configured(&|_| true)).max(least);
        let kind = |share: u16| match rules.hashes() {
            None => Kind::Turns,
            Some(load) => Kind::Keys { members: members.list.len(), load, share: f64::from(share) / f64::from(ALL) },
        };
        let lent = |index: usize| before.map(|before| &before.groups[index]);
        Self {
            groups: [Group::new(&near, kind(share), lent(0)), Group::new(&far, kind(ALL - share), lent(1))],
            near: share,
            left: Percent::from_basis_points(left).unwrap_or(Percent::ALL),
            picture,
            members,
        }
    }

    /// Whether nobody can serve.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.places.is_empty())
    }
}

/// What these weigh by now.
fn weight_of(entries: &[Entry<'_>]) -> f64 {
    entries.iter().map(|entry| f64::from(entry.weight) * f64::from(entry.ramp) / f64::from(ALL)).sum()
}

/// A share, at most all; none of nothing.
fn basis_points(share: f64) -> u16 {
    // Nothing of nothing is no number, and becomes zero.
    (share.clamp(0.0, 1.0) * f64::from(ALL)) as u16
}

//! What always holds, whatever happens in which order.

use std::{collections::VecDeque, thread};

use proptest::{collection::vec, prelude::*};

use super::*;

/// Something that happens to a pool of eight.
#[derive(Clone, Debug)]
enum Event {
    Choose { random: u64, client: Option<usize> },
    Answer(Outcome),
    Check(u16, Verdict),
    ByHand(u16, Option<Hand>),
    Pass(u64),
    Replace(u8),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Answered(200)),
        1 => Just(Outcome::Answered(500)),
        4 => Just(Outcome::Broken),
        1 => Just(Outcome::Undecided),
    ];
    let verdict = prop_oneof![2 => Just(Verdict::Well), 1 => Just(Verdict::Unwell), 1 => Just(Verdict::Unreachable)];
    let hand = proptest::option::of(prop_oneof![Just(Hand::Up), Just(Hand::Down), Just(Hand::Drain)]);
    let event = prop_oneof![
        20 => (any::<u64>(), proptest::option::weighted(0.2, 0..8_usize))
            .prop_map(|(random, client)| Event::Choose { random, client }),
        18 => outcome.prop_map(Event::Answer),
        2 => (1..=8_u16, verdict).prop_map(|(number, verdict)| Event::Check(number, verdict)),
        2 => (1..=8_u16, hand).prop_map(|(number, hand)| Event::ByHand(number, hand)),
        2 => (0..20 * SECOND).prop_map(Event::Pass),
        1 => any::<u8>().prop_map(Event::Replace),
    ];
    vec(event, 1..200)
}

fn rule() -> impl Strategy<Value = Balance> {
    prop_oneof![
        Just(Balance::RoundRobin),
        Just(Balance::LeastRequests),
        Just(Balance::P2cEwma),
        (101..400_u16).prop_map(hash),
    ]
}

/// Eight, of which one drains, one is a backup and all take four at a time.
fn eight() -> Vec<Member> {
    let mut eight = members(&[1, 2, 3, 1, 1, 1, 5, 1]);
    eight[1].from.drain = true;
    eight[2].from.backup = true;
    for (number, member) in (0..).zip(&mut eight) {
        member.from.max_in_flight = Some(4);
        member.from.zone = Some(["a", "b"][number % 2].to_owned());
    }
    eight
}

/// A pool with what is in flight there, and the time.
struct World {
    pool: Balancer,
    tokens: Vec<String>,
    tries: VecDeque<Try>,
    now: u64,
}

impl World {
    fn new(rule: Balance) -> Self {
        let success_rate = Some(SuccessRate { below: percent(10), requests: 5, window: Duration::from_secs(15) });
        let eject = model(rule.clone()).eject.map(|eject| Ejection { success_rate, at_most: percent(40), ..eject });
        let model = Pool { slow_start: Duration::from_secs(5), eject, ..model(rule) };
        let pool = Balancer::new(&model, Some("a"), Some(KEY), &eight(), None, 0);
        let tokens = pool.endpoints().iter().map(|endpoint| pool.token(endpoint).unwrap()).collect();
        Self { pool, tokens, tries: VecDeque::new(), now: 0 }
    }

    fn take(&mut self, event: Event) -> Result<(), TestCaseError> {
        let (pool, now) = (&self.pool, self.now);
        match event {
            Event::Choose { random, client } => {
                let client = client.map(|client| self.tokens[client].as_bytes());
                let chosen = pool.choose(&Wish { random, client, now, ..Wish::default() });
                self.assert_chosen(&chosen)?;
                self.tries.extend(chosen);
            }
            Event::Answer(outcome) => {
                self.tries.pop_front().into_iter().for_each(|over| pool.answered(&over, outcome, now));
            }
            Event::Check(number, verdict) => {
                pool.checked(address(number), verdict, now);
            }
            Event::ByHand(number, state) => {
                pool.by_hand(address(number), state.and_then(|state| by_hand(state, Some(now + 30 * SECOND))), now)
                    .ok();
            }
            Event::Pass(time) => {
                self.now += time;
                pool.tend(self.now);
            }
            Event::Replace(which) => {
                let some = eight().into_iter().enumerate().filter(|(index, _)| which >> index & 1 == 1);
                pool.replace(&some.map(|(_, member)| member).collect::<Vec<_>>(), now);
            }
        }
        Ok(())
    }

    /// Only who serves gets somebody new, and only who serves or drains keeps anybody.
    fn assert_chosen(&self, chosen: &Result<Try, NoneLeft>) -> Result<(), TestCaseError> {
        let report = self.pool.report(self.now);
        let serving = || report.endpoints.iter().filter(|row| row.standing.serves());
        match chosen {
            Ok(chosen) => {
                let row = report.endpoints.iter().find(|row| row.member.address == chosen.endpoint.address).unwrap();
                prop_assert!(row.standing.serves() || (chosen.kept && row.standing == Standing::Draining), "{row:?}");
            }
            Err(NoneLeft::NoEndpoint) => prop_assert_eq!(serving().count(), 0),
            Err(NoneLeft::AllFull) => {
                prop_assert!(serving().all(|row| row.in_flight == 4) && serving().next().is_some(), "{report:?}");
            }
        }
        Ok(())
    }

    fn assert_limits(&self) -> Result<(), TestCaseError> {
        let report = self.pool.report(self.now);
        for row in &report.endpoints {
            prop_assert!(row.in_flight <= 4, "{row:?}");
            let there = self.tries.iter().filter(|over| over.endpoint.address == row.member.address).count();
            prop_assert!(there >= row.in_flight as usize, "nothing is counted that is not there");
            prop_assert!(row.errors <= row.tries && row.weight <= f64::from(row.member.from.weight));
        }
        Ok(())
    }

    /// At most 40 % of those that there are now; and where nobody serves, nobody would without ejections either.
    fn assert_ejected(&self) -> Result<(), TestCaseError> {
        let (out, all) = (ejected(&self.pool), self.pool.endpoints().len());
        prop_assert!(out <= all * 2 / 5, "{out} of {all}");
        let view = self.pool.view.load();
        if view.is_empty() {
            let mut conditions = conditions(&view.members);
            conditions.iter_mut().for_each(|condition| condition.ejected_until = None);
            let pardoned = view::picture(&self.pool.rules, &view.members.list, &conditions, self.now);
            prop_assert!(!pardoned.serves(), "{:?}", pardoned);
        }
        Ok(())
    }
}

fn ejected(pool: &Balancer) -> usize {
    pool.report(0).endpoints.iter().filter(|row| row.standing == Standing::Ejected).count()
}

proptest! {
    #[test]
    fn only_who_serves_is_chosen_and_no_limit_is_passed(rule in rule(), events in events()) {
        let mut world = World::new(rule);
        for event in events {
            world.take(event)?;
            world.assert_limits()?;
            world.assert_ejected()?;
        }
        let mut left: Vec<_> = world.tries.iter().map(|over| Arc::clone(&over.endpoint)).collect();
        left.extend(world.pool.endpoints());
        world.tries.clear();
        prop_assert!(left.iter().all(|endpoint| endpoint.in_flight() == 0));
        prop_assert_eq!(world.pool.tally.in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_drained_endpoint_gets_nothing_new(rule in rule(), weights in vec(1..100_u16, 2..12), randoms in vec(any::<u64>(), 1..100)) {
        let pool = pool(rule, &weights);
        let kept = pool.token(&pool.endpoints()[0]).unwrap();
        pool.by_hand(address(1), by_hand(Hand::Drain, None), 0).unwrap();
        let drained = with(members(&weights), 2, |two| two.drain = true);
        pool.replace(&drained, 0);
        let nobody_else = weights.len() == 2;
        for random in randoms {
            let tried = (3..=weights.len() as u16).map(address).collect::<Vec<_>>();
            for tried in [&[][..], &tried] {
                let chosen = pool.choose(&Wish { random, tried, key: Some(random), ..Wish::default() });
                prop_assert!(chosen.is_err() == nobody_else && ![1, 2].contains(&number(chosen)));
            }
            let client = Some(kept.as_bytes());
            prop_assert_eq!(number(pool.choose(&Wish { random, client, ..Wish::default() })), 1, "its clients stay");
        }
    }

    #[test]
    fn no_endpoint_has_more_than_its_bounded_load(
        load_percent in 101..400_u16,
        weights in vec(1..20_u16, 1..12),
        steps in vec((any::<bool>(), 0..4_u64), 1..300),
    ) {
        let pool = pool(hash(load_percent), &weights);
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut held = VecDeque::new();
        for (give_back, key) in steps {
            if give_back {
                held.pop_front();
                continue;
            }
            let chosen = pool.choose(&Wish { key: Some(dice::mix(key)), ..wish(key) }).unwrap();
            let weight = u64::from(weights[usize::from(chosen.endpoint.address.port()) - 1]);
            let in_flight = u64::from(chosen.endpoint.in_flight());
            held.push_back(chosen);
            let bound = (u64::from(load_percent) * held.len() as u64 * weight).div_ceil(100 * sum);
            prop_assert!(in_flight <= bound, "{in_flight} of {}, bound {bound}", held.len());
        }
    }

    #[test]
    fn turns_respect_the_weights_at_every_moment(weights in vec(1..30_u16, 1..10)) {
        let pool = pool(Balance::RoundRobin, &weights);
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut counts = vec![0_u64; weights.len()];
        for turn in 1..=2 * sum {
            counts[usize::from(number(pool.choose(&wish(turn)))) - 1] += 1;
            for (count, weight) in counts.iter().zip(&weights) {
                let due = turn as f64 * f64::from(*weight) / sum as f64;
                prop_assert!((*count as f64 - due).abs() < 1.0 + 1e-9, "{counts:?} after {turn}");
            }
        }
    }
}

/// Two threads at a time, as often as it takes for each to be in the way of the other.
fn at_once(run: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for thread in 0..2 {
            let run = &run;
            scope.spawn(move || run(thread));
        }
    });
}

#[test]
fn threads_never_exceed_what_an_endpoint_takes() {
    for rule in [Balance::RoundRobin, Balance::LeastRequests, Balance::P2cEwma, hash(125)] {
        let mut three = members(&[1, 2, 3]);
        three.iter_mut().for_each(|member| member.from.max_in_flight = Some(2));
        let pool = balancer(&model(rule.clone()), &three);
        at_once(|thread| {
            let mut held = VecDeque::new();
            for step in 0..20_000 {
                match pool.choose(&wish(step * 2 + thread)) {
                    Ok(chosen) => {
                        assert!(chosen.endpoint.in_flight() <= 2, "{rule:?}");
                        held.push_back(chosen);
                    }
                    Err(none_left) => assert_eq!(none_left, NoneLeft::AllFull),
                }
                if held.len() > 4 || step % 3 == 0 {
                    held.pop_front();
                }
            }
        });
        assert!(pool.endpoints().iter().all(|endpoint| endpoint.in_flight() == 0), "{rule:?}");
        assert_eq!(pool.tally.in_flight.load(Ordering::Relaxed), 0, "{rule:?}");
    }
}

#[test]
fn threads_never_eject_more_than_the_share() {
    for _ in 0..200 {
        let pool = pool(Balance::RoundRobin, &[1; 8]);
        at_once(|thread| {
            for step in 0..200 {
                let over = pool.choose(&wish(step * 2 + thread)).unwrap();
                pool.answered(&over, Outcome::Broken, step);
                assert!(ejected(&pool) <= 4);
            }
        });
        assert_eq!(ejected(&pool), 4, "half of them");
    }
}

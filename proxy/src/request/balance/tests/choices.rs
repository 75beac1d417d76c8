//! Which endpoint is chosen, one choice after the other.

use super::*;

const RULES: [Balance; 4] = [
    Balance::RoundRobin,
    Balance::LeastRequests,
    Balance::P2cEwma,
    Balance::Hash(Hash { by: HashKey::Path, load_percent: 125 }),
];

#[test]
fn an_idle_pool_keeps_to_the_weights() {
    for rule in &RULES[..3] {
        let pool = pool(rule.clone(), &[5, 1, 1]);
        assert_about(&counts(&pool, 7_000, 0), &[5_000, 1_000, 1_000]);
    }
    let pool = pool(RULES[3].clone(), &[5, 1, 1]);
    let counts = counts(&pool, 7_000, 0);
    assert!((4_400..5_600).contains(&counts[&1]), "about, by the points of a ring: {counts:?}");
}

#[test]
fn round_robin_is_smooth() {
    let pool = pool(Balance::RoundRobin, &[5, 1, 1]);
    let round: Vec<_> = (0..7).map(|random| number(pool.choose(&wish(random)))).collect();
    assert_eq!(round, [1, 2, 1, 1, 3, 1, 1]);
}

#[test]
fn least_requests_goes_where_there_is_room() {
    let pool = pool(Balance::LeastRequests, &[1, 1, 2]);
    let mut held: Vec<_> = (0..80).map(|random| pool.choose(&wish(random)).unwrap()).collect();
    let at = |held: &[Try], wanted| held.iter().filter(|held| held.endpoint.address.port() == wanted).count();
    assert_eq!((at(&held, 1), at(&held, 2), at(&held, 3)), (20, 20, 40));
    held.retain(|held| held.endpoint.address.port() != 2);
    for random in 0..15 {
        let chosen = pool.choose(&wish(random)).unwrap();
        assert_eq!(chosen.endpoint.address.port(), 2, "whoever has the fewest");
        held.push(chosen);
    }
}

#[test]
fn of_many_the_least_loaded_are_found_too() {
    let pool = pool(Balance::LeastRequests, &[1; 200]);
    let held: Vec<_> = (0..2_000).map(|random| pool.choose(&wish(random)).unwrap()).collect();
    let most = held.iter().map(|held| held.endpoint.in_flight()).max();
    assert!(most <= Some(12), "ten each would be the best: {most:?}");
}

#[test]
fn peak_ewma_leaves_the_slow_one_alone_and_comes_back() {
    let pool = pool(Balance::P2cEwma, &[1; 4]);
    let mut at_slow = [0; 3];
    // A thousand a second, one after the other; in the second phase the first endpoint takes ten times as long.
    for request in 0..120_000_u64 {
        let (now, phase) = (request * MS, (request / 30_000).min(2) as usize);
        let over = pool.choose(&Wish { now, ..wish(request) }).unwrap();
        let slow = over.endpoint.address.port() == 1 && phase == 1;
        at_slow[phase] += u64::from(over.endpoint.address.port() == 1);
        pool.answered(&over, Outcome::Answered(200), now + if slow { 10 * MS } else { MS });
        if request % 100 == 0 {
            pool.tend(now);
        }
    }
    assert!(at_slow[0] > 5_000 && at_slow[1] < 300 && at_slow[2] > 5_000, "{at_slow:?}");
}

#[test]
fn who_fails_or_refuses_fast_is_not_the_fastest() {
    for outcome in [Outcome::NoConnection, Outcome::Answered(500), Outcome::Answered(503)] {
        let pool = balancer(&Pool { eject: None, ..model(Balance::P2cEwma) }, &members(&[1; 4]));
        let mut failed = 0;
        for request in 0..20_000_u64 {
            let now = request * MS;
            let over = pool.choose(&Wish { now, ..wish(request) }).unwrap();
            let fails = over.endpoint.address.port() == 1;
            failed += u64::from(fails);
            let (outcome, took) = if fails { (outcome, MS / 10) } else { (Outcome::Answered(200), 5 * MS) };
            pool.answered(&over, outcome, now + took);
            if request % 100 == 0 {
                pool.tend(now);
            }
        }
        assert!(failed < 2_000, "{outcome:?}: {failed} of 20,000");
    }
}

#[test]
fn equal_keys_stay_and_only_those_of_one_that_leaves_move() {
    let pool = pool(hash(1_000), &[1; 5]);
    let at = || {
        (0..2_000)
            .map(|key| number(pool.choose(&Wish { key: Some(hash::key(&[key as u8, (key >> 8) as u8])), ..wish(key) })))
    };
    let before: Vec<_> = at().collect();
    pool.by_hand(address(2), by_hand(Hand::Down, None), 0).unwrap();
    let (mut moved, without): (u32, Vec<_>) = (0, at().collect());
    for (was, is) in before.iter().zip(&without) {
        assert!(*was == 2 || was == is);
        moved += u32::from(was != is);
    }
    assert!((250..600).contains(&moved), "{moved} of 2,000");
    pool.by_hand(address(2), None, 0).unwrap();
    assert_eq!(at().collect::<Vec<_>>(), before, "they come back");
}

#[test]
fn a_hot_key_spreads_over_as_many_as_it_takes() {
    let pool = pool(hash(150), &[1; 4]);
    let key = Some(hash::key(b"/sale"));
    let held: Vec<_> = (0..100).map(|random| pool.choose(&Wish { key, ..wish(random) }).unwrap()).collect();
    let mut loads: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.in_flight()).collect();
    loads.sort_unstable();
    assert_eq!(loads, [0, 24, 38, 38], "one and a half times a quarter, rounded up");
    drop(held);
    assert_eq!(pool.tally.in_flight.load(Ordering::Relaxed), 0);
}

#[test]
fn what_was_tried_is_left_out_while_there_are_others() {
    for rule in RULES {
        let pool = pool(rule.clone(), &[1, 1, 1]);
        let tried = [address(2), address(3)];
        for random in 0..50 {
            let once = number(pool.choose(&Wish { tried: &tried[..1], ..wish(random) }));
            assert!([1, 3].contains(&once), "{rule:?}: {once}");
            assert_eq!(number(pool.choose(&Wish { tried: &tried, ..wish(random) })), 1, "{rule:?}");
            let all = [address(1), address(2), address(3)];
            assert_ne!(number(pool.choose(&Wish { tried: &all, ..wish(random) })), 0, "{rule:?}: one of them again");
        }
    }
}

#[test]
fn a_full_endpoint_is_passed_over_and_a_full_pool_says_so() {
    for rule in RULES {
        let two =
            with(with(members(&[1, 1]), 1, |one| one.max_in_flight = Some(3)), 2, |two| two.max_in_flight = Some(5));
        let pool = balancer(&model(rule.clone()), &two);
        let held: Vec<_> = (0..8).map(|random| pool.choose(&wish(random)).unwrap()).collect();
        assert_eq!(pool.choose(&wish(8)).unwrap_err(), NoneLeft::AllFull, "{rule:?}");
        assert_eq!(pool.endpoints().iter().map(|one| one.in_flight()).collect::<Vec<_>>(), [3, 5], "{rule:?}");
        drop(held);
        assert!(pool.choose(&wish(9)).is_ok(), "{rule:?}");
        assert_eq!(balancer(&model(rule), &[]).choose(&wish(0)).unwrap_err(), NoneLeft::NoEndpoint);
    }
}

#[test]
fn a_client_stays_at_its_endpoint_while_that_can_serve() {
    let pool = pool(Balance::RoundRobin, &[1, 1, 1]);
    let token = pool.token(&pool.endpoints()[1]).unwrap();
    let kept = || {
        let kept = pool.choose(&Wish { client: Some(token.as_bytes()), ..wish(0) }).unwrap();
        (kept.endpoint.address.port(), kept.kept)
    };
    assert!((0..5).all(|_| kept() == (2, true)));
    pool.by_hand(address(2), by_hand(Hand::Drain, None), 0).unwrap();
    assert_eq!(kept(), (2, true), "draining, it keeps whom it has");
    pool.by_hand(address(2), by_hand(Hand::Down, None), 0).unwrap();
    assert!(kept().0 != 2 && !kept().1);
    pool.by_hand(address(2), None, 0).unwrap();
    let elsewhere = pool.choose(&Wish { client: Some(token.as_bytes()), tried: &[address(2)], ..wish(0) }).unwrap();
    assert!(!elsewhere.kept && elsewhere.endpoint.address.port() != 2, "a try that failed there goes elsewhere");
    let forged = pool.choose(&Wish { client: Some(b"AAAAAAAAAAAAAAAA"), ..wish(0) }).unwrap();
    assert!(!forged.kept);
}

#[test]
fn a_full_endpoint_keeps_nobody() {
    let pool = balancer(&model(Balance::RoundRobin), &with(members(&[1, 1]), 2, |two| two.max_in_flight = Some(1)));
    let token = pool.token(&pool.endpoints()[1]).unwrap();
    let wish = Wish { client: Some(token.as_bytes()), ..wish(0) };
    let _held = pool.choose(&wish).unwrap();
    assert_eq!(number(pool.choose(&wish)), 1);
}

#[test]
fn the_local_zone_is_preferred_as_far_as_it_can_carry() {
    let zoned = |number: usize| if number <= 4 { "here" } else { "there" };
    let mut eight = members(&[1; 8]);
    for (number, member) in (1..).zip(&mut eight) {
        member.from.zone = Some(zoned(number).to_owned());
    }
    for rule in RULES {
        let pool = Balancer::new(&model(rule.clone()), Some("here"), None, &eight, None, 0);
        let local =
            || counts(&pool, 8_000, 0).iter().filter(|(number, _)| **number <= 4).map(|(_, count)| count).sum::<u64>();
        assert_eq!(local(), 8_000, "{rule:?}");
        pool.checked(address(1), Verdict::Unreachable, 0);
        assert_eq!(local(), 8_000, "{rule:?}: three of four still carry all");
        pool.checked(address(2), Verdict::Unreachable, 0);
        assert!((5_350..5_850).contains(&local()), "{rule:?}: 1.4 * 2 / 4 = 70 % are {}", local());
        pool.checked(address(3), Verdict::Unreachable, 0);
        pool.checked(address(4), Verdict::Unreachable, 0);
        assert_eq!(local(), 0, "{rule:?}");
        let elsewhere = Balancer::new(&model(rule.clone()), Some("nowhere"), None, &eight, None, 0);
        assert_eq!(counts(&elsewhere, 8_000, 0).len(), 8, "{rule:?}: a zone without endpoints prefers nobody");
    }
}

#[test]
fn backups_serve_only_while_nobody_else_can() {
    let pool = balancer(&model(Balance::RoundRobin), &with(members(&[1, 1, 1]), 3, |three| three.backup = true));
    assert_eq!(counts(&pool, 10, 0), HashMap::from([(1, 5), (2, 5)]));
    assert_eq!(standings(&pool), ["up", "up", "standby"]);
    pool.checked(address(1), Verdict::Unreachable, 0);
    assert_eq!(counts(&pool, 10, 0), HashMap::from([(2, 10)]));
    pool.checked(address(2), Verdict::Unreachable, 0);
    assert_eq!(counts(&pool, 10, 0), HashMap::from([(3, 10)]));
    assert_eq!(standings(&pool), ["unreachable", "unreachable", "up"]);
    let token = pool.token(&pool.endpoints()[2]).unwrap();
    pool.checked(address(2), Verdict::Well, 0);
    assert_eq!(number(pool.choose(&Wish { client: Some(token.as_bytes()), ..wish(0) })), 2, "a backup keeps nobody");
}

#[test]
fn an_endpoint_in_slow_start_gets_its_part_of_a_share() {
    for rule in RULES {
        let slow = Pool { slow_start: Duration::from_secs(10), ..model(rule.clone()) };
        let pool = balancer(&slow, &members(&[1; 4]));
        pool.checked(address(1), Verdict::Unreachable, 0);
        pool.checked(address(1), Verdict::Well, 0);
        let share = |now| {
            pool.tend(now);
            counts(&pool, 20_000, now).get(&1).copied().unwrap_or_default()
        };
        let shares = [0, 5, 10].map(|seconds| share(seconds * SECOND));
        assert!((50..1_000).contains(&shares[0]), "{rule:?}: a tenth of a quarter, about: {shares:?}");
        assert!((1_800..3_900).contains(&shares[1]), "{rule:?}: about a half of a quarter: {shares:?}");
        assert!((4_000..6_000).contains(&shares[2]), "{rule:?}: {shares:?}");
        assert_eq!(standings(&pool)[0], "up");
    }
}

#[test]
fn where_all_come_back_at_once_none_is_in_the_way_of_another() {
    for rule in RULES {
        let slow = Pool { slow_start: Duration::from_secs(10), ..model(rule.clone()) };
        let pool = balancer(&slow, &members(&[1; 4]));
        for verdict in [Verdict::Unreachable, Verdict::Well] {
            (1..=4).for_each(|number| assert!(pool.checked(address(number), verdict, 0)));
        }
        assert_eq!(standings(&pool), ["slow_start"; 4]);
        assert_eq!(pool.left(), percent(10), "what the pool admits grows with them");
        let counts = counts(&pool, 8_000, 0);
        assert!(counts.values().all(|count| (1_600..2_500).contains(count)), "{rule:?}: {counts:?}");
    }
}

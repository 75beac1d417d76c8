//! What changes who may be chosen.

use super::*;

#[test]
fn checks_take_out_and_bring_back_and_only_a_change_is_news() {
    let pool = pool(Balance::RoundRobin, &[1, 1, 1]);
    assert!(!pool.checked(address(1), Verdict::Well, 0), "it counted as well");
    assert!(pool.checked(address(1), Verdict::Unreachable, 0) && !pool.checked(address(1), Verdict::Unreachable, 0));
    assert_eq!(counts(&pool, 10, 0), HashMap::from([(2, 5), (3, 5)]));
    assert!(pool.checked(address(1), Verdict::Well, 0));
    assert_eq!(counts(&pool, 9, 0).len(), 3);
    assert!(!pool.checked(address(9), Verdict::Unwell, 0), "of nobody");
}

#[test]
fn without_checks_nothing_counts_as_down() {
    let checked = pool(Balance::RoundRobin, &[1]);
    checked.checked(address(1), Verdict::Unreachable, 0);
    assert_eq!(checked.choose(&wish(0)).unwrap_err(), NoneLeft::NoEndpoint);
    let without = Pool { health: None, ..model(Balance::RoundRobin) };
    let without = Balancer::new(&without, None, None, &members(&[1]), Some(&checked), 0);
    assert!(without.choose(&wish(0)).is_ok());
    let again = model(Balance::RoundRobin);
    let again = Balancer::new(&again, None, None, &members(&[1]), Some(&without), 0);
    assert_eq!(standings(&again), ["up"], "what checks of long ago said is forgotten");
}

#[test]
fn of_nothing_nothing_is_left() {
    let pool = pool(Balance::RoundRobin, &[]);
    assert_eq!(pool.left().basis_points(), 0);
    pool.replace(&members(&[1]), 0);
    assert_eq!(pool.left(), Percent::ALL);
    pool.checked(address(1), Verdict::Unreachable, 0);
    assert_eq!(pool.left().basis_points(), 0);
    let backup = with(members(&[1]), 1, |endpoint| endpoint.backup = true);
    assert_eq!(balancer(&model(Balance::RoundRobin), &backup).left(), Percent::ALL, "a backup carries what it can");
}

#[test]
fn there_is_no_panic_where_nobody_can_be_used_for_it() {
    let pool = pool(Balance::RoundRobin, &[1; 3]);
    for number in [1, 2] {
        pool.checked(address(number), Verdict::Unreachable, 0);
    }
    assert!(!pool.report(0).panic, "{:?}", standings(&pool));
    pool.checked(address(1), Verdict::Unwell, 0);
    assert!(pool.report(0).panic, "{:?}", standings(&pool));
}

#[test]
fn what_is_drained_and_then_switched_off_is_not_missed() {
    let drained = |member: model::Endpoint| model::Endpoint { drain: true, ..member };
    let list = (1..=3)
        .fold(members(&[1; 4]), |list, number| with(list, number, |endpoint| *endpoint = drained(endpoint.clone())));
    let pool = balancer(&model(Balance::RoundRobin), &[list, vec![member(5, 1), member(6, 1)]].concat());
    for number in [1, 2, 3] {
        pool.checked(address(number), Verdict::Unreachable, 0);
    }
    pool.checked(address(4), Verdict::Unwell, 0);
    assert_eq!(standings(&pool)[3], "unwell", "two of the three that are wanted can serve");
}

#[test]
fn when_most_answer_badly_they_are_used_again() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    pool.checked(address(1), Verdict::Unwell, 0);
    pool.checked(address(2), Verdict::Unwell, 0);
    assert_eq!(standings(&pool), ["unwell", "unwell", "up", "up"]);
    pool.checked(address(3), Verdict::Unreachable, 0);
    assert_eq!(standings(&pool), ["panic", "panic", "unreachable", "up"], "who cannot be connected to stays out");
    assert!(pool.report(0).panic);
    assert_eq!(counts(&pool, 9, 0), HashMap::from([(1, 3), (2, 3), (4, 3)]));
    pool.by_hand(address(1), by_hand(Hand::Drain, None), 0).unwrap();
    assert_eq!(standings(&pool)[0], "unwell", "what is set by hand counts in panic too");
    pool.checked(address(3), Verdict::Well, 0);
    assert_eq!(standings(&pool), ["unwell", "unwell", "up", "up"]);
    assert!(!pool.report(0).panic);
}

#[test]
fn what_is_taken_out_on_purpose_is_not_missed() {
    let pool = pool(Balance::RoundRobin, &[1; 6]);
    for number in [1, 2, 3] {
        pool.by_hand(address(number), by_hand(Hand::Down, None), 0).unwrap();
    }
    pool.checked(address(4), Verdict::Unwell, 0);
    assert_eq!(standings(&pool)[3], "unwell", "two of three can serve");
    assert_eq!(pool.left().basis_points(), 3_333, "but only two of six carry");
}

#[test]
fn errors_in_a_row_eject_for_a_while() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    fail(&pool, 1, 2, 0);
    pool.answered(&try_at(&pool, 1, 0), Outcome::Answered(200), 0);
    fail(&pool, 1, 2, 0);
    assert_eq!(standings(&pool), ["up"; 4], "not in a row");
    fail(&pool, 1, 1, 0);
    assert_eq!(standings(&pool), ["ejected", "up", "up", "up"]);
    let row = &pool.report(3 * SECOND).endpoints[0];
    assert_eq!(row.reason.as_deref(), Some("3 errors in a row"));
    assert_eq!((row.ejected_for, row.ejections.map(|(_, count)| count)), (Some(Duration::from_secs(7)), [1, 0]));
    assert!(!counts(&pool, 100, 0).contains_key(&1));
    pool.tend(10 * SECOND - 1);
    assert_eq!(standings(&pool)[0], "ejected");
    pool.tend(10 * SECOND);
    assert_eq!(standings(&pool)[0], "up");
    fail(&pool, 1, 1, 11 * SECOND);
    assert_eq!(standings(&pool)[0], "ejected", "one more error is enough");
    assert_eq!(pool.report(11 * SECOND).endpoints[0].ejected_for, Some(Duration::from_secs(20)), "and longer");
    pool.tend(31 * SECOND);
    pool.answered(&try_at(&pool, 1, 31 * SECOND), Outcome::Answered(200), 31 * SECOND);
    fail(&pool, 1, 2, 31 * SECOND);
    assert_eq!(standings(&pool)[0], "up", "after a success it takes all of them again");
}

#[test]
fn the_last_one_that_serves_is_not_ejected() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    for (number, out) in [(2, Hand::Down), (3, Hand::Drain)] {
        pool.by_hand(address(number), by_hand(out, None), 0).unwrap();
    }
    pool.checked(address(4), Verdict::Unreachable, 0);
    fail(&pool, 1, 9, 0);
    assert_eq!(standings(&pool), ["up", "down", "draining", "unreachable"]);
    pool.checked(address(4), Verdict::Well, 0);
    fail(&pool, 1, 3, 0);
    assert_eq!(standings(&pool), ["ejected", "down", "draining", "up"]);
    pool.checked(address(4), Verdict::Unwell, 0);
    assert_eq!(standings(&pool)[3], "panic", "somebody serves");
    pool.checked(address(4), Verdict::Unreachable, 0);
    assert_eq!(standings(&pool)[0], "up", "what it was ejected for matters less than having nobody");
    pool.checked(address(4), Verdict::Well, 0);
    assert_eq!(standings(&pool)[0], "ejected", "until somebody else is there again");
}

#[test]
fn a_backup_is_somebody_else() {
    let pool = balancer(&model(Balance::RoundRobin), &with(members(&[1, 1]), 2, |two| two.backup = true));
    fail(&pool, 1, 3, 0);
    assert_eq!(standings(&pool), ["ejected", "up"]);
    fail(&pool, 2, 9, 0);
    assert_eq!(standings(&pool), ["ejected", "up"]);
}

#[test]
fn of_fewer_members_fewer_are_out() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    fail(&pool, 1, 3, 0);
    fail(&pool, 2, 3, SECOND);
    assert_eq!(standings(&pool), ["ejected", "ejected", "up", "up"]);
    pool.replace(&members(&[1, 1]), 2 * SECOND);
    assert_eq!(standings(&pool), ["up", "ejected"], "the one that ends later");
    let late = Balancer::new(&model(Balance::RoundRobin), None, None, &members(&[1]), Some(&pool), 2 * SECOND);
    assert_eq!((standings(&late), late.left()), (vec!["up"], Percent::ALL));
    pool.replace(&members(&[1; 4]), 3 * SECOND);
    assert_eq!(standings(&pool)[..2], ["ejected", "ejected"]);
}

#[test]
fn who_is_up_or_down_by_hand_is_not_ejected() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    let late: Vec<_> = (0..3).map(|_| try_at(&pool, 2, 0)).collect();
    pool.by_hand(address(1), by_hand(Hand::Up, None), 0).unwrap();
    pool.by_hand(address(2), by_hand(Hand::Down, None), 0).unwrap();
    fail(&pool, 1, 3, 0);
    late.iter().for_each(|late| pool.answered(late, Outcome::Broken, 0));
    assert_eq!(standings(&pool), ["up", "down", "up", "up"]);
    for number in [1, 2] {
        pool.by_hand(address(number), None, 0).unwrap();
    }
    assert_eq!(standings(&pool), ["up"; 4], "nor afterwards, for what was meanwhile");
    assert!(pool.report(0).endpoints.iter().all(|row| row.ejections.iter().all(|(_, count)| *count == 0)));
    for number in [3, 4] {
        fail(&pool, number, 3, 0);
        pool.by_hand(address(number), by_hand(Hand::Up, None), 0).unwrap();
    }
    fail(&pool, 1, 3, 0);
    fail(&pool, 2, 3, 0);
    assert_eq!(standings(&pool), ["ejected", "ejected", "up", "up"], "of the share they take nothing");
}

#[test]
fn what_counts_in_a_row() {
    for (outcome, ejects) in [
        (Outcome::NoConnection, true),
        (Outcome::Broken, true),
        (Outcome::TimedOut, true),
        (Outcome::Answered(502), true),
        (Outcome::Answered(504), true),
        (Outcome::Answered(500), false),
        (Outcome::Answered(503), false),
        (Outcome::Answered(429), false),
        (Outcome::Answered(404), false),
        (Outcome::Undecided, false),
    ] {
        let pool = pool(Balance::RoundRobin, &[1; 4]);
        for _ in 0..20 {
            let Ok(over) = pool.choose(&Wish { tried: &[address(2), address(3), address(4)], ..wish(0) }) else {
                break;
            };
            pool.answered(&over, outcome, 0);
        }
        assert_eq!(standings(&pool)[0] == "ejected", ejects, "{outcome:?}");
    }
}

#[test]
fn what_counts_as_an_error_of_how_many_tries() {
    for (outcome, tries, errors) in [
        (Outcome::NoConnection, 1, 1),
        (Outcome::Broken, 1, 1),
        (Outcome::TimedOut, 1, 1),
        (Outcome::Answered(500), 1, 1),
        (Outcome::Answered(504), 1, 1),
        (Outcome::Answered(503), 1, 0),
        (Outcome::Answered(429), 1, 0),
        (Outcome::Answered(200), 1, 0),
        (Outcome::Undecided, 0, 0),
    ] {
        let pool = pool(Balance::RoundRobin, &[1]);
        pool.answered(&try_at(&pool, 1, 0), outcome, 0);
        let row = &pool.report(0).endpoints[0];
        assert_eq!((row.tries, row.errors, row.results.iter().sum()), (tries, errors, 1_u64), "{outcome:?}");
    }
}

#[test]
fn tries_from_before_the_return_do_not_eject_again() {
    let pool = pool(Balance::RoundRobin, &[1; 4]);
    let late: Vec<_> = (0..5).map(|_| try_at(&pool, 1, 0)).collect();
    fail(&pool, 1, 3, 0);
    pool.tend(10 * SECOND);
    late.iter().for_each(|late| pool.answered(late, Outcome::TimedOut, 11 * SECOND));
    assert_eq!(standings(&pool)[0], "up");
    fail(&pool, 1, 1, 12 * SECOND);
    assert_eq!(standings(&pool)[0], "ejected");
}

/// What the endpoints cost, in ms.
fn latencies(pool: &Balancer, now: u64) -> Vec<u64> {
    pool.endpoints().iter().map(|endpoint| (endpoint.latency.get(now).unwrap() / MS as f32).round() as u64).collect()
}

#[test]
fn errors_do_not_raise_what_errors_cost() {
    let pool = balancer(&Pool { eject: None, ..model(Balance::P2cEwma) }, &members(&[1; 4]));
    let mut now = 0;
    for request in 0..60_000_u64 {
        now += MS;
        let over = pool.choose(&Wish { now, ..wish(request) }).unwrap();
        let status = if dice::mix(request).is_multiple_of(100) { 500 } else { 200 };
        pool.answered(&over, Outcome::Answered(status), now + 10 * MS);
        if request.is_multiple_of(100) {
            pool.tend(now);
        }
    }
    assert!(latencies(&pool, now).iter().all(|latency| *latency <= 20), "{:?}", latencies(&pool, now));
    let hung = try_at(&pool, 1, now);
    pool.answered(&hung, Outcome::TimedOut, now + 10 * SECOND);
    pool.tend(now + 10 * SECOND);
    let over = try_at(&pool, 2, now + 10 * SECOND);
    pool.answered(&over, Outcome::Answered(500), now + 10 * SECOND);
    assert!(latencies(&pool, now + 10 * SECOND)[1] <= 20, "whoever hangs makes nobody else look slow");
}

#[test]
fn one_far_below_the_others_is_ejected_at_the_end_of_a_window() {
    let eject = model(Balance::RoundRobin).eject.map(|eject| Ejection {
        success_rate: Some(SuccessRate { below: percent(20), requests: 100, window: Duration::from_secs(10) }),
        consecutive_errors: 1_000,
        ..eject
    });
    let pool = balancer(&Pool { eject, ..model(Balance::RoundRobin) }, &members(&[1; 4]));
    let serve = |now: u64, errors_percent: u64| {
        for request in 0..1_200_u64 {
            let over = pool.choose(&Wish { now, ..wish(request) }).unwrap();
            let fails = over.endpoint.address.port() == 1 && request / 4 % 100 < errors_percent;
            pool.answered(&over, Outcome::Answered(if fails { 500 } else { 200 }), now);
        }
        pool.tend(now + 10 * SECOND);
        standings(&pool)[0]
    };
    pool.tend(0);
    assert_eq!(serve(SECOND, 10), "up", "within what is allowed");
    assert_eq!(serve(11 * SECOND, 40), "ejected");
    let reason = pool.report(0).endpoints[0].reason.clone().unwrap();
    assert_eq!(reason, "60.0% successes, the others have 100.0%");
    assert_eq!(serve(21 * SECOND, 0), "up", "it is back, and fails no more");
}

#[test]
fn what_an_endpoint_was_ejected_for_does_not_count_after_its_return() {
    let success_rate = Some(SuccessRate { below: percent(20), requests: 3, window: Duration::from_secs(25) });
    let eject = model(Balance::RoundRobin).eject.map(|eject| Ejection { success_rate, ..eject });
    let pool = balancer(&Pool { eject, ..model(Balance::RoundRobin) }, &members(&[1; 4]));
    pool.tend(0);
    fail(&pool, 1, 3, SECOND);
    pool.tend(11 * SECOND);
    let answered = |number, times: u64, status, now| {
        (0..times).for_each(|_| pool.answered(&try_at(&pool, number, now), Outcome::Answered(status), now));
    };
    for (number, times) in [(1, 5), (2, 50), (3, 50), (4, 50)] {
        answered(number, times, 200, 12 * SECOND);
    }
    pool.tend(25 * SECOND);
    assert_eq!(standings(&pool)[0], "up");
    for (number, status) in [(1, 500), (2, 200), (3, 200), (4, 200)] {
        answered(number, 50, status, 26 * SECOND);
    }
    pool.tend(50 * SECOND);
    assert_eq!(standings(&pool)[0], "ejected", "what it does from then on counts");
}

#[test]
fn the_hand_is_the_last_word_until_it_is_taken_away() {
    let slow = Pool { slow_start: Duration::from_secs(10), ..model(Balance::RoundRobin) };
    let drained = with(members(&[1; 4]), 4, |four| four.drain = true);
    let pool = balancer(&slow, &drained);
    assert_eq!(standings(&pool), ["up", "up", "up", "draining"]);
    pool.checked(address(1), Verdict::Unreachable, 0);
    fail(&pool, 2, 3, 0);
    for number in [1, 2, 4] {
        pool.by_hand(address(number), by_hand(Hand::Up, None), 0).unwrap();
    }
    assert_eq!(standings(&pool), ["up"; 4], "over checks, ejection and configuration");
    pool.by_hand(address(3), by_hand(Hand::Down, Some(5 * SECOND)), 0).unwrap();
    pool.tend(5 * SECOND - 1);
    assert_eq!(standings(&pool)[2], "down");
    assert_eq!(pool.report(0).endpoints[2].by_hand.as_ref().unwrap().by, "ana");
    pool.tend(5 * SECOND);
    assert_eq!(standings(&pool)[2], "slow_start", "it was cold meanwhile");
    pool.tend(15 * SECOND);
    for (state, standing) in [(Some(Hand::Drain), "draining"), (Some(Hand::Down), "down"), (None, "slow_start")] {
        pool.by_hand(address(3), state.and_then(|state| by_hand(state, None)), 15 * SECOND).unwrap();
        assert_eq!(standings(&pool)[2], standing);
    }
    pool.tend(25 * SECOND);
    pool.by_hand(address(3), by_hand(Hand::Drain, None), 25 * SECOND).unwrap();
    pool.by_hand(address(3), None, 30 * SECOND).unwrap();
    assert_eq!(standings(&pool)[2], "slow_start", "who drained is cold too");
    let before = pool.by_hand(address(1), None, 0).unwrap();
    assert_eq!((before.unwrap().state, standings(&pool)[0]), (Hand::Up, "unreachable"));
    assert_eq!(pool.by_hand(address(9), None, 0), Err(UnknownEndpoint(address(9))));
}

#[test]
fn a_reload_keeps_what_is_known_and_changes_nothing_before() {
    let slow = Pool { slow_start: Duration::from_secs(10), ..model(Balance::RoundRobin) };
    let before = balancer(&slow, &members(&[1; 4]));
    fail(&before, 1, 3, 0);
    before.by_hand(address(2), by_hand(Hand::Down, None), 0).unwrap();
    let held = try_at(&before, 3, 0);
    while before.budget.retry() {}
    let next = with(members(&[1, 1, 2, 1, 1]), 4, |four| four.drain = true);
    let after = Balancer::new(&slow, None, Some(KEY), &next, Some(&before), SECOND);
    assert_eq!(standings(&after), ["ejected", "down", "up", "draining", "slow_start"]);
    assert_eq!(standings(&before), ["ejected", "down", "up", "up"]);
    assert_eq!(after.endpoints()[2].in_flight(), 1);
    drop(held);
    assert_eq!(after.endpoints()[2].in_flight(), 0);
    assert!(!after.budget.retry());
    after.tend(10 * SECOND);
    before.tend(10 * SECOND);
    assert_eq!(
        (standings(&after)[0], standings(&before)[0]),
        ("slow_start", "slow_start"),
        "each sees what either did"
    );
}

#[test]
fn discovery_replaces_members_and_new_ones_begin_slowly() {
    let slow = Pool { slow_start: Duration::from_secs(10), ..model(Balance::RoundRobin) };
    let pool = balancer(&slow, &[]);
    assert_eq!(pool.choose(&wish(0)).unwrap_err(), NoneLeft::NoEndpoint);
    pool.replace(&members(&[1, 1]), 0);
    assert_eq!(standings(&pool), ["up", "up"], "with the pool itself, all begin alike");
    fail(&pool, 1, 3, 0);
    let mut three = members(&[1, 2, 1]);
    three.push(three[0].clone());
    pool.replace(&three, SECOND);
    assert_eq!(standings(&pool), ["ejected", "up", "slow_start"], "an address that is there twice counts once");
    assert_eq!(pool.members(), members(&[1, 2, 1]));
    let gone = try_at(&pool, 2, 0);
    pool.replace(&three[..1], SECOND);
    (0..10).for_each(|_| pool.answered(&gone, Outcome::Broken, SECOND));
    assert_eq!(standings(&pool), ["up"], "who has left is nobody's concern, and the last one serves");
}

#[test]
fn whoever_comes_back_soon_is_as_it_was() {
    let pool = pool(Balance::RoundRobin, &[1; 3]);
    pool.by_hand(address(1), by_hand(Hand::Down, None), 0).unwrap();
    fail(&pool, 2, 3, 0);
    assert_eq!(standings(&pool), ["down", "ejected", "up"]);
    let (all, third) = (members(&[1; 3]), vec![member(3, 1)]);
    pool.replace(&third, SECOND);
    // A reload on the way changes nothing about it.
    let pool = Balancer::new(&model(Balance::RoundRobin), None, Some(KEY), &third, Some(&pool), 2 * SECOND);
    pool.replace(&all, 3 * SECOND);
    assert_eq!(standings(&pool), ["down", "ejected", "up"]);
    pool.replace(&third, 4 * SECOND);
    pool.replace(&third, 604 * SECOND);
    pool.replace(&all, 605 * SECOND);
    assert_eq!(standings(&pool), ["down", "up", "up"], "what is set by hand is longer than anything else");
    pool.by_hand(address(1), by_hand(Hand::Drain, Some(700 * SECOND)), 605 * SECOND).unwrap();
    pool.replace(&third, 605 * SECOND);
    pool.replace(&third, 1_300 * SECOND);
    pool.replace(&all, 1_301 * SECOND);
    assert_eq!(standings(&pool), ["up"; 3], "until it is over");
}

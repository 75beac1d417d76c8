//! Tests of session tickets, by a clock that is told.

use std::collections::HashSet;

use super::*;

const ANYBODY: Scope = Scope([0; 32]);
const NOW: u64 = 1_800_000_000;

fn key(byte: u8) -> Key {
    Key::new(&[byte; 80]).unwrap()
}

/// With keys whose files come to be now.
fn shared(bytes: &[u8], previous: Option<&Tickets>, now_s: u64) -> Tickets {
    since(&bytes.iter().map(|byte| (*byte, now_s)).collect::<Vec<_>>(), previous, now_s)
}

fn since(keys: &[(u8, u64)], previous: Option<&Tickets>, now_s: u64) -> Tickets {
    let keys = keys.iter().map(|&(byte, since_s)| SharedKey { key: key(byte), since_s });
    Tickets::shared(keys.collect(), previous, now_s)
}

/// The key that seals, by the byte that it consists of.
fn sealing(tickets: &Tickets, now_s: u64) -> u8 {
    tickets.seal(&ANYBODY, b"session", now_s).unwrap()[0]
}

#[test]
fn a_ticket_comes_back_as_the_session_that_it_was_made_for() {
    for bytes in [&[7; 48][..], &[7; 80]] {
        let tickets = Tickets::shared(vec![SharedKey { key: Key::new(bytes).unwrap(), since_s: NOW }], None, NOW);
        let ticket = tickets.seal(&ANYBODY, b"session", NOW).unwrap();
        assert_eq!(tickets.open(&ANYBODY, &ticket, NOW + 60).as_deref(), Some(&b"session"[..]));
        assert!(!ticket.windows(7).any(|window| window == b"session"));
    }
    assert!([0, 16, 47, 49, 64, 79, 81].iter().all(|length| Key::new(&vec![7; *length]).is_none()));
}

#[test]
fn whatever_was_changed_or_made_up_opens_nothing() {
    let tickets = shared(b"a", None, NOW);
    let ticket = tickets.seal(&ANYBODY, b"session", NOW).unwrap();
    for at in 0..ticket.len() {
        let mut changed = ticket.clone();
        changed[at] ^= 1;
        assert_eq!(tickets.open(&ANYBODY, &changed, NOW), None, "byte {at}");
        assert_eq!(tickets.open(&ANYBODY, &ticket[..at], NOW), None, "cut to {at}");
    }
    assert_eq!(tickets.open(&ANYBODY, &[b'a'; 70_000], NOW), None);
}

#[test]
fn a_session_that_is_too_large_gets_no_ticket() {
    let tickets = shared(b"a", None, NOW);
    let largest = TICKET_MAX - NAME - SALT - TIME - 16;
    assert_eq!(tickets.seal(&ANYBODY, &vec![0; largest], NOW).unwrap().len(), TICKET_MAX);
    assert!(tickets.seal(&ANYBODY, &vec![0; largest + 1], NOW).is_none());
}

#[test]
fn a_ticket_ends_with_its_lifetime_also_under_a_key_that_stays() {
    let tickets = shared(b"a", None, NOW);
    let ticket = tickets.seal(&ANYBODY, b"session", NOW).unwrap();
    let end = NOW + LIFETIME.as_secs();
    assert!(tickets.open(&ANYBODY, &ticket, end).is_some());
    assert!(tickets.open(&ANYBODY, &ticket, end + 1).is_none());
    assert!(tickets.open(&ANYBODY, &ticket, NOW - 30).is_some(), "another edge's clock is ahead");
}

#[test]
fn a_session_does_not_pass_into_another_scope() {
    let tickets = shared(b"a", None, NOW);
    let ticket = tickets.seal(&ANYBODY, b"session", NOW).unwrap();
    assert_eq!(tickets.open(&Scope([1; 32]), &ticket, NOW), None);
}

#[test]
fn no_two_tickets_have_a_salt_in_common() {
    let tickets = shared(b"a", None, NOW);
    let salt = |_| tickets.seal(&ANYBODY, b"session", NOW).unwrap()[NAME..NAME + SALT].to_vec();
    assert_eq!((0..1000).map(salt).collect::<HashSet<_>>().len(), 1000);
}

#[test]
fn edges_with_the_same_keys_take_each_others_tickets() {
    let (one, other) = (shared(b"ba", None, NOW), shared(b"cb", None, NOW));
    let now_s = NOW + SETTLE.as_secs();
    let ticket = one.seal(&ANYBODY, b"session", now_s).unwrap();
    assert!(other.open(&ANYBODY, &ticket, now_s).is_some());
    let newer = other.seal(&ANYBODY, b"session", now_s).unwrap();
    assert!(one.open(&ANYBODY, &newer, now_s).is_none(), "a key that it does not have");
}

#[test]
fn a_new_key_opens_at_once_and_seals_when_every_edge_has_it() {
    let before = shared(b"a", None, NOW);
    let old_ticket = before.seal(&ANYBODY, b"session", NOW).unwrap();
    let after = shared(b"ba", Some(&before), NOW);
    assert_eq!(sealing(&after, NOW + SETTLE.as_secs() - 1), b'a');
    assert_eq!(sealing(&after, NOW + SETTLE.as_secs()), b'b');
    assert!(after.open(&ANYBODY, &old_ticket, NOW).is_some());
    let elsewhere = shared(b"b", None, NOW).seal(&ANYBODY, b"session", NOW).unwrap();
    assert!(after.open(&ANYBODY, &elsewhere, NOW).is_some(), "opens at once");

    let again = shared(b"ba", Some(&after), NOW + 60);
    assert_eq!(sealing(&again, NOW + SETTLE.as_secs()), b'b', "reading the same keys again begins no new wait");
    let replaced = shared(b"c", Some(&after), NOW);
    assert_eq!(sealing(&replaced, NOW), b'c', "there is no other");
    assert!(replaced.open(&ANYBODY, &old_ticket, NOW).is_none());
}

#[test]
fn own_keys_are_made_anew_and_open_until_their_last_ticket_ends() {
    let tickets = Tickets::own();
    let named = |now_s| tickets.seal(&ANYBODY, b"session", now_s).unwrap();
    let first = named(NOW);
    let last = named(NOW + ROTATE.as_secs() - 1);
    assert_eq!(first[..NAME], last[..NAME]);
    let next = named(NOW + ROTATE.as_secs());
    assert_ne!(first[..NAME], next[..NAME]);
    let end_of_last = NOW + ROTATE.as_secs() - 1 + LIFETIME.as_secs();
    for now_s in (NOW..end_of_last).step_by(3600) {
        named(now_s);
    }
    assert!(tickets.open(&ANYBODY, &last, end_of_last).is_some());
    named(end_of_last + ROTATE.as_secs());
    assert!(tickets.held().len() <= 4, "old ones are forgotten");
}

#[test]
fn a_restart_makes_no_key_older_than_it_is() {
    let settle = SETTLE.as_secs();
    let fresh = |now_s| since(&[(b'b', NOW), (b'a', NOW - 86_400)], None, now_s);
    assert_eq!(sealing(&fresh(NOW), NOW), b'a');
    assert_eq!(sealing(&fresh(NOW + settle), NOW + settle), b'b');
    let ahead = since(&[(b'b', NOW + 86_400), (b'a', NOW - 86_400)], None, NOW);
    assert_eq!(sealing(&ahead, NOW + settle), b'b', "a clock that was wrong does not keep it from sealing");
    assert_eq!(sealing(&shared(b"ba", None, NOW), NOW), b'a', "every edge has the older one");
    assert_eq!(sealing(&shared(b"b", None, NOW), NOW), b'b', "there is no other");
}

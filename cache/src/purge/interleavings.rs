//! Threads that store, look up, purge and forget at the same time, in thousands of orders that shuttle draws: what was
//! purged is never found again.

use super::records::Mark;
use super::tests::{fresh_until, key, store};
use crate::flight::Flights;
use crate::key::Slot;
use crate::labels::{Generation, Labels, Tag, UrlHash};
use crate::options::ZoneOptions;
use crate::purge::{Purge, Subject};
use crate::zone::Zone;
use bytes::Bytes;
use pingora::cache::CacheMeta;
use pingora::http::ResponseHeader;
use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const ORDERS: usize = 2000;
const URL: &str = "https://shop.example/";

fn in_many_orders(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, ORDERS);
}

fn zone() -> Arc<Zone> {
    let options = ZoneOptions { name: "pages".into(), memory_bytes: 1 << 20, max_object_bytes: 1 << 16, disk: None };
    Arc::new(Zone::new(&options, &Arc::default()))
}

fn run(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::spawn(work)
}

fn join(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn order(soft: bool) -> Purge {
    Purge { subjects: vec![Subject::Tag("a".into())], soft, at: SystemTime::UNIX_EPOCH }
}

/// A whole fill, as Pingora runs it: the header, some bytes, the end.
fn fill(zone: &Arc<Zone>, flights: &Flights, asked_at: Generation) {
    let at = SystemTime::UNIX_EPOCH;
    let mut meta = CacheMeta::new(at, at, 0, 0, ResponseHeader::build(200, None).unwrap());
    meta.extensions_mut().insert(Labels { asked_at, tags: [Tag::of("a")].into() });
    let flight = flights.begin(Arc::clone(zone), zone.head(&key(URL), &meta).unwrap());
    block_on(flight.write(Bytes::from_static(b"body"))).unwrap();
    flight.complete().unwrap();
    flights.end(&flight);
}

/// The purge is over: nothing that was asked for before it may be followed or found from now on.
fn nothing_old_is_served(zone: &Arc<Zone>, flights: &Flights, purged: Generation) {
    let (key, slot) = (key(URL), Slot::of(&key(URL)));
    if let Some(reader) = flights.follow(zone, &slot, key.primary_key()) {
        assert!(reader.head().labels().asked_at >= purged, "an old fill is followed");
    }
    if let Some(found) = zone.find(&slot, key.primary_key()) {
        assert!(found.object.head.labels().asked_at >= purged, "an old answer is found");
    }
}

#[test]
fn a_fill_and_a_purge() {
    in_many_orders(|| {
        let (zone, flights) = (zone(), Arc::new(Flights::new(Duration::ZERO)));
        let filling = (0..2).map(|_| {
            let (zone, flights) = (Arc::clone(&zone), Arc::clone(&flights));
            run(move || {
                let asked_at = zone.purges.generation();
                fill(&zone, &flights, asked_at);
            })
        });
        let mut threads: Vec<_> = filling.collect();
        threads.push({
            let (zone, flights) = (Arc::clone(&zone), Arc::clone(&flights));
            run(move || {
                let tally = zone.purges.begin(&order(false));
                nothing_old_is_served(&zone, &flights, tally.generation);
                zone.sweep(&tally);
                nothing_old_is_served(&zone, &flights, tally.generation);
            })
        });
        join(threads);
    });
}

#[test]
fn lookups_and_two_purges_count_an_object_once() {
    in_many_orders(|| {
        let zone = zone();
        store(&zone, 1, URL, &["a"], zone.purges.generation());
        let purging = (0..2).map(|_| {
            let zone = Arc::clone(&zone);
            run(move || {
                let tally = zone.purges.begin(&order(false));
                assert_eq!(fresh_until(&zone, URL), None);
                zone.sweep(&tally);
            })
        });
        let mut threads: Vec<_> = purging.collect();
        threads.push({
            let zone = Arc::clone(&zone);
            run(move || {
                fresh_until(&zone, URL);
            })
        });
        join(threads);
        assert_eq!(zone.stat().purged_objects, 1);
    });
}

/// Forgetting judges all that there is; what comes later and was asked for earlier must not slip through.
#[test]
fn a_late_answer_while_purges_are_forgotten() {
    in_many_orders(|| {
        let (zone, flights) = (zone(), Arc::new(Flights::new(Duration::ZERO)));
        let asked_at = zone.purges.generation();
        let purged = zone.purges.record([Mark::Tag(Tag::of("a"))], None).generation;
        let late = {
            let (zone, flights) = (Arc::clone(&zone), Arc::clone(&flights));
            run(move || fill(&zone, &flights, asked_at))
        };
        let forgetting = {
            let (zone, flights) = (Arc::clone(&zone), Arc::clone(&flights));
            run(move || zone.forget_purges(purged, flights.heads(&zone)))
        };
        let looking = {
            let (zone, flights) = (Arc::clone(&zone), Arc::clone(&flights));
            run(move || nothing_old_is_served(&zone, &flights, purged))
        };
        join(vec![late, forgetting, looking]);
        nothing_old_is_served(&zone, &flights, purged);
    });
}

/// What is moved on disk counts as asked for at the generation that was read before it was judged.
#[test]
fn what_was_judged_live_may_be_dated_by_the_number_read_before() {
    in_many_orders(|| {
        let zone = zone();
        store(&zone, 1, URL, &[], zone.purges.generation());
        let purging = {
            let zone = Arc::clone(&zone);
            run(move || {
                zone.purges.record([Mark::Url(UrlHash::of(URL))], None);
            })
        };
        let before = zone.purges.generation();
        let was_live = fresh_until(&zone, URL).is_some();
        purging.join().unwrap();
        if was_live {
            store(&zone, 2, URL, &[], before);
            assert_eq!(fresh_until(&zone, URL), None, "the purge came after that number was read");
        }
    });
}

#[test]
fn a_soft_and_a_hard_purge_while_all_judge() {
    in_many_orders(|| {
        let zone = zone();
        store(&zone, 1, URL, &["a"], zone.purges.generation());
        let soft = {
            let zone = Arc::clone(&zone);
            run(move || {
                zone.purges.begin(&order(true));
                assert_ne!(fresh_until(&zone, URL), Some(super::tests::at(1 << 33)), "fresh after a soft purge");
            })
        };
        let hard = {
            let zone = Arc::clone(&zone);
            run(move || {
                zone.purges.begin(&order(false));
                assert_eq!(fresh_until(&zone, URL), None);
            })
        };
        fresh_until(&zone, URL);
        join(vec![soft, hard]);
        assert_eq!(fresh_until(&zone, URL), None);
    });
}

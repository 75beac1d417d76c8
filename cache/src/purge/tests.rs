//! Tests of purges: against a plain model, through restarts, and on disks that fail.

use super::log::Log;
use super::records::{Mark, Record, Records};
use super::{FORGOTTEN_AFTER, Purges};
use crate::body::Body;
use crate::labels::{Generation, Labels, Tag, UrlHash};
use crate::memory::budget::{Budget, Charge};
use crate::memory::object::Object;
use crate::options::ZoneOptions;
use crate::purge::{Durability, Purge, Reached, Subject};
use crate::zone::Zone;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(super) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn zone() -> Zone {
    let options = ZoneOptions { name: "pages".into(), memory_bytes: 8 << 20, max_object_bytes: 1 << 20, disk: None };
    Zone::new(&options, &Arc::default())
}

pub(super) fn key(url: &str) -> CacheKey {
    CacheKey::new(format!("route=shop {url}"), "pages")
}

/// Stores an answer that was asked for then, and is fresh for long.
pub(super) fn store(zone: &Zone, id: u64, url: &str, tags: &[&str], asked_at: Generation) {
    let mut meta = CacheMeta::new(at(1 << 33), at(0), 0, 0, ResponseHeader::build(200, None).unwrap());
    meta.extensions_mut().insert(Labels { asked_at, tags: tags.iter().map(|tag| Tag::of(tag)).collect() });
    let head = Arc::new(zone.head(&key(url), &meta).unwrap());
    let body = Arc::new(Body::new(Box::new([]), Charge::regardless(zone.memory.budget(), 0)));
    zone.memory.insert(Arc::new(Object { id, head, body }));
}

/// When what is stored became stale; none if nothing is stored.
pub(super) fn fresh_until(zone: &Zone, url: &str) -> Option<SystemTime> {
    let key = key(url);
    let found = zone.find(&crate::key::Slot::of(&key), key.primary_key())?;
    Some(found.meta().unwrap().fresh_until())
}

fn purge(zone: &Zone, subject: Subject, softened: Option<u64>) -> Reached {
    let order = Purge { subjects: vec![subject], soft: softened.is_some(), at: at(softened.unwrap_or(0)) };
    let tally = zone.purges.begin(&order);
    zone.sweep(&tally)
}

fn url(number: usize) -> String {
    // Some are prefixes of others, and of each other's.
    format!("https://shop.example/{}/{}", "ab".repeat(number % 3), number)
}

/// An object of the model: when it was asked for, by number of purges; its tags; what became of it.
struct Kept {
    asked_at: Generation,
    tags: Vec<String>,
    /// It came when purges since had been forgotten: it may be gone for nothing.
    late: bool,
}

struct Ordered {
    subject: Subject,
    generation: Generation,
    softened: Option<SystemTime>,
}

impl Ordered {
    fn means(&self, url: &str, kept: &Kept) -> bool {
        self.generation > kept.asked_at
            && match &self.subject {
                Subject::Url(purged) => purged == url,
                Subject::Tag(tag) => kept.tags.contains(tag),
                Subject::Prefix(prefix) => url.starts_with(prefix.as_str()),
                Subject::All => true,
            }
    }
}

#[test]
fn agrees_with_a_model_that_remembers_every_purge() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let zone = zone();
        let mut model: HashMap<String, Kept> = HashMap::new();
        let mut orders: Vec<Ordered> = Vec::new();
        let mut moments = vec![zone.purges.generation()];
        let mut floor = Generation::default();
        for round in 0..600 {
            let told = format!("seed {seed}, round {round}");
            let url = url(random.random_range(0..30));
            match random.random_range(0..100) {
                0..35 => {
                    let tags: Vec<_> =
                        (0..random.random_range(0..4)).map(|_| format!("t{}", random.random_range(0..8))).collect();
                    // Asked for now, or a while ago.
                    let ago = random.random_range(1..=moments.len().min(4));
                    let asked_at = moments[moments.len() - ago];
                    store(&zone, round, &url, &tags.iter().map(String::as_str).collect::<Vec<_>>(), asked_at);
                    model.insert(url, Kept { asked_at, tags, late: asked_at < floor });
                }
                35..80 => {
                    let kept = model.get(&url);
                    let meant = |order: &&Ordered| kept.is_some_and(|kept| order.means(&url, kept));
                    let gone = orders.iter().filter(meant).any(|order| order.softened.is_none());
                    let stale = orders.iter().filter(meant).filter_map(|order| order.softened).min();
                    let expected = kept.filter(|_| !gone).map(|_| stale.unwrap_or(at(1 << 33)));
                    let found = fresh_until(&zone, &url);
                    let lost = kept.is_some_and(|kept| kept.late) && found.is_none();
                    assert!(lost || found == expected, "{url}: {found:?} and not {expected:?}; {told}");
                }
                80..98 => {
                    let subject = match random.random_range(0..10) {
                        0..4 => Subject::Tag(format!("t{}", random.random_range(0..8))),
                        4..7 => Subject::Url(url),
                        7..9 => Subject::Prefix(url[..random.random_range(20..url.len())].to_owned()),
                        _ => Subject::All,
                    };
                    let softened = random.random_bool(0.5).then_some(1000 + round);
                    let order =
                        Purge { subjects: vec![subject.clone()], soft: softened.is_some(), at: at(1000 + round) };
                    let tally = zone.purges.begin(&order);
                    let generation = tally.generation;
                    orders.push(Ordered { subject, generation, softened: softened.map(at) });
                    moments.push(generation);
                    if random.random_bool(0.5) {
                        zone.sweep(&tally);
                    }
                }
                _ => {
                    floor = zone.purges.generation();
                    zone.forget_purges(floor, []);
                    assert_eq!(zone.purges.remembered(), 0, "{told}");
                }
            }
        }
    }
}

#[test]
fn a_receipt_counts_what_a_purge_reached_and_nothing_else() {
    let zone = zone();
    let now = zone.purges.generation();
    for number in 0..3000 {
        let tag = if number % 3 == 0 { "a" } else { "b" };
        store(&zone, number, &format!("https://shop.example/{number}"), &[tag], now);
    }
    assert_eq!(purge(&zone, Subject::Tag("c".into()), None).objects, 0);
    assert_eq!(purge(&zone, Subject::Tag("a".into()), Some(5)).objects, 1000, "soft");
    let before = zone.memory.budget().used();
    let gone = purge(&zone, Subject::Tag("a".into()), None);
    assert_eq!(gone.objects, 1000);
    assert!(before - zone.memory.budget().used() > gone.bytes - 10_000 && gone.bytes > 1000 * 300, "freed: {gone:?}");
    assert_eq!(zone.memory.counts().objects, 2000);
    assert_eq!(purge(&zone, Subject::Tag("a".into()), None).objects, 0, "they are gone already");
    assert_eq!(purge(&zone, Subject::All, None).objects, 2000, "though most places fall vacant meanwhile");
    assert_eq!(zone.stat().purged_objects, 4000);
}

/// What a lookup comes upon before the sweep does is counted too.
#[test]
fn objects_that_are_found_to_be_gone_before_the_sweep_count_as_well() {
    let zone = zone();
    for number in 0..10 {
        store(&zone, number, &format!("https://shop.example/{number}"), &[], zone.purges.generation());
    }
    let order = Purge { subjects: vec![Subject::All], soft: false, at: at(0) };
    let tally = zone.purges.begin(&order);
    assert_eq!(fresh_until(&zone, "https://shop.example/3"), None);
    assert_eq!(zone.sweep(&tally).objects, 10);
}

#[test]
fn any_number_of_urls_is_invalidated_in_bounded_memory_and_mostly_spares_the_rest() {
    let zone = zone();
    let now = zone.purges.generation();
    for number in 0..1000 {
        store(&zone, number, &format!("https://shop.example/{number}"), &[], now);
    }
    let mut crowded = 0;
    for number in 0..100_000 {
        crowded += usize::from(zone.purges.invalidate(UrlHash::of(&format!("https://shop.example/order/{number}"))));
    }
    zone.purges.invalidate(UrlHash::of("https://shop.example/7"));
    assert_eq!(crowded, 1, "it is said once, until some are forgotten");
    assert!(zone.purges.remembered() <= 1 << 15);
    assert!(zone.memory.budget().used() < 7 << 20, "{} bytes", zone.memory.budget().used());
    assert_eq!(fresh_until(&zone, "https://shop.example/7"), None);
    let left = (0..1000).filter(|number| fresh_until(&zone, &format!("https://shop.example/{number}")).is_some());
    let left = left.count();
    assert!(left > 700, "only {left} of 1000 are left, and one was meant");
    zone.forget_purges(zone.purges.generation(), []);
    assert_eq!(zone.purges.remembered(), 0);
    assert!(zone.memory.budget().used() < 1 << 20, "{} bytes", zone.memory.budget().used());
    let still = (0..1000).filter(|number| fresh_until(&zone, &format!("https://shop.example/{number}")).is_some());
    assert_eq!(still.count(), left, "what was there has been judged");
}

#[test]
fn purges_are_forgotten_once_what_they_meant_must_have_come() {
    let zone = zone();
    assert_eq!(zone.purges.forgettable(at(0)), None, "there was none");
    purge(&zone, Subject::Tag("a".into()), None);
    let until = zone.purges.generation();
    assert_eq!(zone.purges.forgettable(at(10)), None);
    assert_eq!(zone.purges.forgettable(at(10) + FORGOTTEN_AFTER - Duration::from_secs(1)), None);
    assert_eq!(zone.purges.forgettable(at(10) + FORGOTTEN_AFTER), Some(until));
}

fn purges() -> Purges {
    Purges::new(&Budget::new(1 << 20))
}

fn some_records(from: Generation) -> Vec<Record> {
    let marks = [
        Mark::Tag(Tag::of("a")),
        Mark::Url(UrlHash::of("https://shop.example/")),
        Mark::Prefix(b"https://shop.example/p".as_slice().into()),
        Mark::All,
        Mark::Tag(Tag::of("a")),
    ];
    let record = |(number, mark)| Record {
        mark,
        generation: Generation(from.0 + number as u64 + 1),
        softened: (number % 2 == 1).then_some(at(number as u64)),
    };
    marks.into_iter().enumerate().map(record).collect()
}

#[test]
fn a_log_gives_back_what_it_was_told_and_is_written_anew_when_it_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Log::read(folder.path()).unwrap(), None, "no file");
    let mut expected = Records::default();
    expected.raise_floor(Generation(3));
    expected.add_group(77, Generation(9));
    let mut log = Log::create(folder.path(), &expected, Generation(10)).unwrap();
    for record in some_records(Generation(10)) {
        log.append(std::slice::from_ref(&record), false).unwrap();
        expected.add(&record);
    }
    log.append(&[], true).unwrap();
    let told = Log::read(folder.path()).unwrap().expect("it is whole");
    assert_eq!((told.newest, &told.records), (Generation(15), &expected));
    let record = Record { mark: Mark::Url(UrlHash::of("/")), generation: Generation(99), softened: None };
    for _ in 0..20_000 {
        assert!(!log.is_to_be_rewritten() || log.append(&[], false).is_ok());
        log.append(std::slice::from_ref(&record), false).unwrap();
    }
    assert!(log.is_to_be_rewritten());
    expected.add(&record);
    log.rewrite(&expected, Generation(99)).unwrap();
    assert!(!log.is_to_be_rewritten());
    assert_eq!(Log::read(folder.path()).unwrap().expect("it is whole").records, expected);
}

/// The process, or the machine, may stop between any two bytes.
#[test]
fn a_log_that_is_cut_off_anywhere_tells_all_that_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::create(folder.path(), &Records::default(), Generation(1)).unwrap();
    let path = folder.path().join("purges.log");
    let mut ends = vec![(fs::metadata(&path).unwrap().len(), Records::default())];
    let mut records = Records::default();
    for record in some_records(Generation(1)) {
        log.append(std::slice::from_ref(&record), true).unwrap();
        records.add(&record);
        ends.push((fs::metadata(&path).unwrap().len(), records.clone()));
    }
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        for padding in [0, 1000] {
            let zeros = whole[cut..].iter().take(padding).take_while(|byte| **byte == 0).count();
            let there = (cut + zeros) as u64;
            let expected = ends.iter().rev().find(|(end, _)| *end <= there).map(|(_, records)| records);
            // A file that got its length before its bytes ends in zeros.
            fs::write(&path, [&whole[..cut], &vec![0; padding]].concat()).unwrap();
            let told = Log::read(folder.path()).unwrap();
            let is_cut_within_zeros = told.is_none() && padding > 0;
            assert!(is_cut_within_zeros || told.as_ref().map(|told| &told.records) == expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_log_with_any_bit_turned_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::create(folder.path(), &Records::default(), Generation(1)).unwrap();
    log.append(&some_records(Generation(1)), true).unwrap();
    let first = fs::read(folder.path().join("purges.log")).unwrap().len();
    log.append(&some_records(Generation(9)), true).unwrap();
    let whole = fs::read(folder.path().join("purges.log")).unwrap();
    for bit in 0..first * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(folder.path().join("purges.log"), bytes).unwrap();
        assert_eq!(Log::read(folder.path()).unwrap(), None, "bit {bit}");
    }
}

#[test]
fn foreign_bytes_do_no_harm() {
    let mut random = StdRng::seed_from_u64(1);
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2000 {
        let mut bytes = b"FLPURGE1".to_vec();
        bytes.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>()));
        fs::write(folder.path().join("purges.log"), bytes).unwrap();
        assert_eq!(Log::read(folder.path()).unwrap(), None);
    }
}

/// Takes up a folder; whether its log was whole.
fn attach(purges: &Purges, folder: &Path) -> bool {
    let told = Purges::read_log(folder).unwrap();
    let is_whole = told.is_some();
    purges.attach(folder, told).unwrap();
    is_whole
}

/// One process purges, is killed, and the next opens the folder.
#[test]
fn what_was_purged_stays_purged_for_what_an_earlier_process_has_stored() {
    let folder = tempfile::tempdir().unwrap();
    let first = zone();
    assert!(!attach(&first.purges, folder.path()), "nothing is known of a new folder");
    let asked_before = first.purges.generation();
    let tally = first.purges.begin(&Purge { subjects: vec![Subject::Tag("a".into())], soft: false, at: at(0) });
    assert_eq!(first.purges.keep(tally.generation), Durability::Durable);
    let asked_after = first.purges.generation();

    let second = zone();
    assert!(attach(&second.purges, folder.path()));
    assert!(second.purges.generation() > asked_after);
    store(&second, 1, "https://shop.example/old", &["a"], asked_before);
    store(&second, 2, "https://shop.example/new", &["a"], asked_after);
    assert_eq!(fresh_until(&second, "https://shop.example/old"), None);
    assert!(fresh_until(&second, "https://shop.example/new").is_some());
    purge(&second, Subject::Tag("a".into()), None);
    assert_eq!(fresh_until(&second, "https://shop.example/new"), None, "of two processes, numbers are comparable");
}

#[test]
fn a_clock_set_back_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let far_ahead = Generation(u64::MAX / 2);
    let mut records = Records::default();
    records.add(&Record { mark: Mark::Tag(Tag::of("b")), generation: far_ahead, softened: None });
    Log::create(folder.path(), &records, far_ahead).unwrap();
    let zone = zone();
    purge(&zone, Subject::Tag("a".into()), None);
    attach(&zone.purges, folder.path());
    store(&zone, 1, "https://shop.example/1", &["a"], far_ahead);
    assert_eq!(fresh_until(&zone, "https://shop.example/1"), None, "purged here before the folder was opened");
    store(&zone, 2, "https://shop.example/2", &["a", "b"], zone.purges.generation());
    assert!(fresh_until(&zone, "https://shop.example/2").is_some());
}

#[test]
fn an_invalidation_reaches_the_log_without_being_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let purges = Arc::new(purges());
    attach(&purges, folder.path());
    purges.invalidate(UrlHash::of("https://shop.example/"));
    let told = Log::read(folder.path()).unwrap().expect("it is whole");
    assert_eq!((told.newest, told.records.len()), (purges.generation(), 1));
}

/// Keeps a folder's log from being written anew.
fn forbid_rewriting(folder: &Path) {
    fs::create_dir(folder.join("purges.log.new")).unwrap();
}

/// Lets appending fail, as on a full disk.
fn forbid_appending(purges: &Purges, folder: &Path) {
    let mut log = purges.lock_log();
    log.as_mut().expect("it is attached").append_to(File::open(folder.join("purges.log")).unwrap());
}

#[test]
fn a_log_that_cannot_be_written_is_removed_until_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let purges = purges();
    attach(&purges, folder.path());
    forbid_appending(&purges, folder.path());
    let purge = |tag| purges.record([Mark::Tag(Tag::of(tag))], None).generation;
    assert_eq!(purges.keep(purge("a")), Durability::Durable, "it is written anew instead");
    forbid_appending(&purges, folder.path());
    forbid_rewriting(folder.path());
    assert_eq!(purges.keep(purge("b")), Durability::DiskForfeited);
    assert_eq!(Log::read(folder.path()).unwrap(), None);
    purges.mend();
    assert_eq!(Log::read(folder.path()).unwrap(), None);
    fs::remove_dir(folder.path().join("purges.log.new")).unwrap();
    purges.mend();
    let told = Log::read(folder.path()).unwrap().expect("it is there again");
    assert_eq!(told.records.len(), 2);
    assert_eq!(purges.keep(purge("c")), Durability::Durable);
}

#[test]
fn a_purge_that_can_neither_be_written_nor_the_log_removed_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let purges = purges();
    attach(&purges, folder.path());
    forbid_appending(&purges, folder.path());
    forbid_rewriting(folder.path());
    fs::remove_file(folder.path().join("purges.log")).unwrap();
    fs::create_dir(folder.path().join("purges.log")).unwrap();
    let purged = purges.record([Mark::All], None).generation;
    assert_eq!(purges.keep(purged), Durability::ThisProcess);
    assert_eq!(purges.keep(purged), Durability::ThisProcess, "still");
}

#[test]
fn a_folder_that_was_let_go_of_is_not_written_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let purges = Arc::new(purges());
    attach(&purges, folder.path());
    purges.record([Mark::All], None);
    purges.detach();
    let told = Log::read(folder.path()).unwrap().expect("it is whole");
    assert_eq!(told.records.len(), 1, "what was still to be written has been");
    purges.invalidate(UrlHash::of("/"));
    assert_eq!(purges.keep(purges.generation()), Durability::Durable, "there is nothing to come back from");
    purges.set_has_folder(true);
    assert_eq!(purges.keep(purges.generation()), Durability::ThisProcess, "another process may have it");
    assert_eq!(Log::read(folder.path()).unwrap(), Some(told));
    attach(&purges, folder.path());
    assert_eq!(purges.keep(purges.generation()), Durability::Durable);
    assert_eq!(
        Log::read(folder.path()).unwrap().expect("it is whole").records.len(),
        2,
        "what was purged meanwhile too"
    );
}

#[test]
fn a_log_that_has_grown_and_cannot_be_written_anew_is_still_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let purges = purges();
    attach(&purges, folder.path());
    forbid_rewriting(folder.path());
    let is_large = || fs::metadata(folder.path().join("purges.log")).unwrap().len() > 300 << 10;
    for number in 0_u32.. {
        let tags = (0..1000).map(|tag| Mark::Tag(Tag::of(&format!("{number} {tag}"))));
        let purged = purges.record(tags, None).generation;
        assert_eq!(purges.keep(purged), Durability::Durable);
        if is_large() {
            break;
        }
    }
    let told = Log::read(folder.path()).unwrap().expect("it is whole");
    assert_eq!(told.newest, purges.generation());
}

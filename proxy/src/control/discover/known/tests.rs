use super::*;

const SECOND: u64 = 1_000_000_000;

/// Pools by their YAML: `shop`, and perhaps `next`.
fn pools(pools: &str) -> Vec<Pool> {
    let next = if pools.contains("next: ") { ", {name: b, match: {path: /b}, pool: next, class: all}" } else { "" };
    let text = format!(
        "version: 1\nlisteners: {{plain: {{bind: \"127.0.0.1:0\"}}}}\nclasses: [all]\npools: {pools}\n\
         routes: [{{name: a, match: {{path: /a}}, pool: shop, class: all}}{next}]\n"
    );
    let config = config::load_str(&text, Path::new("edge.yaml"));
    config.unwrap_or_else(|problems| panic!("{problems}")).live.pools
}

fn known(pools: &[Pool]) -> Known {
    let mut known = Known::default();
    known.prepare(pools, 0);
    known.settle();
    known
}

fn answer(addresses: &[&str]) -> Answer {
    Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

/// Addresses of a pool's members, with their weights.
fn members(known: &Known, pool: &Pool) -> Vec<(String, u16)> {
    let members = known.members(pool).members;
    members.iter().map(|member| (member.address.to_string(), member.from.weight)).collect()
}

#[test]
fn every_address_of_a_name_has_its_settings() {
    let pools =
        pools("{shop: {endpoints: [{address: \"shop.test:80\", weight: 3}, \"10.0.0.1:80\", \"10.0.0.9:80\"]}}");
    let mut known = known(&pools);
    assert_eq!(members(&known, &pools[0]), [("10.0.0.1:80".to_owned(), 1), ("10.0.0.9:80".to_owned(), 1)]);
    assert_eq!(known.take_due(0), ["shop.test"]);
    assert_eq!(known.next_due(), None, "it is under way");
    let news = known.answered("shop.test", answer(&["10.0.0.1", "::1"]), true, 0, 0.5);
    assert_eq!(news, Some(News::Changed { kept: 2 }));
    assert_eq!(
        members(&known, &pools[0]),
        [("10.0.0.1:80".to_owned(), 3), ("[::1]:80".to_owned(), 3), ("10.0.0.9:80".to_owned(), 1)],
        "an address counts as it stands first"
    );
}

#[test]
fn the_last_good_answer_is_kept_and_a_failure_is_told_once() {
    let pools = pools("{shop: {endpoints: [\"shop.test:80\"], resolve_every: 30s}}");
    let mut known = known(&pools);
    known.answered("shop.test", answer(&["10.0.0.1"]), true, SECOND, 0.5);
    assert_eq!(known.next_due(), Some(31 * SECOND));
    let fails =
        |known: &mut Known, reason: &str, now| known.answered("shop.test", Err(reason.to_owned()), true, now, 0.5);
    let broken = |reason: &str| Some(News::Broken { reason: reason.to_owned(), kept: 1 });
    assert_eq!(fails(&mut known, "no such name", 31 * SECOND), broken("no such name"));
    assert_eq!(known.next_due(), Some(36 * SECOND), "sooner than after an answer");
    assert_eq!(fails(&mut known, "no such name", 36 * SECOND), None);
    assert_eq!(fails(&mut known, "no answer", 41 * SECOND), broken("no answer"));
    assert_eq!(members(&known, &pools[0]), [("10.0.0.1:80".to_owned(), 1)]);
    let name = &known.origins(&pools[0], 51 * SECOND).names[0];
    assert_eq!((name.age, name.failures, name.fault.as_deref()), (Duration::from_secs(50), 3, Some("no answer")));

    assert_eq!(known.answered("shop.test", answer(&["10.0.0.1"]), true, 52 * SECOND, 0.5), Some(News::Mended));
    assert_eq!(known.answered("shop.test", answer(&["10.0.0.1"]), true, 82 * SECOND, 0.5), None);
    let name = &known.origins(&pools[0], 83 * SECOND).names[0];
    assert_eq!((name.age, name.failures, name.fault.as_deref()), (Duration::from_secs(1), 3, None));
}

#[test]
fn a_late_lookup_is_a_failure_and_still_waited_for() {
    let pools = pools("{shop: {endpoints: [\"shop.test:80\"]}}");
    let mut known = known(&pools);
    known.take_due(0);
    assert!(known.answered("shop.test", Err("late".to_owned()), false, SECOND, 0.5).is_some());
    assert_eq!(known.unanswered(&pools).count(), 0, "nobody waits for it any longer");
    assert_eq!((known.next_due(), known.take_due(u64::MAX).len()), (None, 0), "and nobody asks a second time");
    known.answered("shop.test", answer(&["10.0.0.1"]), true, 2 * SECOND, 0.5);
    assert_eq!(members(&known, &pools[0]).len(), 1);
    assert!(known.next_due().is_some());
}

#[test]
fn a_dead_name_server_is_told_and_counted_once_a_lookup() {
    let pools = pools("{shop: {endpoints: [\"shop.test:80\"]}}");
    let mut known = known(&pools);
    let mut told = 0;
    for lookup in 1..=5 {
        for (reason, ended) in [("late", false), ("no answer", true)] {
            let news = known.answered("shop.test", Err(reason.to_owned()), ended, lookup * SECOND, 0.5);
            told += usize::from(news.is_some());
        }
        assert_eq!(known.origins(&pools[0], 0).failures, lookup);
    }
    assert_eq!(told, 2, "that it is late, and why");
}

#[test]
fn the_failures_of_a_pool_stay_when_its_names_go() {
    let two = pools("{shop: {endpoints: [\"shop.test:80\", \"10.0.0.1:80\"]}, next: {endpoints: [\"shop.test:81\"]}}");
    let mut known = known(&two);
    let count = |known: &Known, pool| known.origins(&two[pool], 0).failures;
    known.answered("shop.test", Err("no such name".to_owned()), true, 0, 0.5);
    assert_eq!((count(&known, 0), count(&known, 1)), (1, 1));
    let shop = pools("{shop: {endpoints: [\"10.0.0.1:80\"]}}");
    known.keep(&[&shop[0], &two[1]], 0);
    known.answered("shop.test", Err("no such name".to_owned()), true, 0, 0.5);
    assert_eq!((count(&known, 0), count(&known, 1)), (1, 2));
    known.keep(&[&shop[0]], 0);
    assert_eq!((count(&known, 0), count(&known, 1)), (1, 0), "a pool that has gone is forgotten");
}

#[test]
fn lookups_are_spread_and_as_frequent_as_the_most_eager_pool_wants() {
    let two = pools(
        "{shop: {endpoints: [\"shop.test:80\"], resolve_every: 60s}, \
          next: {endpoints: [\"shop.test:81\"], resolve_every: 20s}}",
    );
    let mut known = known(&two);
    let due = |known: &mut Known, random| {
        known.answered("shop.test", answer(&["10.0.0.1"]), true, 0, random);
        known.next_due().map(|due| due / SECOND)
    };
    assert_eq!([0.0, 0.5, 1.0].map(|random| due(&mut known, random)), [Some(18), Some(20), Some(22)]);
    assert_eq!(members(&known, &two[1]), [("10.0.0.1:81".to_owned(), 1)]);
    let eager = pools("{shop: {endpoints: [\"shop.test:80\"], resolve_every: 5s}}");
    known.keep(&[&eager[0]], 0);
    assert_eq!(known.next_due(), Some(5 * SECOND), "what was to come later comes sooner");
}

#[test]
fn a_file_brings_endpoints_and_names_and_a_broken_one_changes_nothing() {
    let pools = pools("{shop: {endpoints: [\"10.0.0.1:80\"], endpoints_file: shop.yaml}}");
    let path = pools[0].endpoints_file.clone().unwrap();
    let mut known = known(&pools);
    assert_eq!(known.unread().collect::<Vec<_>>(), [path.as_path()]);
    let endpoint = |address| Endpoint { address, ..pools[0].endpoints[0].clone() };
    let name = Address::Name { host: "shop.test".to_owned(), port: 81 };
    let list = vec![endpoint(Address::Socket("10.0.0.2:80".parse().unwrap())), endpoint(name)];
    assert_eq!(known.listed(&path, Ok(list.clone())), Some(News::Changed { kept: 2 }));
    assert_eq!(known.listed(&path, Ok(list)), None);
    assert_eq!(known.unread().count(), 0);
    known.keep(&[&pools[0]], 0);
    assert_eq!(known.take_due(0), ["shop.test"]);
    known.answered("shop.test", answer(&["10.0.0.3"]), true, 0, 0.5);
    let all = members(&known, &pools[0]);
    assert_eq!(
        all.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(),
        ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:81"]
    );

    let broken = known.listed(&path, Err("shop.yaml:1:1: no list".to_owned()));
    assert!(matches!(broken, Some(News::Broken { kept: 2, .. })));
    assert_eq!(known.listed(&path, Err("shop.yaml:1:1: no list".to_owned())), None, "told once");
    assert_eq!(members(&known, &pools[0]), all);
    assert!(known.origins(&pools[0], 0).file.unwrap().fault.is_some());
}

#[test]
fn what_is_coming_is_kept_and_what_is_gone_forgotten() {
    let live = pools("{shop: {endpoints: [\"old.test:80\"], endpoints_file: old.yaml}}");
    let coming = pools("{shop: {endpoints: [\"new.test:80\"], endpoints_file: new.yaml}}");
    let mut known = known(&live);
    known.prepare(&coming, 0);
    known.keep(&[&live[0]], 0);
    assert_eq!((known.paths().count(), known.take_due(0).len()), (2, 2));
    known.settle();
    known.keep(&[&coming[0]], 0);
    assert_eq!(known.paths().collect::<Vec<_>>(), [coming[0].endpoints_file.as_deref().unwrap()]);
    assert_eq!(known.answered("old.test", answer(&["10.0.0.1"]), true, 0, 0.5), None);
    assert_eq!(known.unanswered(&coming).collect::<Vec<_>>(), ["new.test"]);
}

#[test]
fn a_pool_is_bounded() {
    let pools = pools("{shop: {endpoints: [\"10.0.0.1:80\"], endpoints_file: shop.yaml}}");
    let path = pools[0].endpoints_file.clone().unwrap();
    let mut known = known(&pools);
    let endpoint = |port| Endpoint {
        address: Address::Socket(SocketAddr::from(([10, 0, 0, 2], port))),
        ..pools[0].endpoints[0].clone()
    };
    known.listed(&path, Ok((1..=5000).map(endpoint).collect()));
    let Members { members, omitted } = known.members(&pools[0]);
    assert_eq!((members.len(), omitted), (4096, 905));
}

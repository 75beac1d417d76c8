//! Whether the edge keeps the rules of HTTP caching: hundreds of conversations with a scripted origin, each bound to the
//! rules that it shows.

mod rules;
mod script;
mod origin;
mod run;
mod report;
mod storing;
mod freshness;
mod reuse;
mod validating;
mod varying;
mod parts;
mod changing;
mod messages;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use self::{origin::Origin, rules::RULES, run::World, script::Case};
use crate::world::{Edge, config};

/// Longer than the hasty pool waits, and no longer than a test wants to.
const SILENCE: Duration = Duration::from_secs(2);
/// Cases that run at a time.
const AT_A_TIME: usize = 32;

/// A route for each policy, by its folder.
const POLICIES: &[(&str, &str)] = &[
    ("plain", "{zone: pages}"),
    ("stale", "{zone: pages, stale_while_revalidate: 1h, stale_if_error: 1h}"),
    ("default", "{zone: pages, default_ttl: 1h}"),
    ("override", "{zone: pages, override: {ttl: 1h}}"),
    ("negative", "{zone: pages, negative: {404: 1h, 503: 1h}}"),
    ("deaf", "{zone: pages, ignore_client: all}"),
    ("strip", "{zone: pages, set_cookie: strip}"),
    ("small", "{zone: pages, max_object: 8KiB}"),
    ("crowded", "{zone: pages, vary: {max: 2}}"),
    ("languages", "{zone: pages, vary: {accept_language: [en, de]}}"),
    ("compressing", "{zone: pages, compress: [gzip]}"),
];

fn routes() -> String {
    let cached = POLICIES.iter().map(|(name, cache)| {
        format!("  - {{name: {name}, match: {{path: /{name}/**}}, pool: origin, class: browse, cache: {cache}}}\n")
    });
    let others = [
        "  - {name: hasty, match: {path: /hasty/**}, pool: hasty, class: browse, cache: {zone: pages}}\n",
        "  - {name: split, match: {path: /split/**, method: [GET, HEAD]}, pool: origin, class: browse, cache: {zone: pages}}\n",
        "  - {name: writes, match: {path: /split/**, method: [POST]}, pool: origin, class: core}\n",
        "  - {name: off, match: {path: /off/**}, pool: origin, class: core}\n",
    ];
    cached.chain(others.map(str::to_owned)).collect()
}

fn cases() -> Vec<Case> {
    let files = [
        storing::cases,
        freshness::cases,
        reuse::cases,
        validating::cases,
        varying::cases,
        parts::cases,
        changing::cases,
        messages::cases,
    ];
    files.iter().flat_map(|cases| cases()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_caching_are_kept() {
    let origin = Origin::start().await;
    let text = config(&[origin.address], "    retry: {tries: 1}", &routes());
    let hasty = format!(
        "pools:\n  hasty: {{endpoints: [\"{}\"], retry: {{tries: 1}}, timeouts: {{first_byte: 300ms, header: 300ms}}}}",
        origin.address
    );
    let edge = Edge::start(&text.replace("pools:", &hasty));
    let clients = [("h1", edge.client().http1_only().build().unwrap()), ("h2", edge.client().build().unwrap())];
    let world = Arc::new(World { edge, origin, clients });
    let (at_a_time, mut running) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
    for (case_number, case) in cases().into_iter().map(Arc::new).enumerate() {
        for number in 0..2 {
            let (world, case, at_a_time) = (Arc::clone(&world), Arc::clone(&case), Arc::clone(&at_a_time));
            if number == 0 || !case.http1_only {
                running.spawn(async move {
                    let _permit = at_a_time.acquire().await.unwrap();
                    world.run(case_number, &case, &world.clients[number]).await.err()
                });
            }
        }
    }
    let failed: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

/// Each case shows a rule, each rule is shown or says why not, and the published table says just that.
#[test]
fn the_table_of_rules_is_whole() {
    let cases = cases();
    let known: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(known.len(), RULES.len(), "a rule is there twice");
    let mut names = BTreeSet::new();
    for case in &cases {
        assert!(names.insert(&case.name), "there is another case {:?}", case.name);
        assert!(!case.rules.is_empty() && case.rules.iter().all(|rule| known.contains(rule)), "{}", case.name);
        let expects = case.steps.iter().map(|step| step.expected.len()).sum::<usize>();
        assert!(expects > 0, "{} cannot fail", case.name);
    }
    for rule in RULES {
        let shown = cases.iter().any(|case| case.rules.contains(&rule.id));
        assert_eq!(shown, rule.uncovered.is_none(), "{}", rule.id);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/conformance.md");
    let page = report::page(&cases);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), page, "hint: `BLESS=1` writes it");
}

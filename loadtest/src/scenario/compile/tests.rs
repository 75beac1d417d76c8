//! Scenarios that must be taken, and scenarios that must be refused with the words in their first line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::scenario::Escape;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let files: Vec<_> = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files
}

fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    Scenario::load(path.to_str().unwrap())
}

#[test]
fn good_scenarios_are_taken() {
    for path in files("taken") {
        let scenario = load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, path.file_stem().unwrap().to_str().unwrap());
    }
    Scenario::load("smoke").unwrap();
}

#[test]
fn bad_scenarios_are_refused_with_place_and_reason() {
    let wrong: Vec<String> = files("refused")
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let expected = text.lines().next().unwrap().strip_prefix("# ").unwrap();
            let said = load(path).map_or_else(|error| error.to_string(), |_| "taken".to_owned());
            let expected = format!("{}:{expected}", path.display());
            (said != expected).then(|| format!("expected {expected}\nbut said {said}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_scenario_says_what_it_says() {
    let scenario = load(&folder("taken/everything.yaml")).unwrap();
    assert_eq!(scenario.interactions, ["browse", "follow", "log in", "order", "read", "never"]);
    assert_eq!(scenario.timeout, Duration::from_millis(2500));
    assert_eq!(scenario.thresholds, [2.5 / 3.5, 1.0, 1.0]);
    assert_eq!(scenario.findings.len(), 1);
    assert!(scenario.keeps_journal());
    let follow = &scenario.sessions[0].steps[1];
    assert_eq!((follow.interaction, follow.think), (1, Duration::from_millis(100)));
    let log_in = &scenario.sessions[1].steps[0];
    assert_eq!((&log_in.method, log_in.expect.status.as_u16()), (&Method::POST, 201));
}

#[test]
fn sessions_are_chosen_by_weight_and_get_their_values() {
    let mut scenario = load(&folder("taken/everything.yaml")).unwrap();
    let slot = scenario.findings[0].slot;
    scenario.learn(slot, vec!["/found".to_owned()]);
    let mut random = StdRng::seed_from_u64(1);
    let mut browsing = 0;
    for _ in 0..7000 {
        let session = scenario.choose(&mut random);
        let values = scenario.draw(session, &mut random, "u".to_owned());
        let paths: Vec<String> = session.steps.iter().map(|step| step.path.fill(&values, Escape::Path)).collect();
        match &paths[..] {
            [product, found] if found == "/found" => {
                browsing += 1;
                assert!(product.starts_with("/product/1") && product.ends_with(['a', 'b']), "{product}");
            }
            other => assert_eq!(other, ["/login", "/order", "/order/"]),
        }
    }
    // 2.5 of 3.5 is 5000 of 7000; five standard deviations are 189.
    assert!((4811..5189).contains(&browsing), "{browsing}");
}

//! Nothing accepted is ever ignored: for each key of the configuration there is a test that claims to fail when it is.
//!
//! A test claims a key by a line such as `/// Key: routes[].max_body` before it. That no key is without one is checked
//! here; that the claim is true is for whoever reads the test.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_key_has_a_test() {
    let proven = proven();
    let known: BTreeSet<String> = config::keys().into_iter().collect();
    assert!(known.len() > 100, "{} keys", known.len());
    // These two are about the files alone, and proven where files are read.
    let of_files = ["version", "include"];
    let unproven: Vec<_> =
        known.iter().filter(|key| !of_files.contains(&key.as_str()) && !proven.contains(*key)).collect();
    assert!(unproven.is_empty(), "no test says that it fails when these are ignored: {unproven:#?}");
    let unknown: Vec<_> = proven.difference(&known).collect();
    assert!(unknown.is_empty(), "tests of keys that are not there: {unknown:#?}");
}

/// The keys that the tests of this folder name, each before the test that it belongs to.
fn proven() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut proven = BTreeSet::new();
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|path| path.is_file()) {
        let text = fs::read_to_string(file).unwrap();
        let mut named = Vec::new();
        for line in text.lines().map(str::trim) {
            match line.strip_prefix("/// Key: ") {
                Some(key) => named.push(key.to_owned()),
                None if line.starts_with("///") || line.starts_with("#[") => {}
                None if line.contains("fn ") => proven.extend(named.drain(..)),
                None => assert!(named.is_empty(), "no test follows {named:?}"),
            }
        }
    }
    proven
}

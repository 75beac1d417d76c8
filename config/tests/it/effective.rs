//! The effective configuration means the same as the files that it was made from, and hides nothing.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use config::Sources;

/// All files that are accepted, by absolute paths, so that the paths in their models are absolute too.
fn accepted() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(here.join("tests/it/golden/good")).expect("the folder of golden files");
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.push(here.join("edge.yaml"));
    assert!(files.len() >= 6);
    files
}

fn effective(file: &Path) -> String {
    Sources::read(file).and_then(|sources| sources.effective()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn it_means_the_same_wherever_it_is_put() {
    for file in accepted() {
        let written = effective(&file);
        let elsewhere = Path::new("/nowhere/effective.yaml");
        let again = config::load_str(&written, elsewhere).unwrap_or_else(|problems| panic!("{problems}\n{written}"));
        assert_eq!(again, config::load(&file).expect("it was accepted"), "{}\n{written}", file.display());
    }
}

#[test]
fn every_line_says_where_it_comes_from() {
    for file in accepted() {
        let lines = fs::read_to_string(&file).expect("a file").lines().count();
        for line in effective(&file).lines() {
            let (_, origin) = line.rsplit_once("  # ").expect("a comment");
            let place = origin.rsplit_once(".yaml:").and_then(|(_, line)| line.parse::<usize>().ok());
            let known = place.is_some_and(|line| (1..=lines.max(20)).contains(&line));
            assert!(known || matches!(origin, "default" | "not written"), "{line}");
        }
    }
}

#[test]
fn a_value_comes_from_its_line_and_a_default_from_none() {
    let text = effective(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/good/several_files.yaml"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/good").display().to_string();
    let text = text.replace(&folder, "");
    for line in [
        "  plain:  # /several_files.yaml:3",
        "    redirect_to: secure  # /several_files.yaml:3",
        "    max_header: 32KiB  # default",
        "      - \"127.0.0.1:8443\"  # /parts/tls/listener.yaml:3",
        "      - address: \"127.0.0.1:9102\"  # /parts/pools.yaml:4",
        "        weight: 1  # default",
        "    # health: no checks  # default",
        "    pool: media  # /parts/routes/10-media.yaml:3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// Dotted paths of the keys in a text of one key a line, as in [`config::keys`], and of those that are commented out.
fn keys_of(text: &str) -> BTreeSet<String> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        let (line, _) = line.rsplit_once("  # ").expect("a comment");
        let key = line.trim_start_matches([' ', '-', '#']);
        let indent = line.len() - key.len() - if line.trim_start().starts_with('#') { 2 } else { 0 };
        let Some(name) = key.split(':').next().filter(|name| !name.starts_with('"') && key.contains(name)) else {
            continue;
        };
        above.retain(|(other, _)| *other < indent);
        let path: Vec<_> = above.iter().map(|(_, name)| name.as_str()).chain([name]).collect();
        keys.insert(path.join("."));
        above.push((indent, name.to_owned()));
    }
    keys
}

#[test]
fn every_key_of_the_schema_appears() {
    let mut found = BTreeSet::new();
    for file in accepted() {
        found.extend(keys_of(&effective(&file)));
    }
    for key in config::keys().iter().filter(|key| *key != "include") {
        let parts: Vec<_> = key.split('.').map(|part| part.trim_end_matches("[]")).collect();
        let fits = |path: &String| {
            let names: Vec<_> = path.split('.').collect();
            names.len() == parts.len() && names.iter().zip(&parts).all(|(name, part)| *part == "*" || name == part)
        };
        assert!(found.iter().any(fits), "{key} is not in {found:#?}");
    }
}

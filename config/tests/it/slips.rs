//! Slips of the hand in the shipped configuration: what is accepted all the same, and what it then means.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    thread,
};

use config::model::Config;

const SHIPPED: &str = include_str!("../../edge.yaml");
/// Between them these have every key of the language but `include`.
const OTHERS: [&str; 2] = [include_str!("golden/good/everything.yaml"), include_str!("golden/good/routing.yaml")];

/// What becomes of a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Refused,
    /// The same model: a comment, or a space that says nothing.
    Equal,
    /// Another configuration that is a good one too.
    Different,
}

fn load(text: &str) -> Option<Config> {
    config::load_str(text, Path::new("edge.yaml")).ok()
}

/// The verdict on each text, found by as many threads as there are processors. Of a row of spaces it does not matter which
/// is missing: equal texts are judged once.
fn judge(texts: &[String]) -> Vec<Verdict> {
    let shipped = load(SHIPPED).expect("the shipped configuration is good");
    let verdict = |text: &str| match load(text) {
        None => Verdict::Refused,
        Some(config) if config == shipped => Verdict::Equal,
        Some(_) => Verdict::Different,
    };
    let unique: Vec<&str> = texts.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let verdicts: BTreeMap<&str, Verdict> = thread::scope(|scope| {
        let parts = unique.chunks(unique.len().div_ceil(threads).max(1));
        let running: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(|text| (*text, verdict(text))).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    texts.iter().map(|text| verdicts[text.as_str()]).collect()
}

/// Where each line's comment begins, or its end.
fn without_comment(line: &str) -> &str {
    let begins = line.match_indices('#').find(|(at, _)| *at == 0 || line[..*at].ends_with(' '));
    begins.map_or(line, |(at, _)| &line[..at])
}

/// The keys of the language.
fn language() -> BTreeSet<String> {
    config::keys().iter().map(|path| path.rsplit('.').next().expect("a last part").to_owned()).collect()
}

/// Each key of the language in a file: where it begins, and how it is called.
fn keys(file: &'static str) -> Vec<(usize, &'static str)> {
    let known = language();
    let mut keys = Vec::new();
    let mut begins = 0;
    for line in file.split_inclusive('\n') {
        let code = without_comment(line);
        for (colon, _) in code.match_indices(':') {
            let part_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let name = code[..colon].rsplit(|c| !part_of_name(c)).next().unwrap_or_default();
            if known.contains(name) && code[colon + 1..].starts_with([' ', '\n']) {
                keys.push((begins + colon - name.len(), name));
            }
        }
        begins += line.len();
    }
    keys
}

/// The key as it comes out of a slip of one letter: one too few, another, one too many, or two in the wrong order.
fn misspellings(key: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([format!("{key}s"), key.to_ascii_uppercase()]);
    for at in 0..key.len() {
        let (before, letter, after) = (&key[..at], &key[at..=at], &key[at + 1..]);
        all.insert(format!("{before}{after}"));
        all.insert(format!("{before}e{after}"));
        all.insert(format!("{before}{letter}{letter}{after}"));
        if let Some(next) = after.get(..1) {
            all.insert(format!("{before}{next}{letter}{}", &after[1..]));
        }
    }
    all.remove(key);
    all
}

#[test]
fn a_misspelt_key_is_never_accepted() {
    // A key that stands often is misspelt at its first place.
    let mut seen = BTreeSet::new();
    let mut slips = Vec::new();
    for file in [SHIPPED].into_iter().chain(OTHERS) {
        for (at, key) in keys(file) {
            if seen.insert(key) {
                let slip = |wrong: String| (format!("{}{wrong}{}", &file[..at], &file[at + key.len()..]), key, wrong);
                slips.extend(misspellings(key).into_iter().map(slip));
            }
        }
    }
    let missing: Vec<_> = language().into_iter().filter(|key| !seen.contains(key.as_str())).collect();
    assert_eq!(missing, ["include"], "not misspelt");

    let verdicts = judge(&slips.iter().map(|(text, ..)| text.clone()).collect::<Vec<_>>());
    println!("{} misspellings of {} keys", slips.len(), seen.len());
    for ((_, key, wrong), verdict) in slips.iter().zip(verdicts) {
        assert_eq!(verdict, Verdict::Refused, "`{wrong}` for `{key}` is accepted");
    }
}

/// Where a free value stands, any other of which is as good: names of the user's choice, addresses, paths, numbers. The
/// rest is of closed sets, or refers to something.
const FREE: [&str; 37] = [
    "at",
    "bind",
    "body",
    "budget",
    "burst",
    "chain",
    "client_ca",
    "connect",
    "drain_timeout",
    "drop",
    "folder",
    "headers",
    "endpoints",
    "first_byte",
    "headroom",
    "http",
    "idle",
    "in_flight",
    "key",
    "keys",
    "max_body",
    "max_object",
    "memory",
    "method",
    "name",
    "names",
    "path",
    "read",
    "sample",
    "slow_start",
    "stale_if_error",
    "stale_while_revalidate",
    "timeout",
    "to",
    "token",
    "type",
    "write",
];

#[test]
fn a_deleted_character_is_refused_or_says_the_same_or_changes_a_free_value() {
    let deleted: Vec<(usize, char)> = SHIPPED.char_indices().collect();
    let without = |(at, c): &(usize, char)| format!("{}{}", &SHIPPED[..*at], &SHIPPED[at + c.len_utf8()..]);
    let verdicts = judge(&deleted.iter().map(without).collect::<Vec<_>>());
    let keys = keys(SHIPPED);

    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexplained = Vec::new();
    for ((at, c), verdict) in deleted.iter().zip(verdicts) {
        *counts.entry(verdict).or_default() += 1;
        if verdict == Verdict::Different {
            match of_what(*at, &keys) {
                Some(what) => *changed.entry(what).or_default() += 1,
                None => unexplained.push(format!("{c:?} of line {}", SHIPPED[..*at].matches('\n').count() + 1)),
            }
        }
    }
    println!("of {} deletions: {counts:?}; the different ones by what they change: {changed:?}", deleted.len());
    assert!(unexplained.is_empty(), "accepted, and no slip in a free value: {unexplained:?}");
}

/// What a deletion changed that made another good configuration.
fn of_what(at: usize, keys: &[(usize, &'static str)]) -> Option<&'static str> {
    let begins = SHIPPED[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = SHIPPED[begins..].lines().next()?;
    let code = without_comment(line);
    if at >= begins + code.len() {
        // The end of a line that ends with a comment: the next line has become part of the comment.
        return (at == begins + line.len() && code.len() < line.len()).then_some("a line that a comment swallows");
    }
    if code[..at - begins].trim_start().is_empty() || !code.contains(": ") {
        return (code.trim_end() == "  plain:").then_some("the name of a listener");
    }
    let key = keys.iter().filter(|(key, _)| (begins..at).contains(key)).max()?;
    // Not in the key itself, nor in its colon.
    let in_value = at > key.0 + key.1.len();
    FREE.iter().find(|free| in_value && **free == key.1).copied()
}

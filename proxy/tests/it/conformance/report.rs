//! The table of rules and of the cases that show them, kept in `deploy/conformance.md`.

use std::fmt::Write;

use super::{
    rules::{Level, RULES, Rule},
    script::Case,
};

const ABOUT: &str = "\
# Conformance of the cache

Which rules of RFC 9110, 9111, 9213, 9211, 5861 and 8246 bind a shared cache, and which cases show that the edge keeps
them. The rules are in our own words and numbered by RFC and section; `MAY` stands where the edge does more than it must.
Each case is a conversation between a client, a real edge and an origin that says what the case scripts, over HTTP/1.1 and
over HTTP/2. A case passes if every answer, and what the origin was asked, is as the rules say.

Written by `BLESS=1 cargo test -p proxy --test it conformance`, and checked by the same test without `BLESS`.
";

/// The whole page, for cases that all pass.
pub(super) fn page(cases: &[Case]) -> String {
    let over_http2 = cases.iter().filter(|case| !case.http1_only).count();
    let covered = RULES.iter().filter(|rule| rule.uncovered.is_none()).count();
    let mut page = ABOUT.to_owned();
    writeln!(
        page,
        "\n{} rules, {covered} of them shown by {} cases: {} pass over HTTP/1.1, {over_http2} over HTTP/2.",
        RULES.len(),
        cases.len(),
        cases.len(),
    )
    .unwrap();
    let mut section = String::new();
    for rule in RULES {
        let (rfc, rest) = rule.id.split_once('-').unwrap();
        if section != rfc {
            rfc.clone_into(&mut section);
            writeln!(page, "\n## RFC {rfc}\n\n| Rule | Section | Level | | Cases | Pass |\n|---|---|---|---|---|---|")
                .unwrap();
        }
        let (number, _) = rest.rsplit_once('-').unwrap();
        let of_rule: Vec<_> = cases.iter().filter(|case| case.rules.contains(&rule.id)).collect();
        let names: Vec<_> = of_rule.iter().map(|case| escaped(&case.name)).collect();
        let passes = if of_rule.is_empty() { "–".to_owned() } else { format!("{0}/{0}", of_rule.len()) };
        let (id, level, text) = (rule.id, level(rule.level), rule.text);
        writeln!(page, "| {id} | s{number} | {level} | {text} | {} | {passes} |", names.join("; ")).unwrap();
    }
    page += "\n## Rules without a case\n\n";
    for Rule { id, text, uncovered, .. } in RULES {
        if let Some(why) = uncovered {
            writeln!(page, "- {id}: {text}. {why}.").unwrap();
        }
    }
    page
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
    }
}

fn escaped(name: &str) -> String {
    name.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

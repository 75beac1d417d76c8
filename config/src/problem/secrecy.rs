//! What no problem repeats: secrets that were written into the file by mistake. A problem travels on, into a log or a chat.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Code, FileId, Finding, suggest};
use crate::source::Sources;

/// What is printed in the place of a line that would give a secret away.
pub(super) const HIDDEN: &str = "(a line that may hold a secret is not shown)";
/// Ends the first and the last line of a key in PEM.
const KEY_MARK: &str = "PRIVATE KEY-----";

/// A line of a file.
type Line = (FileId, u32);

/// The lines that may hold a secret, as far as the first `shown` of the sorted findings stand in them.
pub(super) fn hidden_lines(findings: &[Finding], shown: usize, sources: &Sources) -> BTreeSet<Line> {
    let line = |finding: &Finding| (finding.at.place.file, finding.at.place.line);
    let mut hidden: BTreeSet<Line> = findings.iter().filter(|f| is_about_secret(f, sources)).map(line).collect();
    // Each line once: it can be as long as its file.
    let others: BTreeSet<Line> = findings.iter().take(shown).map(line).collect();
    hidden.extend(others.into_iter().filter(|(file, line)| holds_secret(sources.line(*file, *line))));
    hidden
}

/// Whether a secret is what is wrong, or may be.
fn is_about_secret(finding: &Finding, sources: &Sources) -> bool {
    let place = finding.at.place;
    let up_to = usize::try_from(place.line).unwrap_or(usize::MAX);
    match finding.code {
        Code::WrongSecret => true,
        // Whatever the key was meant to be: a token or a key is what one writes there.
        Code::UnknownKey => {
            let path = finding.at.to_string();
            path.starts_with("admin.") || path.contains(".sticky.")
        }
        // The parser stumbles over one of the lines of a key that was pasted in.
        Code::NotYaml => sources.lines(place.file).take(up_to).any(|line| line.contains(KEY_MARK)),
        _ => false,
    }
}

/// Whether a line holds a secret itself, where a reference to it belongs.
fn holds_secret(line: &str) -> bool {
    let quote = ['"', '\''];
    let is_given = |value: &str| {
        let value = value.trim_start().trim_start_matches(quote);
        !value.is_empty() && !value.starts_with("env:") && !value.starts_with("file:")
    };
    let key_before = |at: usize| {
        let before = line[..at].trim_end().trim_end_matches(quote);
        before.rsplit(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').next().unwrap_or_default()
    };
    line.contains(KEY_MARK)
        || line.match_indices(':').any(|(at, _)| is_secret_key(key_before(at)) && is_given(&line[at + 1..]))
}

fn is_secret_key(key: &str) -> bool {
    const LIKE_TOKEN: std::ops::RangeInclusive<usize> = 3..=8;
    ["password", "secret", "authorization", "proxy-authorization"].iter().any(|word| key.eq_ignore_ascii_case(word))
        || (LIKE_TOKEN.contains(&key.len()) && suggest::nearest(key, ["token"]).is_some())
}

/// A message without the key that it repeats.
pub(super) fn without_key(text: &str) -> Cow<'_, str> {
    match text.split_once("-----BEGIN") {
        Some((before, key)) if key.contains(KEY_MARK) => format!("{before}(a key that is not shown)").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_however_it_is_spelt() {
        for line in [
            "token: hunter2",
            "  Token : hunter2",
            "admin: {bind: x, tokn: 'hunter2'}",
            "{\"TOKENS\":\"hunter2\"}",
            "authorization: Bearer hunter2",
            "token: \"env:NAME\", tokne: hunter2",
            "-----END EC PRIVATE KEY-----",
        ] {
            assert!(holds_secret(line), "{line}");
        }
        for line in
            ["token: env:NAME", "token: \"file:a\"", "token:", "secure: {bind: x}", "to: /a", "a token of: b", ""]
        {
            assert!(!holds_secret(line), "{line}");
        }
    }

    #[test]
    fn a_message_ends_before_a_key() {
        let found = "expected a list, found `-----BEGIN RSA PRIVATE KEY----- abc`";
        assert_eq!(without_key(found), "expected a list, found `(a key that is not shown)");
        assert_eq!(without_key("found `-----BEGIN`"), "found `-----BEGIN`");
    }
}

//! What somebody wants purged, as `edge purge` sends it.

use std::time::{Duration, SystemTime};

use cache::{Purge, Subject};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use super::spelling::{SpellingError, prefix_spellings, spellings};
use crate::{control::pools::BY_MAX, snapshot::Snapshot};

/// Things that one order may name; more are several orders.
const NAMED_MAX: usize = 1000;
/// Bytes of a tag, a URL or a prefix.
pub(crate) const TEXT_MAX: usize = 8 << 10;

/// An order to purge. Whatever any of its texts means is meant.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// One URL or several: every variant of each.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub(crate) url: Vec<String>,
    /// One tag or several.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub(crate) tag: Vec<String>,
    /// One beginning of URLs or several.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub(crate) prefix: Vec<String>,
    /// Everything.
    #[serde(default)]
    pub(crate) all: bool,
    /// In this zone; `None` in all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    /// Stale rather than gone.
    #[serde(default)]
    pub(crate) soft: bool,
    /// Whether what it reached is waited for and counted.
    #[serde(default)]
    pub(crate) wait: bool,
    /// Who wants it, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// Why an order is not followed.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum OrderError {
    /// It means nothing.
    #[error("nothing is named; hint: one of `url`, `tag`, `prefix`, or `all: true`")]
    Nothing,
    /// Whoever names something beside everything did not mean everything.
    #[error("`all` is everything, and something else is named beside it; hint: leave one of them out")]
    AllAndMore,
    /// Too much at once.
    #[error("{0} things are named, and up to {NAMED_MAX} may be; hint: several orders, or a tag or prefix for them")]
    TooMany(usize),
    /// An empty text, or a very long one.
    #[error("a {kind} of {bytes} bytes; it may have 1 to {TEXT_MAX}")]
    Text { kind: &'static str, bytes: usize },
    /// No tag.
    #[error("the tag `{0}` holds a blank; hint: tags are given one by one, as a list")]
    Tag(String),
    /// Too much of a name.
    #[error("`by` may have 1 to {BY_MAX} printable characters")]
    By,
    /// No URL.
    #[error(transparent)]
    Spelling(#[from] SpellingError),
}

impl Order {
    /// What it means under a configuration.
    pub(crate) fn check(&self, snapshot: &Snapshot, now: SystemTime) -> Result<Purge, OrderError> {
        let texts = [("URL", &self.url), ("tag", &self.tag), ("prefix", &self.prefix)];
        let named: usize = texts.iter().map(|(_, texts)| texts.len()).sum();
        match (named, self.all) {
            (0, false) => return Err(OrderError::Nothing),
            (1.., true) => return Err(OrderError::AllAndMore),
            _ if named > NAMED_MAX => return Err(OrderError::TooMany(named)),
            _ => {}
        }
        let sized = |kind, text: &String| {
            let fits = (1..=TEXT_MAX).contains(&text.len());
            if fits { Ok(()) } else { Err(OrderError::Text { kind, bytes: text.len() }) }
        };
        texts.iter().try_for_each(|(kind, texts)| texts.iter().try_for_each(|text| sized(kind, text)))?;
        if let Some(tag) = self.tag.iter().find(|tag| tag.contains(char::is_whitespace)) {
            return Err(OrderError::Tag(tag.clone()));
        }
        let printable = |by: &String| by.chars().count() <= BY_MAX && !by.chars().any(char::is_control);
        if self.by.as_ref().is_some_and(|by| by.trim().is_empty() || !printable(by)) {
            return Err(OrderError::By);
        }
        let mut subjects: Vec<_> = self.tag.iter().cloned().map(Subject::Tag).collect();
        for url in &self.url {
            subjects.extend(spellings(url, snapshot)?.into_iter().map(Subject::Url));
        }
        for prefix in &self.prefix {
            subjects.extend(prefix_spellings(prefix)?.into_iter().map(Subject::Prefix));
        }
        subjects.extend(self.all.then_some(Subject::All));
        // Stale now: Pingora calls fresh what is so until this moment.
        Ok(Purge { subjects, soft: self.soft, at: now - Duration::from_nanos(1) })
    }

    /// The kinds of things that it names, for counting.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [
            ("url", !self.url.is_empty()),
            ("tag", !self.tag.is_empty()),
            ("prefix", !self.prefix.is_empty()),
            ("all", self.all),
        ];
        kinds.into_iter().filter_map(|(kind, named)| named.then_some(kind))
    }

    /// What it names, in one line for the log: the first few.
    pub(crate) fn summary(&self) -> String {
        const SHOWN: usize = 5;
        let texts = [("url", &self.url), ("tag", &self.tag), ("prefix", &self.prefix)];
        let named = texts.iter().flat_map(|(kind, texts)| texts.iter().map(move |text| format!("{kind} {text:.200}")));
        let named: Vec<_> = named.chain(self.all.then(|| "all".to_owned())).collect();
        let more = named.len().saturating_sub(SHOWN);
        let shown = named[..named.len().min(SHOWN)].join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }
}

/// A text, or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

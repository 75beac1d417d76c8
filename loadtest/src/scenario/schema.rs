//! What a scenario file may say, exactly as written; `scenario.rs` turns it into what a run relies on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::quantity::{Share, Span};

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// What the scenario is for, in one sentence.
    pub(super) about: String,
    /// How long a request may take before it is given up and counted as failed. Default 10s.
    #[serde(default = "ten_seconds")]
    pub(super) timeout: Spanned<Span>,
    /// What the target must keep to.
    pub(super) slo: Slo,
    /// What `${name}` stands for in a session: drawn afresh for each session.
    #[serde(default)]
    pub(super) values: BTreeMap<String, Spanned<Value>>,
    /// The kinds of visitors.
    pub(super) sessions: Spanned<Vec<Session>>,
}

/// The service level objectives.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slo {
    /// At most this share of all planned requests may fail.
    pub(crate) errors: Share,
    /// The 99th percentile of the response time of every interaction, at most.
    pub(crate) response_p99: Span,
}

/// Where a value comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Value {
    /// A number from `from` to `to`: the k-th of them with probability proportional to 1/k^exponent.
    Zipf { from: u64, to: u64, exponent: f64 },
    /// One of these texts, all equally likely.
    OneOf(Vec<String>),
    /// One of the texts that stand between `after` and `before` in the answer to `GET at`, fetched once before the run.
    Found { at: String, after: String, before: String },
}

/// One kind of visitor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// Names the session, and its steps that have no name of their own.
    pub(super) name: Spanned<String>,
    /// How often it is chosen, relative to the other sessions.
    pub(super) weight: Spanned<f64>,
    /// What the visitor does, in order; a failed step ends the session.
    pub(super) steps: Spanned<Vec<Step>>,
}

/// One request and what its answer must look like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// The interaction that this step is measured as. Default: the session's name.
    pub(super) name: Option<String>,
    /// Path and query of a GET; exactly one of `get` and `post` is given.
    pub(super) get: Option<Spanned<String>>,
    /// Path and query of a POST.
    pub(super) post: Option<Spanned<String>>,
    /// Further request headers.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Spanned<String>>,
    /// The body of a POST, sent as `application/json`.
    pub(super) json: Option<Spanned<String>>,
    /// What a right answer is. Default: status 200.
    #[serde(default)]
    pub(super) expect: Expect,
    /// Values for later steps, taken from a JSON answer: name and JSON pointer (RFC 6901).
    #[serde(default)]
    pub(super) keep: BTreeMap<String, Spanned<String>>,
    /// Values for later steps, taken from an element of a list in a JSON answer. When none will do, the visitor leaves:
    /// the step has not failed, but the session ends.
    #[serde(default)]
    pub(super) pick: BTreeMap<String, Pick>,
    /// One line of the journal, written when the answer was right: its fields and their values.
    pub(super) journal: Option<BTreeMap<String, Spanned<String>>>,
    /// How long the visitor thinks before this step. Default: not at all.
    pub(super) think: Option<Span>,
}

/// The first element that will do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pick {
    /// JSON pointer to the list.
    pub(super) from: Spanned<String>,
    /// Members that the element must have, as texts.
    #[serde(rename = "where")]
    pub(super) conditions: BTreeMap<String, String>,
    /// JSON pointer inside the element to the value.
    pub(super) take: Spanned<String>,
}

/// What a right answer is; all of it must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The status. Default: 200.
    pub(super) status: Option<Spanned<u16>>,
    /// A text that the body contains; it may have `${name}` in it.
    pub(super) body: Option<Spanned<String>>,
    /// Texts that headers contain, by header name.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Spanned<String>>,
}

fn ten_seconds() -> Spanned<Span> {
    Spanned::new(Span(Duration::from_secs(10)), Location::UNKNOWN, Location::UNKNOWN)
}

//! The pools of an edge as operators see them: what `GET /pools` says and `edge pools` shows.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use clap::ValueEnum;
use config::model::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::discover::{self, Discovery, Origins};
use crate::{
    request::balance::{ByHand, Hand, Row},
    snapshot,
};

/// One pool.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) balance: String,
    /// Share of the configured weight that can be used now, 0 to 1.
    pub(crate) usable: f64,
    /// Whether so little of it answers well to checks that those are used too that do not.
    pub(crate) panic: bool,
    pub(crate) in_flight: u32,
    /// Requests that may be in flight now: fewer than configured while little of it can serve.
    pub(crate) limit: u32,
    /// Further tries that its budget would pay for.
    pub(crate) retries_left: u32,
    /// The names behind which its endpoints are found.
    pub(crate) names: Vec<Name>,
    /// The file that lists endpoints.
    pub(crate) file: Option<File>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A name of endpoints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) addresses: usize,
    /// How old the last good answer is; without one, how long it has been missing.
    pub(crate) age_s: f64,
    /// Why the last lookup failed.
    pub(crate) fault: Option<String>,
    pub(crate) failures: u64,
}

/// A file of endpoints.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) endpoints: usize,
    /// Why it could not be taken over when it was last read.
    pub(crate) fault: Option<String>,
}

/// One server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    /// The name that it was found behind; `None` if its address is written.
    pub(crate) name: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) backup: bool,
    /// How it stands, in one word.
    pub(crate) state: String,
    /// Why, where neither the word nor what was set by hand says it.
    pub(crate) why: Option<String>,
    /// As configured.
    pub(crate) weight: u16,
    /// What of that counts now.
    pub(crate) effective_weight: f64,
    pub(crate) in_flight: u32,
    pub(crate) max_in_flight: Option<u32>,
    /// The last peak of the time until its answers begin, as far as it has not faded; `None` before the first, or long
    /// after the last.
    pub(crate) latency_ms: Option<f64>,
    pub(crate) tries: u64,
    pub(crate) errors: u64,
    /// How often it was ejected, by reason.
    pub(crate) ejections: BTreeMap<String, u64>,
    /// For how long it still is.
    pub(crate) ejected_for_s: Option<f64>,
    pub(crate) by_hand: Option<SetByHand>,
}

/// A state that somebody set.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SetByHand {
    pub(crate) state: String,
    pub(crate) by: String,
    pub(crate) why: Option<String>,
    /// When it was set, in RFC 3339.
    pub(crate) since: String,
    /// For how long still; `None` until somebody changes it.
    pub(crate) for_s: Option<f64>,
}

impl Pool {
    /// How a pool stands at `now`.
    pub(crate) fn of(pool: &snapshot::Pool, discovery: &Discovery, now: u64) -> Self {
        let report = pool.balancer.report(now);
        let Origins { names, file, .. } = discovery.origins(&pool.model);
        Self {
            name: pool.model.name.clone(),
            balance: pool.model.balance.to_string(),
            usable: report.left.fraction(),
            panic: report.panic,
            in_flight: pool.in_flight.count(),
            limit: pool.for_what_is_left(pool.model.limit.in_flight),
            retries_left: report.retries_left,
            names: names.into_iter().map(Name::from).collect(),
            file: file.map(File::from),
            endpoints: report.endpoints.into_iter().map(|row| Endpoint::of(row, now)).collect(),
        }
    }
}

impl From<discover::Name> for Name {
    fn from(name: discover::Name) -> Self {
        let discover::Name { host, addresses, age, fault, failures } = name;
        Self { name: host, addresses, age_s: age.as_secs_f64(), fault, failures }
    }
}

impl From<discover::File> for File {
    fn from(file: discover::File) -> Self {
        let discover::File { path, endpoints, fault } = file;
        Self { path: path.display().to_string(), endpoints, fault }
    }
}

impl Endpoint {
    fn of(row: Row, now: u64) -> Self {
        let from = row.member.from;
        Self {
            address: row.member.address.to_string(),
            name: matches!(from.address, Address::Name { .. }).then(|| from.address.to_string()),
            zone: from.zone,
            backup: from.backup,
            state: row.standing.to_string(),
            why: row.reason,
            weight: from.weight,
            effective_weight: row.weight,
            in_flight: row.in_flight,
            max_in_flight: from.max_in_flight,
            latency_ms: row.latency.map(|latency| latency.as_secs_f64() * 1_000.0),
            tries: row.tries,
            errors: row.errors,
            ejections: row.ejections.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
            ejected_for_s: row.ejected_for.map(|left| left.as_secs_f64()),
            by_hand: row.by_hand.map(|by_hand| SetByHand::of(by_hand, now)),
        }
    }
}

impl SetByHand {
    fn of(by_hand: ByHand, now: u64) -> Self {
        let ByHand { state, until, by, why, since } = by_hand;
        let left = until.map(|until| Duration::from_nanos(until.saturating_sub(now)).as_secs_f64());
        let since = Timestamp::try_from(since).map_or_else(|_| String::new(), |since| format!("{since:.0}"));
        Self { state: state.to_string(), by, why, since, for_s: left }
    }
}

/// What somebody wants of an endpoint, as `edge endpoint` sends it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) state: State,
    /// Such as `10m`; `None` until it is changed.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<String>,
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// What an endpoint is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Nothing new: it serves the clients that are kept at it.
    Drain,
    /// Nothing.
    Down,
    /// Serve, whatever checks and errors say.
    Up,
    /// Whatever checks and errors say.
    Auto,
}

/// Characters that name somebody.
pub(crate) const BY_MAX: usize = 64;
/// Characters that say why; a ticket and a sentence.
const WHY_MAX: usize = 200;
/// Whoever wants it longer writes it into the configuration.
const FOR_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Why an order is not followed.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum OrderError {
    /// Nobody, or too much of a name.
    #[error("`by` is to say who wants this, in 1 to {BY_MAX} printable characters")]
    By,
    /// Too much of a reason.
    #[error("`why` may have up to {WHY_MAX} printable characters")]
    Why,
    /// No time, none at all, or too much of it.
    #[error("`{0}` in `for` is no time from 1s to 7d; hint: a whole number and its unit: s, m, h or d")]
    For(String),
    /// There is nothing that could end.
    #[error("`auto` ends what was set by hand and has no end itself; hint: leave `for` out")]
    EndlessAuto,
}

impl Order {
    /// What it sets; `None` is nothing any more.
    pub(crate) fn check(self, now: u64, since: SystemTime) -> Result<Option<ByHand>, OrderError> {
        let printable = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        if self.by.trim().is_empty() || !printable(&self.by, BY_MAX) {
            return Err(OrderError::By);
        }
        if self.why.as_ref().is_some_and(|why| !printable(why, WHY_MAX)) {
            return Err(OrderError::Why);
        }
        let duration = self.duration.map(|text| {
            let allowed = Duration::from_secs(1)..=FOR_MAX;
            config::duration(&text).filter(|duration| allowed.contains(duration)).ok_or(OrderError::For(text))
        });
        let duration = duration.transpose()?;
        let state = match self.state {
            State::Drain => Hand::Drain,
            State::Down => Hand::Down,
            State::Up => Hand::Up,
            State::Auto if duration.is_some() => return Err(OrderError::EndlessAuto),
            State::Auto => return Ok(None),
        };
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let until = duration.map(|duration| now.saturating_add(nanos(duration)));
        Ok(Some(ByHand { state, until, by: self.by, why: self.why, since }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Result<Option<ByHand>, String> {
        let order: Order = serde_json::from_str(text).map_err(|error| error.to_string())?;
        order.check(1_000, SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())
    }

    #[test]
    fn an_order_says_what_for_how_long_and_who() {
        let set = order(r#"{"state": "drain", "for": "10m", "by": "anna", "why": "kernel"}"#).unwrap().unwrap();
        assert_eq!((set.state, set.until), (Hand::Drain, Some(600_000_001_000)));
        assert_eq!((set.by.as_str(), set.why.as_deref()), ("anna", Some("kernel")));
        assert_eq!(order(r#"{"state": "down", "by": "anna"}"#).unwrap().unwrap().until, None);
        assert_eq!(order(r#"{"state": "auto", "by": "anna"}"#), Ok(None));
    }

    #[test]
    fn what_is_not_clear_is_not_followed() {
        let long = "x".repeat(201);
        for (text, says) in [
            (r#"{"state": "drain"}"#, "missing field `by`"),
            (r#"{"state": "drain", "by": " "}"#, "`by` is to say who"),
            (r#"{"state": "drain", "by": "a\u001b[2J"}"#, "`by` is to say who"),
            (r#"{"state": "stop", "by": "a"}"#, "unknown variant `stop`"),
            (r#"{"state": "up", "by": "a", "until": "10m"}"#, "unknown field `until`"),
            (r#"{"state": "up", "by": "a", "for": "10"}"#, "`10` in `for` is no time"),
            (r#"{"state": "up", "by": "a", "for": "0s"}"#, "`0s` in `for` is no time"),
            (r#"{"state": "up", "by": "a", "for": "8d"}"#, "`8d` in `for` is no time"),
            (r#"{"state": "auto", "by": "a", "for": "8m"}"#, "leave `for` out"),
            (&format!(r#"{{"state": "up", "by": "a", "why": "{long}"}}"#), "`why` may have"),
        ] {
            let said = order(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}

//! What happens when endpoints fail: checks, ejection, and what is tried once more.

use std::time::Duration;

use super::{
    describe::Shape,
    read::{Read, Written, mapping, refuse_kind},
};
use crate::{
    model::Percent,
    problem::{At, Code, Report, suggest},
    tree::{Node, Value},
};

mapping! {
    /// A health check: `http` or `tcp`. It asks over the pool's `tls`, where there is one.
    Health {
        /// Path asked for with `GET`; any 2xx is well. Default: `tcp` says what is asked. Live.
        optional http: Written<String>,

        /// `true`: whether it accepts connections. A server that is stuck still does, so prefer `http` where there is a
        /// path for it. Default: `http` says what is asked. Live.
        optional tcp: Written<bool>,

        /// The host that is asked for with `http`. Default: the name of the certificate with `tls`, else the address of
        /// the server. Live.
        optional host: Written<String>,

        /// From one check to the next, `10ms` to `1h`. Default `2s`. Live.
        optional interval: Written<Duration>,

        /// How far an interval may be longer or shorter by chance, as a share of it, up to `50%`. Default `10%`: checks
        /// of many servers, and of many edges, do not all fall on one moment. Live.
        optional jitter: Written<Percent>,

        /// Limit of one whole check, at most `interval`, so that checks of one server never overlap. Default `500ms`,
        /// or `interval` if that is less: a server that needs longer for this is not well. Live.
        optional timeout: Written<Duration>,

        /// Failures in a row until a server gets no more requests, 1 to 100. Default 3: one lost packet is no outage.
        /// Live.
        optional down_after: Written<u32>,

        /// Successes in a row until it gets requests again, 1 to 100. Default 2. Live.
        optional up_after: Written<u32>,
    }
}

/// Rules, or `off`.
#[derive(Debug)]
pub(crate) enum OrOff<T> {
    Off,
    On(T),
}

impl<T: Read> Read for OrOff<T> {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => T::read(node, at, report).map(Self::On),
            Value::Text(text) if text == "off" => Some(Self::Off),
            _ => refuse_kind(node, at, report, "`off` or a mapping"),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(vec!["off"]), T::shape()])
    }
}

mapping! {
    /// When a server is left out for what it does to requests, and for how long. `up` by hand brings it back at once.
    #[derive(Default)]
    Ejection {
        /// Errors in a row, 1 to 1000: no connection, one that breaks, a time limit, `502` or `504`. Never `500`,
        /// because one bad page must not empty a pool, nor `503` and `429`, because it would shift the load of a server
        /// that has too much to others. Default 5: by chance, a server that fails one request in ten does so once in
        /// 100,000. Live.
        optional consecutive_errors: Written<u32>,

        /// Leave out a server that fails more than the others do; `off` does not compare. Default: as below; `off` with
        /// `balance: {hash: ...}`, where one server alone gets all requests for a bad page. Live.
        optional success_rate: OrOff<Comparison>,

        /// How long at the first time, `10ms` to `1h`; at each further time in a row so much longer. Default `10s`:
        /// enough for a restart, and what was an accident costs little. Live.
        optional r#for: Written<Duration>,

        /// How long at the most, from `for` to `1d`. Default `5m`, or `for` if that is more. Live.
        optional longest: Written<Duration>,

        /// Share of the pool's servers that may be out at a time, `1%` to `100%`, rounded down; so of a pool of one,
        /// none ever is. Default `50%`: where more than half fail, the cause is elsewhere, and the rest could not carry
        /// it. Live.
        optional at_most: Written<Percent>,
    }
}

mapping! {
    /// How the servers of a pool are compared. Errors are what counts in a row, and every 5xx but `503`. One is left
    /// out whose share of successes is below that of all others together by more than `below`, and by more than chance
    /// explains (three standard deviations).
    #[derive(Default)]
    Comparison {
        /// How far below that of the others it may be, `1%` to `100%`. Default `20%`: a server that fails one request
        /// in four is found, one with a few bad pages stays. Live.
        optional below: Written<Percent>,

        /// Tries of a server in a window that say anything, 1 to 1000000; one with fewer is not judged. Default 100, as
        /// Envoy has it. Live.
        optional requests: Written<u32>,

        /// Over which time, `100ms` to `1h`. Default `10s`: so late at most it is found. Live.
        optional window: Written<Duration>,
    }
}

mapping! {
    /// When a request is sent once more, to another server if there is one: when nothing of it was sent, or its method
    /// is idempotent (RFC 9110 section 9.2.2); never after `503` or `429`, never once the client has been sent
    /// anything, and only within the `deadline` of its route.
    #[derive(Default)]
    Retry {
        /// Tries per request, 1 to 5; 1 never sends it again. Default 2: survives one dead server. Live.
        optional tries: Written<u32>,

        /// After what: `connect`, no connection could be made; `broken`, it broke before an answer; `timeout`, the
        /// answer did not begin in time; and statuses of the 5xx such as `500`. Default `[connect, broken, 502]`: what
        /// a restart of a server looks like. Not `timeout`: who waited ten seconds would wait twenty. `501` and `505`
        /// would be the same elsewhere, and `503` says that there is too much to do. Live.
        optional on: Written<Vec<Written<RetryOn>>>,

        /// Further tries as a share of the requests to the pool, `1%` to `100%`, of which up to 10 are saved up for
        /// quiet times. Default `10%`: when a whole pool fails, it gets a tenth more requests than clients send, not
        /// twice as many. What is not tried again for want of it is counted in
        /// `floodgate_upstream_retries_withheld_total`. Live.
        optional budget: Written<Percent>,
    }
}

/// After what a request is sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RetryOn {
    Connect,
    Broken,
    Timeout,
    Status(u16),
}

impl RetryOn {
    const WORDS: [(&str, Self); 3] = [("connect", Self::Connect), ("broken", Self::Broken), ("timeout", Self::Timeout)];
}

impl std::fmt::Display for RetryOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect => f.write_str("connect"),
            Self::Broken => f.write_str("broken"),
            Self::Timeout => f.write_str("timeout"),
            Self::Status(status) => status.fmt(f),
        }
    }
}

impl Read for RetryOn {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        const EXPECTED: &str = "`connect`, `broken`, `timeout` or a status such as `502`";
        match &node.value {
            Value::Integer(_) => u16::read(node, at, report).map(Self::Status),
            Value::Text(text) => {
                let found = Self::WORDS.iter().find(|(word, _)| word == text).map(|(_, on)| *on);
                if found.is_none() {
                    let message = format!("expected {EXPECTED}, found `{text}`");
                    let hint = match text.parse::<u16>() {
                        Ok(status) => Some(format!("write {status} without quotes")),
                        Err(_word) => suggest::hint(text, Self::WORDS.map(|(word, _)| word)),
                    };
                    report.refuse_with_hint(Code::UnknownWord, at, message, hint.unwrap_or_default());
                }
                found
            }
            _ => refuse_kind(node, at, report, EXPECTED),
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Words(Self::WORDS.map(|(word, _)| word).into()), Shape::Number { most: 599 }])
    }
}

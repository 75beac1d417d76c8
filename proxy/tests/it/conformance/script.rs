//! What a case is written in: requests, what the origin says to them if it is asked, and what must come of it.

use std::time::{Duration, SystemTime};

/// One case: exchanges about one URL of its own, in order.
pub(super) struct Case {
    pub(super) name: String,
    /// The rules that it shows.
    pub(super) rules: Vec<&'static str>,
    /// The route, by its folder: which policy holds.
    pub(super) policy: &'static str,
    pub(super) steps: Vec<Step>,
    /// What HTTP/2 has no words for.
    pub(super) http1_only: bool,
}

/// One request with what must come of it.
pub(super) struct Step {
    pub(super) method: &'static str,
    /// Behind the case's own path.
    pub(super) at: &'static str,
    pub(super) host: Option<&'static str>,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
    pub(super) origin: Answer,
    pub(super) expected: Vec<Expected>,
    /// Asked until it holds, for what happens in the background.
    pub(super) in_the_end: bool,
}

/// What must come of a request.
#[derive(Debug)]
pub(super) enum Expected {
    /// The origin was asked, and this is what it said now.
    FromOrigin,
    /// The origin was not asked, and this is what it said in an earlier step.
    Stored(usize),
    /// The origin was asked and has confirmed what it said in an earlier step.
    Confirmed(usize),
    /// The origin was asked, failed, and this is what it said in an earlier step.
    Hidden(usize),
    /// The origin was not asked, and nothing of what it ever said came.
    Refused,
    /// The origin was asked so many times.
    Asked(usize),
    Status(u16),
    Says(&'static str, String),
    Contains(&'static str, String),
    Without(&'static str, String),
    Lacks(&'static str),
    /// An age of so many seconds, or some more.
    Age(u64),
    Body(String),
    BodyContains(String),
    /// The client sees the answer break off.
    BreaksOff,
    OriginSaw(&'static str, String),
    OriginSawPart(&'static str, String),
    OriginSawNo(&'static str),
}

/// What the origin says.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
    /// `None` is a text of its own, by which the answer is known again.
    pub(super) body: Option<String>,
    pub(super) framing: Framing,
    pub(super) interim: Option<&'static str>,
    pub(super) dated: bool,
    pub(super) delay: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length,
    Chunks,
    /// Until the connection is closed.
    Close,
    /// It breaks off before its stated length.
    CutOff,
    /// It breaks off between two chunks.
    CutOffChunks,
    /// Nothing comes at all.
    HangUp,
    /// It is asked too late or never answers.
    Silence,
}

pub(super) fn case(name: impl Into<String>, rules: &[&'static str]) -> Case {
    Case { name: name.into(), rules: rules.to_vec(), policy: "plain", steps: Vec::new(), http1_only: false }
}

impl Case {
    pub(super) fn under(mut self, policy: &'static str) -> Self {
        self.policy = policy;
        self
    }

    pub(super) fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(super) fn http1(mut self) -> Self {
        self.http1_only = true;
        self
    }
}

pub(super) fn ask(method: &'static str) -> Step {
    Step {
        method,
        at: "",
        host: None,
        fields: Vec::new(),
        body: "",
        origin: answer(200),
        expected: Vec::new(),
        in_the_end: false,
    }
}

pub(super) fn get() -> Step {
    ask("GET")
}

pub(super) fn head() -> Step {
    ask("HEAD")
}

impl Step {
    pub(super) fn at(mut self, at: &'static str) -> Self {
        self.at = at;
        self
    }

    pub(super) fn host(mut self, host: &'static str) -> Self {
        self.host = Some(host);
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    pub(super) fn origin(mut self, answer: Answer) -> Self {
        self.origin = answer;
        self
    }

    pub(super) fn expect(mut self, expected: Expected) -> Self {
        self.expected.push(expected);
        self
    }

    pub(super) fn in_the_end(mut self) -> Self {
        self.in_the_end = true;
        self
    }

    pub(super) fn fetched(self) -> Self {
        self.expect(Expected::FromOrigin)
    }

    pub(super) fn stored(self, step: usize) -> Self {
        self.expect(Expected::Stored(step))
    }

    pub(super) fn confirmed(self, step: usize) -> Self {
        self.expect(Expected::Confirmed(step))
    }

    pub(super) fn hidden(self, step: usize) -> Self {
        self.expect(Expected::Hidden(step))
    }

    pub(super) fn refused(self) -> Self {
        self.expect(Expected::Refused)
    }

    pub(super) fn asked(self, times: usize) -> Self {
        self.expect(Expected::Asked(times))
    }

    pub(super) fn status(self, status: u16) -> Self {
        self.expect(Expected::Status(status))
    }

    pub(super) fn says(self, name: &'static str, value: impl Into<String>) -> Self {
        self.expect(Expected::Says(name, value.into()))
    }

    pub(super) fn contains(self, name: &'static str, part: impl Into<String>) -> Self {
        self.expect(Expected::Contains(name, part.into()))
    }

    pub(super) fn without(self, name: &'static str, part: impl Into<String>) -> Self {
        self.expect(Expected::Without(name, part.into()))
    }

    pub(super) fn lacks(self, name: &'static str) -> Self {
        self.expect(Expected::Lacks(name))
    }

    pub(super) fn age(self, seconds: u64) -> Self {
        self.expect(Expected::Age(seconds))
    }

    pub(super) fn text(self, body: impl Into<String>) -> Self {
        self.expect(Expected::Body(body.into()))
    }

    pub(super) fn text_with(self, part: impl Into<String>) -> Self {
        self.expect(Expected::BodyContains(part.into()))
    }

    pub(super) fn breaks_off(self) -> Self {
        self.expect(Expected::BreaksOff)
    }

    pub(super) fn origin_saw(self, name: &'static str, value: impl Into<String>) -> Self {
        self.expect(Expected::OriginSaw(name, value.into()))
    }

    pub(super) fn origin_saw_part(self, name: &'static str, part: impl Into<String>) -> Self {
        self.expect(Expected::OriginSawPart(name, part.into()))
    }

    pub(super) fn origin_saw_no(self, name: &'static str) -> Self {
        self.expect(Expected::OriginSawNo(name))
    }
}

pub(super) fn answer(status: u16) -> Answer {
    Answer {
        status,
        version: "HTTP/1.1",
        fields: Vec::new(),
        body: None,
        framing: Framing::Length,
        interim: None,
        dated: true,
        delay: Duration::ZERO,
    }
}

/// A 200 with this `Cache-Control`.
pub(super) fn ok(cache_control: &str) -> Answer {
    answer(200).field("cache-control", cache_control)
}

/// Fresh for an hour.
pub(super) fn fresh() -> Answer {
    ok("max-age=3600")
}

/// Stale for a minute when it arrives, and it can be validated.
pub(super) fn stale() -> Answer {
    ok("max-age=60").field("age", "120").field("etag", "\"1\"")
}

/// Confirms [`stale`], for an hour.
pub(super) fn not_modified() -> Answer {
    answer(304).field("cache-control", "max-age=3600").field("etag", "\"1\"")
}

impl Answer {
    pub(super) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(super) fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    pub(super) fn after(mut self, interim: &'static str) -> Self {
        self.interim = Some(interim);
        self
    }

    pub(super) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    pub(super) fn undated(mut self) -> Self {
        self.dated = false;
        self
    }

    pub(super) fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A date so many seconds from now.
pub(super) fn date(seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    httpdate::fmt_http_date(if seconds < 0 { now - by } else { now + by })
}

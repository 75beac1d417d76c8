//! What is said about one request: as JSON for programs, displayed for people.

use std::{fmt, net::IpAddr};

use serde::Serialize;

use crate::request::refusal::Refusal;

/// All that can be said, in the order of the request's way.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Explanation {
    /// Name of the listener.
    pub(crate) listener: String,
    /// The request in one spelling; `None` if it is refused before.
    pub(crate) request: Option<Request>,
    /// The route that serves it; `None` if none does.
    pub(crate) route: Option<RouteFound>,
    /// Other routes whose host and path match, and why they do not serve it.
    pub(crate) other_routes: Vec<OtherRoute>,
    /// Whether its route is only for clients that show a certificate.
    pub(crate) needs_client_certificate: bool,
    /// Rate limits that count it.
    pub(crate) limits: Vec<Limit>,
    /// How important it is; `None` where no pool is asked.
    pub(crate) class: Option<Class>,
    /// The cache's part; `None` where no pool is asked.
    pub(crate) cache: Option<Cache>,
    /// What it asks for that would stay open, and whether it may; `None` for what is answered and over.
    pub(crate) stream: Option<String>,
    /// What the origin gets to see; `None` where no pool is asked.
    pub(crate) origin: Option<Origin>,
    /// Where it would go; empty where no pool is asked, several where a split draws by chance.
    pub(crate) pools: Vec<Pool>,
    /// What comes of it.
    pub(crate) answer: Answer,
}

/// The facts of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    /// The client, behind trusted proxies.
    pub(crate) client: IpAddr,
    /// Host without port.
    pub(crate) host: String,
    /// Path in its one spelling.
    pub(crate) path: String,
    /// Query, as sent.
    pub(crate) query: Option<String>,
}

/// The route that serves it.
#[derive(Debug, Serialize)]
pub(crate) struct RouteFound {
    pub(crate) name: String,
    /// Host pattern that matched; `None` takes every host.
    pub(crate) host: Option<String>,
    /// Path pattern that matched.
    pub(crate) path: String,
    /// Where it is written.
    pub(crate) place: Option<String>,
}

/// A route that does not serve it.
#[derive(Debug, Serialize)]
pub(crate) struct OtherRoute {
    pub(crate) name: String,
    /// Completes "this route ...".
    pub(crate) why: String,
}

/// One rate limit.
#[derive(Debug, Serialize)]
pub(crate) struct Limit {
    /// What is counted, such as `address 192.0.2.1`.
    pub(crate) key: String,
    /// `100/s`
    pub(crate) rate: String,
    pub(crate) burst: u32,
    /// Requests that are allowed at once now; only a running edge knows.
    pub(crate) left: Option<u32>,
}

/// How important it is, and what that means for the pool.
#[derive(Debug, Serialize)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// 1 is the most important.
    pub(crate) rank: u16,
    /// How many there are.
    pub(crate) of: usize,
}

/// The cache's part.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Cache {
    /// Why the cache is not asked; the rest is empty then.
    pub(crate) not_asked: Option<String>,
    pub(crate) zone: Option<String>,
    /// Several where a split draws by chance.
    pub(crate) keys: Vec<String>,
    /// Where each time comes from, in order of precedence.
    pub(crate) freshness: Vec<Freshness>,
    /// What is stored under each key now; only a running edge knows.
    pub(crate) stored: Vec<String>,
}

/// One kind of time and its sources.
#[derive(Debug, Serialize)]
pub(crate) struct Freshness {
    /// `fresh`, or how it may be served when it no longer is: `refreshing`, `on an error`.
    pub(crate) what: &'static str,
    /// The first that says something counts.
    pub(crate) sources: Vec<String>,
}

/// What the origin gets to see.
#[derive(Debug, Serialize)]
pub(crate) struct Origin {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) host: String,
    /// Changes to the header beyond the edge's own.
    pub(crate) header_changes: Vec<String>,
}

/// One pool that it may go to.
#[derive(Debug, Serialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    /// Why this one, where there was a choice.
    pub(crate) chosen: Option<String>,
    /// How one of its endpoints is chosen.
    pub(crate) balance: String,
    /// What of the request decides that; `None` where nothing does.
    pub(crate) key: Option<String>,
    /// The cookie that keeps a client at its endpoint, and whether the request has it.
    pub(crate) sticky: Option<String>,
    /// The file that lists further endpoints.
    pub(crate) endpoints_file: Option<String>,
    /// As written; those that there are, where a running edge is asked.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Requests in flight up to which this class is let in.
    pub(crate) ceiling: u32,
    /// Requests in flight now; only a running edge knows.
    pub(crate) in_flight: Option<u32>,
}

/// One server, or several behind a name.
#[derive(Debug, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    /// The name that it was found behind.
    pub(crate) name: Option<String>,
    pub(crate) weight: u16,
    pub(crate) zone: Option<String>,
    pub(crate) backup: bool,
    pub(crate) drain: bool,
    /// How it stands; only a running edge knows.
    pub(crate) state: Option<State>,
}

/// How an endpoint stands now.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    /// In one word.
    pub(crate) word: &'static str,
    /// Why, where the word does not say it all.
    pub(crate) why: Option<String>,
    /// Whether it gets requests of every client.
    pub(crate) serves: bool,
    pub(crate) in_flight: u32,
    /// Its weight as it counts now.
    pub(crate) weight: f64,
}

/// What comes of it.
#[derive(Debug, Default, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// A stored answer, or the pool's.
    #[default]
    Forwarded,
    /// The edge says no.
    Refused {
        status: u16,
        /// As in metrics and log.
        reason: &'static str,
        text: String,
    },
    /// The client is sent elsewhere.
    Redirected { status: u16, location: String },
    /// An answer that is always the same.
    Fixed { status: u16, content_type: Option<String> },
    /// A file.
    File { path: String },
}

impl Answer {
    /// The edge says no.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::Refused { status: refusal.status(), reason: refusal.label(), text: refusal.text().into_owned() }
    }
}

/// One line: a heading in the first column, then what is said.
fn line(f: &mut fmt::Formatter<'_>, heading: &str, said: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{heading:<10} {said}")
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "listener", &self.listener)?;
        if let Some(request) = &self.request {
            line(f, "client", request.client)?;
            line(f, "host", &request.host)?;
            line(f, "path", &request.path)?;
            if let Some(query) = &request.query {
                line(f, "query", query)?;
            }
        }
        self.show_route(f)?;
        if self.needs_client_certificate {
            line(f, "only for", "clients that show a certificate; others get 403")?;
        }
        for limit in &self.limits {
            line(f, "limit", limit)?;
        }
        if let Some(class) = &self.class {
            line(f, "class", format_args!("{}, {} of {}", class.name, class.rank, class.of))?;
        }
        if let Some(cache) = &self.cache {
            write!(f, "{cache}")?;
        }
        if let Some(stream) = &self.stream {
            line(f, "stream", stream)?;
        }
        if let Some(origin) = &self.origin {
            line(f, "origin", format_args!("is asked for {} at {}", origin.target, origin.host))?;
            for change in &origin.header_changes {
                line(f, "", change)?;
            }
        }
        for pool in &self.pools {
            write!(f, "{pool}")?;
        }
        line(f, "answer", &self.answer)
    }
}

impl Explanation {
    fn show_route(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.route {
            Some(route) => {
                let host = route.host.as_ref().map_or(String::new(), |host| format!("host {host}, "));
                let place = route.place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
                line(f, "route", format_args!("{}{place}: {host}path {}", route.name, route.path))?;
            }
            None if matches!(self.answer, Answer::Refused { .. }) => line(f, "route", "none")?,
            None => {}
        }
        for other in &self.other_routes {
            line(f, "  not", format_args!("{}: it {}", other.name, other.why))?;
        }
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, burst {}", self.key, self.rate, self.burst)?;
        self.left.map_or(Ok(()), |left| write!(f, "; {left} left now"))
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.not_asked {
            return line(f, "cache", format_args!("not asked: {why}"));
        }
        line(f, "cache", format_args!("zone {}", self.zone.as_deref().unwrap_or_default()))?;
        for (n, key) in self.keys.iter().enumerate() {
            let stored = self.stored.get(n).map_or(String::new(), |stored| format!("; {stored}"));
            line(f, "", format_args!("key {key}{stored}"))?;
        }
        for freshness in &self.freshness {
            for (n, source) in freshness.sources.iter().enumerate() {
                let what = if n == 0 { freshness.what } else { "" };
                let order = if n == 0 { "" } else { "else " };
                line(f, "", format_args!("{what:<13} {order}{source}"))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen = self.chosen.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        line(f, "pool", format_args!("{}{chosen}: {}", self.name, self.balance))?;
        let now = self.in_flight.map_or(String::new(), |now| format!("; {now} now"));
        line(f, "", format_args!("lets this class in up to {} requests in flight{now}", self.ceiling))?;
        if let Some(key) = &self.key {
            line(f, "", format_args!("key {key}"))?;
        }
        if let Some(sticky) = &self.sticky {
            line(f, "", format_args!("kept by {sticky}"))?;
        }
        if let Some(path) = &self.endpoints_file {
            line(f, "", format_args!("endpoints also from {path}"))?;
        }
        self.endpoints.iter().try_for_each(|endpoint| line(f, "", endpoint))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ", weight {}", self.weight)?;
        if let Some(zone) = &self.zone {
            write!(f, ", zone {zone}")?;
        }
        if self.backup {
            f.write_str(", backup")?;
        }
        if self.drain {
            f.write_str(", draining")?;
        }
        let Some(State { word, why, in_flight, .. }) = &self.state else { return Ok(()) };
        write!(f, ": {word}")?;
        if let Some(why) = why {
            write!(f, " ({why})")?;
        }
        write!(f, ", {in_flight} in flight")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forwarded => f.write_str("from the cache if it is stored and fresh, else from the pool"),
            Self::Refused { status, reason, text } => write!(f, "{status} {reason}: {text}"),
            Self::Redirected { status, location } => write!(f, "{status} to {location}"),
            Self::Fixed { status, content_type: Some(content_type) } => write!(f, "{status} {content_type}, fixed"),
            Self::Fixed { status, content_type: None } => write!(f, "{status} without a body, fixed"),
            Self::File { path } => write!(f, "the file {path}"),
        }
    }
}
